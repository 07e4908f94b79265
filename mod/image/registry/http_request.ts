/** What is sent over HTTP. @module */

/** What goes with a request. */
export type Body =
  | Uint8Array<ArrayBuffer>
  /** Opened anew whenever the request has to be made once more. */
  | { open(): AsyncIterable<Uint8Array<ArrayBuffer>> };

/** One request. */
export interface HttpRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: URL;
  /** By name in lower case. */
  headers: Readonly<Record<string, string>>;
  body?: Body | undefined;
  /** Whether the body proves who asks: then it goes to no other server. @default {false} */
  isBodySecret?: boolean;
}

/** Whether a host is this machine, whoever resolves its name. @param hostname As in a URL. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}
