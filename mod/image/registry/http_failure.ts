/**
 * Why a request got no answer, out of the words of Deno's `fetch`, which has no codes for it, and of `node:https`.
 *
 * @module
 */

/** Why there was no answer. */
export type HttpFailure =
  | "unknown_host"
  | "refused"
  | "unreachable"
  /** The server's certificate is not to be trusted. */
  | "certificate"
  /** It is the very one that is trusted, but Deno's `fetch` takes it for an authority's alone. */
  | "own_authority"
  /** What answers does not speak TLS. */
  | "not_tls"
  /** `fetch` does not ask at this port, whatever there may be. */
  | "blocked_port"
  /** The connection ended or nobody answered: that may be better the next time. */
  | "cut";

const SIGNS: readonly (readonly [RegExp, HttpFailure])[] = [
  [/Requests to port \d+ are blocked/, "blocked_port"],
  [/dns error|ENOTFOUND|EAI_/, "unknown_host"],
  [/Connection refused|ECONNREFUSED/, "refused"],
  [/unreachable|No route to host|ENETUNREACH|EHOSTUNREACH/i, "unreachable"],
  [/CaUsedAsEndEntity/, "own_authority"],
  [/invalid peer certificate|certificate|ERR_TLS_CERT|altname/i, "certificate"],
  [/corrupt message of type|WRONG_VERSION_NUMBER|tls handshake eof|before secure TLS/, "not_tls"],
];

/** Classifies what `fetch` or `node:https` threw; a failure of no known kind counts as `cut`. */
export function classifyFailure(error: unknown): HttpFailure {
  const text = describeFailure(error);
  return SIGNS.find(([sign]) => sign.test(text))?.[1] ?? "cut";
}

/** All that an error and its causes say. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? `${error.code} ` : "";
  const cause = error.cause === undefined ? "" : `: ${describeFailure(error.cause)}`;
  return `${code}${error.message}${cause}`;
}
