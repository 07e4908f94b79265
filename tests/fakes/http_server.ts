/**
 * A server that answers as it is told, and lies as real ones do not.
 *
 * @module
 */

/** What was asked. */
export interface FakeRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Headers;
  body: Uint8Array;
}

/** What to answer. */
export interface FakeAnswer {
  /** @default {200} */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** @default {empty} */
  body?: Uint8Array | string;
  /** Content-Length in place of the true one; `null` for none. */
  length?: number | null;
  /** After so many bytes of the body the connection ends. */
  cutAfter?: number;
  /** When the connection stays open in silence: before anything is said, or after the body. */
  hangs?: "at once" | "after the body";
}

/** What is special about a server. */
export interface FakeServerOptions {
  /** What it shows to those who speak TLS. @default {it does not speak it} */
  identity?: FakeIdentity;
  /** Whether it is asked for its answer to `GET /v2/`, too, which is 200 otherwise. @default {false} */
  answersPings?: boolean;
}

/** Certificate and key, as PEM. */
export interface FakeIdentity {
  cert: string;
  key: string;
}

const END_OF_HEAD = "\r\n\r\n";
/** First byte of whoever speaks TLS. */
const TLS_HANDSHAKE = 0x16;

/** A running server; disposing of it ends it. */
export class FakeServer implements AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** All requests so far, but no pings of `/v2/` that have not to be answered. */
  readonly requests: FakeRequest[] = [];
  readonly #answersPings: boolean;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #work: Promise<void>;

  /** @param answer What to say; `undefined` ends the connection. */
  constructor(
    answer: (request: FakeRequest, index: number) => FakeAnswer | undefined,
    { identity, answersPings = false }: FakeServerOptions = {},
  ) {
    this.#answersPings = answersPings;
    const address = { hostname: "127.0.0.1", port: 0 };
    this.#listener = identity === undefined
      ? Deno.listen(address)
      : Deno.listenTls({ ...address, ...identity });
    this.host = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#work = this.#serve(answer);
  }

  /** `METHOD PATH` of all requests so far. */
  get log(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  async #serve(
    answer: (request: FakeRequest, index: number) => FakeAnswer | undefined,
  ): Promise<void> {
    const running: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      running.push(this.#serveOne(connection, answer));
    }
    await Promise.all(running);
  }

  async #serveOne(
    connection: Deno.Conn,
    answer: (request: FakeRequest, index: number) => FakeAnswer | undefined,
  ): Promise<void> {
    this.#connections.add(connection);
    try {
      const request = await readRequest(connection);
      if (request === undefined) return;
      if (request.path === "/v2/" && request.method === "GET" && !this.#answersPings) {
        return await writeAnswer(connection, {});
      }
      this.requests.push(request);
      const said = answer(request, this.requests.length - 1);
      if (said !== undefined && said.hangs !== "at once") await writeAnswer(connection, said);
      // Until the client has enough of it
      if (said?.hangs !== undefined) await connection.read(new Uint8Array(1));
    } catch (error) {
      // Some tests want clients to go, or not to believe this server
      if (!isClientGone(error)) throw error;
    } finally {
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }

  /** Ends the server and all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#work;
  }
}

const GONE = [
  Deno.errors.BadResource,
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionReset,
  Deno.errors.Interrupted,
  Deno.errors.InvalidData,
  Deno.errors.UnexpectedEof,
];

function isClientGone(error: unknown): boolean {
  return GONE.some((kind) => error instanceof kind);
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    // Closed already
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function readRequest(connection: Deno.Conn): Promise<FakeRequest | undefined> {
  let bytes: Uint8Array<ArrayBufferLike> = new Uint8Array();
  const more = async (): Promise<boolean> => {
    const buffer = new Uint8Array(65536);
    const length = await connection.read(buffer);
    if (length === null) return false;
    bytes = concatenate([bytes, buffer.subarray(0, length)]);
    return true;
  };
  const text = (): string => new TextDecoder("latin1").decode(bytes);
  while (!text().includes(END_OF_HEAD)) {
    if (!await more() || bytes[0] === TLS_HANDSHAKE) return undefined;
  }
  const bodyAt = text().indexOf(END_OF_HEAD) + END_OF_HEAD.length;
  const [first = "", ...lines] = text().slice(0, bodyAt - END_OF_HEAD.length).split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as [string, string];
  }));
  const isChunked = headers.get("transfer-encoding") === "chunked";
  const length = Number(headers.get("content-length") ?? 0);
  const isWhole = (): boolean =>
    isChunked ? text().slice(bodyAt).endsWith("0\r\n\r\n") : bytes.length >= bodyAt + length;
  while (!isWhole()) if (!await more()) break;
  const body = bytes.subarray(bodyAt);
  return { method, path, headers, body: isChunked ? dechunk(body) : body };
}

function dechunk(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const text = new TextDecoder("latin1").decode(bytes);
  for (let at = 0;;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (end < 0 || !(size > 0)) return concatenate(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

async function writeAnswer(
  connection: Deno.Conn,
  { status = 200, headers = {}, body = "", length, cutAfter }: FakeAnswer,
): Promise<void> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const stated = length === undefined ? bytes.length : length;
  const head = [
    `HTTP/1.1 ${status} Told`,
    "Connection: close",
    ...(stated === null ? [] : [`Content-Length: ${stated}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ].join("\r\n");
  const sent = cutAfter === undefined ? bytes : bytes.subarray(0, cutAfter);
  await writeAll(connection, concatenate([new TextEncoder().encode(head), sent]));
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
