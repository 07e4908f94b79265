/** Requests over `node:http` and `node:https`, where `fetch` will not do. @module */

import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { type Body, type HttpRequest, isLoopback } from "./http_request.ts";
import type { HostTrust } from "./trust.ts";

/** How a host is asked. */
export interface NodeClientOptions {
  trust: HostTrust;
  /** Whether the server's certificate has to be trusted. */
  isVerified: boolean;
  /** Where proxies are named. */
  environment: (name: string) => string | undefined;
}

type Request = (url: URL, options: RequestOptions) => ClientRequest;

/** Connections to one host. */
export interface NodeClient extends Disposable {
  /** Makes a request and gives its answer, whatever that is. Redirects are not followed. */
  send(request: HttpRequest, signal: AbortSignal): Promise<Response>;
}

/** Loads what it takes to talk to the host of `url`. */
export async function openNodeClient(url: URL, options: NodeClientOptions): Promise<NodeClient> {
  const { agent, request } = url.protocol === "https:"
    ? await openSecure(url, options)
    : await openPlain(url, options);
  return {
    send: (wanted, signal) => send(wanted, (to, more) => request(to, { ...more, agent, signal })),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function openPlain(
  url: URL,
  options: NodeClientOptions,
): Promise<{ agent: Agent; request: Request }> {
  const http = await import("node:http");
  return { agent: new http.Agent(agentOptions(url, options)), request: http.request };
}

async function openSecure(
  url: URL,
  options: NodeClientOptions,
): Promise<{ agent: Agent; request: Request }> {
  const [https, tls] = await Promise.all([import("node:https"), import("node:tls")]);
  const { trust: { authorities, identity }, isVerified } = options;
  const security = {
    ca: [...tls.rootCertificates, ...authorities],
    rejectUnauthorized: isVerified,
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  };
  return {
    agent: new https.Agent({ ...agentOptions(url, options), ...security }),
    request: (to, more) => https.request(to, { ...more, ...security }),
  };
}

/** `proxyEnv` is not in the types of Node that Deno brings. */
function agentOptions(
  { hostname }: URL,
  { environment }: NodeClientOptions,
): { keepAlive: true; proxyEnv: Record<string, string> } {
  // No proxy could reach what is on this machine
  const proxyEnv = isLoopback(hostname) ? {} : proxiesIn(environment);
  return { keepAlive: true, proxyEnv };
}

const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/** As `fetch` does, in capitals or not. */
function proxiesIn(environment: NodeClientOptions["environment"]): Record<string, string> {
  return Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => {
      const value = environment(name) ?? environment(name.toLowerCase());
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function send(
  { method, url, headers, body }: HttpRequest,
  request: Request,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = request(url, { method, headers: { ...headers } });
  sent.on("response", resolve);
  sent.on("error", reject);
  // Whoever answers before it has everything may close: what counts then is the answer
  writeBody(sent, body).catch((error) => sent.destroy(error));
  return toResponse(await promise, method);
}

async function writeBody(sent: ClientRequest, body: Body | undefined): Promise<void> {
  if (body instanceof Uint8Array) {
    sent.setHeader("content-length", body.length);
    sent.write(body);
  } else if (body !== undefined) {
    const closed = Promise.withResolvers<void>();
    sent.once("close", closed.resolve);
    for await (const chunk of body.open()) {
      if (!sent.write(chunk)) await Promise.race([drained(sent), closed.promise]);
    }
  }
  sent.end();
}

async function drained(sent: ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  sent.once("drain", resolve);
  await promise;
}

/** Answers without content; a `Response` of them must not have any. */
const EMPTY_STATUSES = [204, 205, 304];

function toResponse(message: IncomingMessage, method: HttpRequest["method"]): Response {
  const { statusCode: status = 0, rawHeaders } = message;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
  }
  const isEmpty = method === "HEAD" || EMPTY_STATUSES.includes(status);
  if (isEmpty) message.resume();
  return new Response(isEmpty ? null : ReadableStream.from(message), { status, headers });
}
