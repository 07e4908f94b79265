/**
 * A small registry that tells the truth until it is told to lie, and remembers what it was asked.
 *
 * @example Cut the first download of a layer after 1000 bytes
 * ```ts ignore
 * await using registry = LyingRegistry.start({ within: (act) => wherry.network.within(act) });
 * const image = registry.addImage("app", "1", makeRegistryImage({ layers: [tar] }));
 * registry.lie(`GET /v2/app/blobs/${image.layers[0].digest}`, cutAt(1000), { times: 1 });
 * await wherry.run(["pull", `${registry.host}/app:1`]);
 * ```
 *
 * @see {@link https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md}
 * @module
 */

import type { Digest } from "../mod/image/spec/digest.ts";
import { digestOf, type Document, type RegistryImage } from "./fakes/registry_image.ts";
import type { Account } from "./registry.ts";

/** A request that came. */
export interface RegistryRequest {
  method: string;
  /** With its query. */
  path: string;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  /** All of it that was read. */
  body: Uint8Array<ArrayBuffer>;
}

/** What goes back. */
export interface Answer {
  status: number;
  /** Names in lower case; `content-length` is the body's unless it is here. */
  headers: Readonly<Record<string, string>>;
  /** The whole content; or its pieces, of which only the first may be needed. */
  content: Uint8Array | Iterable<Uint8Array>;
  /** Which part of the content was asked for, and is sent. @default {all} */
  range?: { start: number; end: number } | undefined;
  /** The connection is closed after so many bytes of the body. @default {it stays open} */
  cutAfter?: number;
  /** @default {as fast as can be} */
  bytesPerSecond?: number;
  /** How long it is held back, in milliseconds. @default {0} */
  delayMs?: number;
}

/** Something else than the truth. */
export interface Lie {
  /** No more than so many bytes of a request's body are read. @default {all are read} */
  readAtMost?: number;
  /** Whether the connection stays open then, with nobody reading. @default {it is closed} */
  stalls?: boolean;
  /** Changes the answer; `undefined` leaves it, and does not count as a lie. */
  change?: (answer: Answer, request: RegistryRequest) => Answer | undefined;
}

/** Sends a content that is as long as the right one, with one bit changed. */
export function flipBit(): Lie {
  return onContent((answer, content) => {
    const changed = content.slice();
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
    return { ...answer, content: changed };
  });
}

/** Sends less than there is, and says so. */
export function leaveOut(bytes: number): Lie {
  return onContent((answer, content) => ({
    ...answer,
    content: content.subarray(0, Math.max(0, content.length - bytes)),
  }));
}

/** Sends more than there is, and says so. */
export function add(bytes: number): Lie {
  return onContent((answer, content) => {
    const longer = new Uint8Array(content.length + bytes);
    longer.set(content);
    const { start = 0 } = answer.range ?? {};
    return {
      ...answer,
      content: longer,
      range: answer.range && { start, end: longer.length },
    };
  });
}

/** Sends the truth, with another `Content-Length`; then the connection is closed. */
export function claimLength(bytes: number): Lie {
  return onContent((answer) => ({
    ...answer,
    headers: { ...answer.headers, "content-length": String(bytes) },
    cutAfter: Infinity,
  }));
}

/** Closes the connection when the content's first `offset` bytes have gone, in this answer or in earlier ones. */
export function cutAt(offset: number): Lie {
  return onContent((answer) => {
    const { start = 0 } = answer.range ?? {};
    return start > offset ? undefined : { ...answer, cutAfter: offset - start };
  });
}

/** Closes the connection after each `bytes` of a body. */
export function cutAfter(bytes: number): Lie {
  return onContent((answer) => ({ ...answer, cutAfter: bytes }));
}

/** Sends everything where a part was asked for. */
export function ignoreRange(): Lie {
  return onContent((answer) => answer.range && { ...answer, range: undefined });
}

/** Sends another part than the one that was asked for, and says so. */
export function shiftRange(bytes: number): Lie {
  return onContent((answer) => {
    const { range } = answer;
    return range && { ...answer, range: { ...range, start: Math.max(0, range.start + bytes) } };
  });
}

/** Sends slowly. */
export function slowly(bytesPerSecond: number): Lie {
  return onContent((answer) => ({ ...answer, bytesPerSecond }));
}

/** Answers late. */
export function late(delayMs: number): Lie {
  return { change: (answer) => ({ ...answer, delayMs }) };
}

/** Says no or not now. */
export function refuse(
  status: number,
  { headers = {}, code = "UNKNOWN", message = "no" }: {
    headers?: Readonly<Record<string, string>>;
    code?: string;
    message?: string;
  } = {},
): Lie {
  return { change: () => failure(status, { code, message, headers }) };
}

/** Sends somewhere else: to one place, or to one that the path decides. */
export function redirect(to: string | ((path: string) => string), status = 307): Lie {
  const target = (path: string): string => typeof to === "string" ? to : to(path);
  return {
    change: (_, { path }) => ({
      status,
      headers: { location: target(path) },
      content: new Uint8Array(0),
    }),
  };
}

/** Sends to the same place for ever. */
export function redirectForEver(): Lie {
  return redirect((path) => path);
}

/** Answers with something else altogether, piece by piece if it is large. */
export function answer(
  mediaType: string,
  content: Uint8Array | Iterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Lie {
  return {
    change: () => ({ status: 200, headers: { "content-type": mediaType, ...headers }, content }),
  };
}

/** `bytes` spaces, for a document of any size. */
export function* spaces(bytes: number): Generator<Uint8Array> {
  const piece = new Uint8Array(1 << 20).fill(0x20);
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}

/** Takes `bytes` of what is sent to it and closes the connection. */
export function hangUpAfter(bytes: number): Lie {
  return { readAtMost: bytes };
}

/** Takes `bytes` of what is sent to it and then nothing more, until the registry is closed. */
export function stallAfter(bytes: number): Lie {
  return { readAtMost: bytes, stalls: true };
}

/** A lie about a content that there is. */
function onContent(
  change: (answer: Answer, content: Uint8Array) => Answer | undefined,
): Lie {
  return {
    change: (answer) =>
      answer.status === 200 && answer.content instanceof Uint8Array
        ? change(answer, answer.content)
        : undefined,
  };
}

/** How a registry is to be. */
export interface LyingRegistryOptions {
  /** Opens its socket, for example in another network namespace. @default {in this one} */
  within?: <T>(act: () => T) => T;
  /** @default {"127.0.0.1"} */
  hostname?: string;
  /** @default {a free one} */
  port?: number;
  /** Certificate and key, in PEM, if it is to speak TLS. @default {plain HTTP} */
  tls?: { cert: string; key: string };
  /** How the only one who may do anything shows who he is. @default {everybody may do everything} */
  authentication?: { type: "basic" | "bearer"; account: Account };
}

interface ToldLie {
  pattern: string | RegExp;
  lie: Lie;
  timesLeft: number;
}

/** An upload that is not finished. */
interface PendingUpload {
  repository: string;
  parts: Uint8Array<ArrayBuffer>[];
}

/** A registry in memory. */
export class LyingRegistry implements AsyncDisposable {
  /** `ADDRESS:PORT`, as references begin. */
  readonly host: string;
  /** Port alone, for `localhost:PORT`. */
  readonly port: number;
  /** Everything that it was asked, in order. */
  readonly requests: RegistryRequest[] = [];
  /** Whether a request has come to where {@linkcode stallAfter} stops. */
  isStalled = false;
  readonly #listener: Deno.Listener<Deno.Conn>;
  readonly #scheme: string;
  readonly #authentication: LyingRegistryOptions["authentication"];
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving = new Set<Promise<void>>();
  readonly #lies: ToldLie[] = [];
  /** By `REPOSITORY@DIGEST`. */
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  /** By `REPOSITORY@DIGEST` and `REPOSITORY:TAG`. */
  readonly #manifests = new Map<string, Document>();
  readonly #uploads = new Map<string, PendingUpload>();
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  /** A mistake of this file's, or of what a test told it. */
  #failure: unknown;

  private constructor(listener: Deno.Listener<Deno.Conn>, options: LyingRegistryOptions) {
    this.#listener = listener;
    const { hostname, port } = listener.addr as Deno.NetAddr;
    this.port = port;
    this.host = `${hostname}:${port}`;
    this.#scheme = options.tls === undefined ? "http" : "https";
    this.#authentication = options.authentication;
    this.#keep(this.#accept());
  }

  /** Starts a registry, which listens when this returns. */
  static start(options: LyingRegistryOptions = {}): LyingRegistry {
    const { within = (act) => act(), hostname = "127.0.0.1", port = 0, tls } = options;
    const listener = within((): Deno.Listener<Deno.Conn> =>
      tls === undefined
        ? Deno.listen({ hostname, port })
        : Deno.listenTls({ hostname, port, ...tls })
    );
    return new LyingRegistry(listener, options);
  }

  /** `http://HOST` or `https://HOST`. */
  get origin(): string {
    return `${this.#scheme}://${this.host}`;
  }

  /** Puts a blob into a repository. */
  addBlob(repository: string, { digest, bytes }: Document): void {
    this.#blobs.set(`${repository}@${digest}`, bytes);
  }

  /** Puts a manifest or an index into a repository; its parts need not be there. */
  addManifest(repository: string, tag: string | undefined, document: Document): void {
    this.#manifests.set(`${repository}@${document.digest}`, document);
    if (tag !== undefined) this.#manifests.set(`${repository}:${tag}`, document);
  }

  /** Puts a whole image into a repository. */
  addImage(repository: string, tag: string | undefined, image: RegistryImage): RegistryImage {
    for (const blob of [image.config, ...image.layers]) this.addBlob(repository, blob);
    this.addManifest(repository, tag, image.manifest);
    return image;
  }

  /** A blob that it has. */
  blob(repository: string, digest: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#blobs.get(`${repository}@${digest}`);
  }

  /** A manifest that it has, by tag or digest. */
  manifest(repository: string, reference: string): Document | undefined {
    return this.#manifests.get(keyOf(repository, reference));
  }

  /**
   * Lies from now on. Where several lies are to a request, the one told first is used.
   *
   * @param pattern Of `METHOD PATH`: text that it starts with, or an expression.
   */
  lie(pattern: string | RegExp, lie: Lie, { times = Infinity }: { times?: number } = {}): void {
    this.#lies.push({ pattern, lie, timesLeft: times });
  }

  /** Tells the truth from now on. */
  stopLying(): void {
    this.#lies.length = 0;
  }

  /** `METHOD PATH` of every request so far that `pattern` fits. */
  asked(pattern: RegExp = /./): string[] {
    return this.requests.map(titleOf).filter((title) => pattern.test(title));
  }

  /** Closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve();
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#serving);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #keep(work: Promise<void>): void {
    const kept = work.finally(() => this.#serving.delete(kept));
    this.#serving.add(kept);
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = await this.#listener.accept();
        this.#connections.add(connection);
        this.#keep(this.#serve(connection));
      } catch (error) {
        if (!this.#isClosed) throw error;
      }
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    try {
      const reader = new RequestReader(connection);
      for (;;) {
        const request = await reader.readHead();
        if (request === undefined || !await this.#handle(connection, reader, request)) return;
      }
    } catch (error) {
      if (!this.#isClosed && !isClientGone(error)) this.#failure ??= error;
    } finally {
      this.#connections.delete(connection);
      close(connection);
    }
  }

  /** @returns Whether the connection goes on. */
  async #handle(
    connection: Deno.Conn,
    reader: RequestReader,
    head: RequestHead,
  ): Promise<boolean> {
    const request: RegistryRequest = { ...head, body: new Uint8Array(0) };
    this.requests.push(request);
    if (head.headers.get("expect") === "100-continue") {
      await writeAll(connection, encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const { readAtMost: limit = Infinity, stalls = false } =
      this.#findLie(request, (lie) => lie.readAtMost === undefined ? undefined : lie) ?? {};
    const upload = this.#uploads.get(request.path.split("?")[0] ?? "");
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for await (const part of reader.readBody(head)) {
      const kept = part.subarray(0, limit - size).slice();
      parts.push(kept);
      if (upload !== undefined && this.#isAllowed(request)) upload.parts.push(kept);
      size += kept.length;
      if (size < limit) continue;
      if (stalls) await this.#stall();
      return false;
    }
    request.body = concat(parts);
    const truth = this.#answer(request);
    const told = this.#findLie(request, ({ change }) => change?.(truth, request)) ?? truth;
    return await this.#send(connection, request, told);
  }

  async #stall(): Promise<void> {
    this.isStalled = true;
    await this.#closed.promise;
  }

  /** What the first lie that fits has to say, which is then used up by one. */
  #findLie<T>(request: RegistryRequest, use: (lie: Lie) => T | undefined): T | undefined {
    const title = titleOf(request);
    for (const told of this.#lies) {
      const { pattern, lie, timesLeft } = told;
      const fits = typeof pattern === "string" ? title.startsWith(pattern) : pattern.test(title);
      const result = fits && timesLeft > 0 ? use(lie) : undefined;
      if (result === undefined) continue;
      told.timesLeft--;
      return result;
    }
    return undefined;
  }

  async #send(
    connection: Deno.Conn,
    { method }: RegistryRequest,
    { status, headers, content, range, cutAfter, bytesPerSecond, delayMs }: Answer,
  ): Promise<boolean> {
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const pieces = content instanceof Uint8Array
      ? [content.subarray(range?.start, range?.end)]
      : content;
    const size = content instanceof Uint8Array
      ? (pieces as Uint8Array[])[0]?.length ?? 0
      : undefined;
    const whole = content instanceof Uint8Array ? content.length : 0;
    const shown: Record<string, string> = {
      ...(size === undefined ? {} : { "content-length": String(size) }),
      ...(range === undefined
        ? {}
        : { "content-range": `bytes ${range.start}-${range.end - 1}/${whole}` }),
      "docker-distribution-api-version": "registry/2.0",
      ...headers,
    };
    const lines = Object.entries(shown).map(([name, value]) => `${name}: ${value}\r\n`);
    const code = range === undefined ? status : 206;
    await writeAll(connection, encode(`HTTP/1.1 ${code} Status\r\n${lines.join("")}\r\n`));
    if (method === "HEAD") return true;
    let left = cutAfter ?? Infinity;
    for (const piece of pieces) {
      const sent = piece.subarray(0, left);
      await this.#sendAt(connection, sent, bytesPerSecond);
      left -= sent.length;
      if (left <= 0) return false;
    }
    // Without a length only the end of the connection says where the body ends
    return cutAfter === undefined && size !== undefined;
  }

  async #sendAt(
    connection: Deno.Conn,
    bytes: Uint8Array,
    bytesPerSecond = Infinity,
  ): Promise<void> {
    if (bytesPerSecond === Infinity) return await writeAll(connection, bytes);
    const ticksPerSecond = 20;
    const step = Math.max(1, Math.ceil(bytesPerSecond / ticksPerSecond));
    for (let at = 0; at < bytes.length && !this.#isClosed; at += step) {
      await writeAll(connection, bytes.subarray(at, at + step));
      await new Promise((resolve) => setTimeout(resolve, 1000 / ticksPerSecond));
    }
  }

  #answer(request: RegistryRequest): Answer {
    const url = new URL(request.path, this.origin);
    if (url.pathname === "/token") return this.#giveToken(request, url);
    if (!this.#isAllowed(request)) return this.#challenge(url);
    if (url.pathname === "/v2/") return json(200, {});
    const [, repository = "", kind = "", rest = ""] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|tags)\/(.*)$/.exec(url.pathname) ?? [];
    switch (kind) {
      case "blobs":
        return this.#giveBlob(request, repository, rest);
      case "blobs/uploads":
        return this.#upload(request, repository, url);
      case "manifests":
        return request.method === "PUT"
          ? this.#takeManifest(request, repository, rest)
          : this.#giveManifest(repository, rest);
      case "tags":
        return this.#listTags(repository, url);
      default:
        return failure(404, { code: "NOT_FOUND", message: "no such place" });
    }
  }

  #isAllowed({ headers, path }: RegistryRequest): boolean {
    const { type, account } = this.#authentication ?? {};
    const [scheme = "", secret = ""] = headers.get("authorization")?.split(" ") ?? [];
    if (type === "bearer") {
      const repository = repositoryOf(path);
      return scheme === "Bearer" &&
        (repository === "" || atob(secret).includes(`repository:${repository}:`));
    }
    return type === undefined || scheme === "Basic" && isSecretOf(account, secret);
  }

  #challenge({ pathname }: URL): Answer {
    const repository = repositoryOf(pathname);
    const scope = repository === "" ? "" : `,scope="repository:${repository}:pull,push"`;
    const challenge = this.#authentication?.type === "bearer"
      ? `Bearer realm="${this.origin}/token",service="lying"${scope}`
      : 'Basic realm="lying"';
    return failure(401, {
      code: "UNAUTHORIZED",
      message: "authentication required",
      headers: { "www-authenticate": challenge },
    });
  }

  /** A token says what it is for: nobody has to remember it. */
  #giveToken({ headers }: RegistryRequest, url: URL): Answer {
    const [scheme = "", secret = ""] = headers.get("authorization")?.split(" ") ?? [];
    const isKnown = scheme === "Basic" && isSecretOf(this.#authentication?.account, secret);
    if (!isKnown) return failure(401, { code: "UNAUTHORIZED", message: "incorrect password" });
    const token = btoa(`token ${url.searchParams.getAll("scope").join(" ")}`);
    return json(200, { token, "expires_in": 300 });
  }

  #giveBlob({ headers }: RegistryRequest, repository: string, digest: string): Answer {
    const content = this.#blobs.get(`${repository}@${digest}`);
    if (content === undefined) {
      return failure(404, { code: "BLOB_UNKNOWN", message: "blob unknown to registry" });
    }
    const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
    const start = Number(first);
    if (start >= content.length && first !== "") {
      return failure(416, { code: "RANGE_INVALID", message: "nothing is there" });
    }
    const end = last === "" ? content.length : Math.min(content.length, Number(last) + 1);
    return {
      status: 200,
      headers: {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "docker-content-digest": digest,
      },
      content,
      range: first === "" ? undefined : { start, end },
    };
  }

  #giveManifest(repository: string, reference: string): Answer {
    const document = this.manifest(repository, reference);
    if (document === undefined) {
      return failure(404, { code: "MANIFEST_UNKNOWN", message: "manifest unknown" });
    }
    return {
      status: 200,
      headers: {
        "content-type": document.mediaType,
        "docker-content-digest": document.digest,
      },
      content: document.bytes,
    };
  }

  #takeManifest(
    { headers, body }: RegistryRequest,
    repository: string,
    reference: string,
  ): Answer {
    const mediaType = headers.get("content-type") ?? "";
    const document = { mediaType, digest: digestOf(body), bytes: body };
    if (reference.includes(":") && reference !== document.digest) {
      return failure(400, { code: "DIGEST_INVALID", message: "provided digest did not match" });
    }
    const missing = this.#findMissing(repository, body);
    if (missing !== undefined) {
      return failure(400, { code: "MANIFEST_BLOB_UNKNOWN", message: `blob unknown: ${missing}` });
    }
    this.addManifest(repository, reference.includes(":") ? undefined : reference, document);
    return {
      status: 201,
      headers: {
        location: `/v2/${repository}/manifests/${document.digest}`,
        "docker-content-digest": document.digest,
      },
      content: new Uint8Array(0),
    };
  }

  #findMissing(repository: string, manifest: Uint8Array): string | undefined {
    const { config, layers = [], manifests = [] } = JSON.parse(new TextDecoder().decode(manifest));
    type Part = { digest: string };
    const blobs: Part[] = [config, ...layers].filter((part) => part !== undefined);
    const missing = [
      ...blobs.filter(({ digest }) => !this.#blobs.has(`${repository}@${digest}`)),
      ...(manifests as Part[]).filter(({ digest }) =>
        !this.#manifests.has(`${repository}@${digest}`)
      ),
    ];
    return missing[0]?.digest;
  }

  #upload(request: RegistryRequest, repository: string, url: URL): Answer {
    const digest = url.searchParams.get("digest");
    if (request.method === "POST") return this.#startUpload(request, repository, url);
    const upload = this.#uploads.get(url.pathname);
    if (upload === undefined) {
      return failure(404, { code: "BLOB_UPLOAD_UNKNOWN", message: "blob upload unknown" });
    }
    const size = upload.parts.reduce((sum, { length }) => sum + length, 0);
    const headers = { location: `${url.pathname}?state=${size}`, range: `0-${size - 1}` };
    switch (request.method) {
      case "GET":
        return { status: 204, headers, content: new Uint8Array(0) };
      case "PATCH":
        return { status: 202, headers, content: new Uint8Array(0) };
      case "DELETE":
        this.#uploads.delete(url.pathname);
        return { status: 204, headers: {}, content: new Uint8Array(0) };
      default:
        this.#uploads.delete(url.pathname);
        return this.#finishUpload(repository, digest ?? "", concat(upload.parts));
    }
  }

  #startUpload({ body }: RegistryRequest, repository: string, url: URL): Answer {
    const [mount, from] = [url.searchParams.get("mount"), url.searchParams.get("from")];
    const mounted = mount !== null && from !== null && this.#blobs.get(`${from}@${mount}`);
    if (mounted) {
      this.#blobs.set(`${repository}@${mount}`, mounted);
      return created(repository, mount);
    }
    const digest = url.searchParams.get("digest");
    if (digest !== null) return this.#finishUpload(repository, digest, body);
    const location = `/v2/${repository}/blobs/uploads/${crypto.randomUUID()}`;
    this.#uploads.set(location, { repository, parts: [] });
    return {
      status: 202,
      headers: { location, range: "0-0" },
      content: new Uint8Array(0),
    };
  }

  #finishUpload(repository: string, digest: string, bytes: Uint8Array<ArrayBuffer>): Answer {
    if (digestOf(bytes) !== digest) {
      return failure(400, { code: "DIGEST_INVALID", message: "provided digest did not match" });
    }
    this.#blobs.set(`${repository}@${digest}`, bytes);
    return created(repository, digest);
  }

  #listTags(repository: string, url: URL): Answer {
    const prefix = `${repository}:`;
    const all = [...this.#manifests.keys()].filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length)).toSorted();
    if (all.length === 0) {
      return failure(404, { code: "NAME_UNKNOWN", message: "repository name not known" });
    }
    const last = url.searchParams.get("last") ?? "";
    const count = Number(url.searchParams.get("n") ?? all.length);
    const rest = all.filter((tag) => tag > last);
    const tags = rest.slice(0, count);
    const next = `</v2/${repository}/tags/list?n=${count}&last=${tags.at(-1)}>; rel="next"`;
    return json(200, { name: repository, tags }, rest.length > count ? { link: next } : {});
  }
}

function titleOf({ method, path }: RegistryRequest): string {
  return `${method} ${path}`;
}

function keyOf(repository: string, reference: string): string {
  return `${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
}

function repositoryOf(path: string): string {
  return /^\/v2\/(.+)\/(?:blobs|manifests|tags)\//.exec(path)?.[1] ?? "";
}

function isSecretOf(account: Account | undefined, secret: string): boolean {
  return account !== undefined && secret === btoa(`${account.user}:${account.password}`);
}

function json(
  status: number,
  content: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    content: encode(JSON.stringify(content)),
  };
}

function failure(
  status: number,
  { code, message, headers }: {
    code: string;
    message: string;
    headers?: Readonly<Record<string, string>>;
  },
): Answer {
  return json(status, { errors: [{ code, message }] }, headers);
}

function created(repository: string, digest: string): Answer {
  return {
    status: 201,
    headers: {
      location: `/v2/${repository}/blobs/${digest}`,
      "docker-content-digest": digest as Digest,
    },
    content: new Uint8Array(0),
  };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    // Both ends of a test may close it
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Whether an error is the client's doing, which a test may well want: its other end says what came of it. */
function isClientGone(error: unknown): boolean {
  return [
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionAborted,
    Deno.errors.UnexpectedEof,
    Deno.errors.InvalidData,
  ].some((kind) => error instanceof kind);
}

interface RequestHead {
  method: string;
  path: string;
  headers: ReadonlyMap<string, string>;
}

/** First byte that a client sends who takes the registry for one with TLS. */
const TLS_HANDSHAKE = 0x16;

/** Reads HTTP/1.1 requests, one after the other. */
class RequestReader {
  readonly #connection: Deno.Conn;
  #buffer = new Uint8Array(0);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** @returns `undefined` when the client has closed the connection. */
  async readHead(): Promise<RequestHead | undefined> {
    const first = await this.#readLine();
    if (first === undefined) return undefined;
    const [method = "", path = ""] = first.split(" ");
    const headers = new Map<string, string>();
    for (let line = await this.#readLine(); line; line = await this.#readLine()) {
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    return { method, path, headers };
  }

  /** The body, as it comes. */
  async *readBody({ headers }: RequestHead): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    if (headers.get("transfer-encoding") !== "chunked") {
      yield* this.#take(Number(headers.get("content-length") ?? 0));
      return;
    }
    for (;;) {
      const size = parseInt(await this.#readLine() ?? "0", 16);
      yield* this.#take(size);
      await this.#readLine();
      if (size === 0) return;
    }
  }

  async *#take(size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let left = size; left > 0;) {
      if (this.#buffer.length === 0 && !await this.#fill()) {
        throw new Deno.errors.UnexpectedEof("Cannot read the body: the client went away");
      }
      const part = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async #readLine(): Promise<string | undefined> {
    let end = this.#buffer.indexOf(0x0a);
    while (end < 0) {
      if (!await this.#fill()) return undefined;
      if (this.#buffer[0] === TLS_HANDSHAKE) {
        // What Go's servers do: the client tries plain HTTP at once instead of waiting
        await writeAll(this.#connection, encode("HTTP/1.0 400 Bad Request\r\n\r\n"));
        return undefined;
      }
      end = this.#buffer.indexOf(0x0a);
    }
    const line = new TextDecoder().decode(this.#buffer.subarray(0, end));
    this.#buffer = this.#buffer.subarray(end + 1);
    return line.replace(/\r$/, "");
  }

  async #fill(): Promise<boolean> {
    const piece = new Uint8Array(1 << 16);
    const count = await this.#connection.read(piece);
    if (count === null) return false;
    this.#buffer = concat([this.#buffer, piece.subarray(0, count)]);
    return true;
  }
}
