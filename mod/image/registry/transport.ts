/**
 * Requests with time limits and redirects.
 *
 * Redirects are followed here and not by `fetch`, because what proves who asks must not get to another server.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import type { HttpClients } from "./http_client.ts";
import type { HttpRequest } from "./http_request.ts";
import { classifyFailure, describeFailure, type HttpFailure } from "./http_failure.ts";
import type { Patience } from "./patience.ts";
import { TransientError } from "./retry.ts";

const MAX_REDIRECTS = 10;

/** What a server said. Dispose of it: an answer that is not read keeps its connection. */
export class Answer implements AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  /** Who said it, after redirects. */
  readonly url: URL;
  readonly #body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly #idleMs: number;
  readonly #signal: AbortSignal;
  #isOver = false;

  /** @param signal Of whoever asked. */
  constructor(
    { status, headers, body }: Response,
    { url, idleMs, signal }: { url: URL; idleMs: number; signal: AbortSignal },
  ) {
    this.status = status;
    this.headers = headers;
    this.url = url;
    this.#body = body;
    this.#idleMs = idleMs;
    this.#signal = signal;
  }

  /**
   * Reads the content, once.
   *
   * @throws {TransientError} If it is cut, or nothing comes for too long.
   */
  async *chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    if (this.#body === null) return;
    const reader = this.#body.getReader();
    using idle = new Deadline(this.#idleMs, () => {
      reader.cancel(new Error("Nothing came")).catch(() => undefined);
    });
    try {
      for (;;) {
        idle.start();
        const { done, value } = await reader.read();
        idle.stop();
        if (idle.isOver) throw new TransientError(stalled(this.url, this.#idleMs));
        if (done) break;
        yield value;
      }
      this.#isOver = true;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error instanceof TransientError ? error : new TransientError(cut(this.url, error));
    } finally {
      reader.releaseLock();
    }
  }

  /**
   * Reads the whole content.
   *
   * @param limit Most bytes that are accepted.
   * @returns `undefined` if there are more.
   * @throws {TransientError} As {@linkcode Answer.chunks}.
   */
  async bytes(limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (Number(this.headers.get("content-length") ?? 0) > limit) return undefined;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const chunk of this.chunks()) {
      length += chunk.length;
      if (length > limit) return undefined;
      parts.push(chunk);
    }
    return concatenate(parts, length);
  }

  /** Gives up what has not been read. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver || this.#body === null) return;
    this.#isOver = true;
    // A connection that is broken already cannot be given up once more
    await this.#body.cancel().catch(() => undefined);
  }
}

function concatenate(
  parts: readonly Uint8Array<ArrayBuffer>[],
  length: number,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A time limit that can be started again and again. */
class Deadline implements Disposable {
  readonly #ms: number;
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(ms: number, onOver: () => void) {
    this.#ms = ms;
    this.#onOver = onOver;
  }

  /** Whether time was up once. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param ms In place of the usual limit. */
  start(ms: number = this.#ms): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#onOver();
    }, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Makes requests. */
export class Transport {
  readonly #http: HttpClients;
  readonly #patience: Patience;

  constructor(http: HttpClients, patience: Patience) {
    this.#http = http;
    this.#patience = patience;
  }

  /**
   * Makes a request and follows redirects. `Authorization`, and a body that is secret, go to the host, port and scheme
   * of the request alone.
   *
   * @throws {TransientError} If the connection is cut or takes too long.
   * @throws {WherryError} `unavailable` if there is no answer for another reason, or no end to the redirects.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    let current = request;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#sendOnce(current, signal);
      const location = redirectLocation(answer);
      if (location === undefined) return answer;
      await answer[Symbol.asyncDispose]();
      current = this.#redirected(current, location, answer.status);
    }
    throw new WherryError(
      "unavailable",
      `Cannot get "${redact(request.url)}": more than ${MAX_REDIRECTS} redirects`,
    );
  }

  #redirected(request: HttpRequest, location: string, status: number): HttpRequest {
    const { url: from, method } = request;
    const to = URL.parse(location, from);
    const refuse = (state: string): never => {
      throw new WherryError("unavailable", `Cannot follow "${redact(from)}": ${state}`);
    };
    if (to === null || !/^https?:$/.test(to.protocol)) return refuse("its redirect leads nowhere");
    if (isDowngrade(from, to) && !this.#http.isInsecure(from)) {
      return refuse(`it leads to "${redact(to)}", which is not encrypted`);
    }
    const isReading = method === "GET" || method === "HEAD";
    if (!isReading && status !== 307 && status !== 308) {
      return refuse(`status ${status} would turn ${method} into GET`);
    }
    const isSameServer = to.origin === from.origin;
    if (request.isBodySecret === true && !isSameServer) {
      return refuse(`it leads to "${redact(to)}", and nobody else may learn what is sent`);
    }
    to.username = "";
    to.password = "";
    const { authorization: _, ...headers } = request.headers;
    return { ...request, url: to, headers: isSameServer ? request.headers : headers };
  }

  async #sendOnce(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    const { answerMs, commitMs, idleMs } = this.#patience;
    const isReading = request.method === "GET" || request.method === "HEAD";
    const limitMs = isReading ? answerMs : commitMs;
    const controller = new AbortController();
    using deadline = new Deadline(limitMs, () => controller.abort());
    const watched = watchBody(request, () => deadline.start());
    deadline.start();
    try {
      const response = await this.#http.send(
        { ...request, body: watched.body, headers: { ...USUAL_HEADERS, ...request.headers } },
        AbortSignal.any([signal, controller.signal]),
      );
      return new Answer(response, { url: request.url, idleMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (watched.failure !== undefined) throw watched.failure.error;
      if (deadline.isOver) throw new TransientError(stalled(request.url, limitMs));
      throw explain(request.url, error);
    }
  }
}

const USUAL_HEADERS = { "accept-encoding": "identity", "user-agent": "wherry" };

/** Statuses of redirects that are followed. */
const REDIRECTS = [301, 302, 303, 307, 308];

function redirectLocation({ status, headers }: Answer): string | undefined {
  return REDIRECTS.includes(status) ? headers.get("location") ?? undefined : undefined;
}

function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === "https:" && to.protocol === "http:";
}

/** A body that tells how it goes, so that its own failure is not taken for the server's. */
function watchBody(
  { body }: HttpRequest,
  onProgress: () => void,
): Pick<HttpRequest, "body"> & { failure?: { error: unknown } } {
  if (body === undefined || body instanceof Uint8Array) return { body };
  const watched: ReturnType<typeof watchBody> = {
    body: {
      open: async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
        const chunks = body.open();
        try {
          for await (const chunk of chunks) {
            onProgress();
            yield chunk;
          }
        } catch (error) {
          watched.failure = { error };
          throw error;
        }
        onProgress();
      },
    },
  };
  return watched;
}

/** An address without what may be a secret in it: signed addresses of storage have one after the `?`. */
export function redact(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function stalled(url: URL, ms: number): WherryError {
  return new WherryError(
    "unavailable",
    `Cannot get "${redact(url)}": nothing came for ${ms / 1000} seconds`,
  );
}

function cut(url: URL, cause: unknown): WherryError {
  return new WherryError("unavailable", `Cannot get "${redact(url)}": the connection was cut`, {
    cause,
  });
}

const STATES: Readonly<Record<Exclude<HttpFailure, "cut">, string>> = {
  "unknown_host": "the host is not known",
  "refused": "nobody answers there",
  "unreachable": "there is no way to that network",
  "certificate": "the server's certificate is not trusted",
  "own_authority": "the server's certificate is not trusted",
  "not_tls": "the server does not speak TLS",
  "blocked_port": "that port is not allowed",
};

/** A failed request whose reason a caller may act on. */
export class ConnectionError extends WherryError {
  /** Why there was no answer. */
  readonly failure: HttpFailure;

  constructor(url: URL, failure: Exclude<HttpFailure, "cut">, cause: unknown) {
    const detail = failure === "certificate" ? ` (${certificateDetail(cause)})` : "";
    super("unavailable", `Cannot reach "${url.host}": ${STATES[failure]}${detail}`, {
      cause,
      ...hintFor(url, failure),
    });
    this.failure = failure;
  }
}

function certificateDetail(cause: unknown): string {
  const text = describeFailure(cause);
  return /invalid peer certificate: (.*)$/.exec(text)?.[1] ?? text;
}

function hintFor({ host, hostname }: URL, failure: HttpFailure): { hint?: string } {
  switch (failure) {
    case "certificate":
    case "own_authority":
      return {
        hint: `Put its authority's certificate into /etc/docker/certs.d/${host}/ca.crt, ` +
          "or mark the registry as insecure in /etc/wherry/registries.json",
      };
    case "not_tls":
      return { hint: `Mark "${host}" as insecure in /etc/wherry/registries.json to use HTTP` };
    case "unknown_host":
      return { hint: `Check the name "${hostname}", and the DNS servers of this host` };
    default:
      return {};
  }
}

function explain(url: URL, cause: unknown): Error {
  // Files of certificates that cannot be used, for example
  if (cause instanceof WherryError) return cause;
  const failure = classifyFailure(cause);
  return failure === "cut"
    ? new TransientError(cut(url, cause))
    : new ConnectionError(url, failure, cause);
}
