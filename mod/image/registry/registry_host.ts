/** One server that has the interface of a registry: the registry itself, or a mirror of it. @module */

import { WherryError } from "../../errors.ts";
import { Authorizer } from "./auth.ts";
import type { Credentials } from "./credentials.ts";
import type { Body, HttpRequest } from "./http_request.ts";
import type { TransferOptions } from "./registry.ts";
import { isTransient, readRefusal, type Refusal, RegistryError } from "./registry_error.ts";
import { TransientError, withRetries } from "./retry.ts";
import type { RegistrySettings } from "./settings.ts";
import { type Answer, ConnectionError, Transport } from "./transport.ts";

/** Which server, and how people name it. */
export interface HostAddress {
  /** As people name it, `host[:port]`. */
  name: string;
  /** Where it may be found, best first; without `/v2/`. */
  urls: readonly [URL, ...URL[]];
}

/** One request to a registry. */
export interface RegistryRequest {
  method: HttpRequest["method"];
  /** From the registry's `/v2/` on, or an address that it gave. */
  target: string | URL;
  headers?: Readonly<Record<string, string>>;
  body?: Body;
  /** What has to be allowed. */
  scopes: readonly string[];
  /** Statuses that are answers and not failures. */
  expected: readonly number[];
  /** Turns a failure into a sentence. */
  explain: (refusal: Refusal, authorization: "none" | "basic" | "bearer") => RegistryError;
}

/**
 * Where the registry of a domain is.
 *
 * @throws {WherryError} `invalid_argument` if no host can be called like that.
 */
export function addressOf(domain: string, settings: RegistrySettings): HostAddress {
  // The name in references is none in the DNS that has a registry
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const secure = urlOf("https", host);
  const isInsecure = settings.registries.get(domain)?.insecure ?? settings.http.isInsecure(secure);
  // As docker: who does not have to prove who he is may also go without TLS
  return { name: domain, urls: isInsecure ? [secure, urlOf("http", host)] : [secure] };
}

/** References may have ports, and people who log in may write anything, that no address can have. */
function urlOf(protocol: "http" | "https", host: string): URL {
  const url = URL.canParse(`${protocol}://${host}`) ? new URL(`${protocol}://${host}`) : undefined;
  if (url !== undefined && url.href === `${protocol}://${url.host}/`) return url;
  throw new WherryError(
    "invalid_argument",
    `Cannot use registry "${host}": it is not a host with or without a port`,
    { hint: "Write it as in the names of images, for example registry.example.com:5000" },
  );
}

/** Makes requests to one server, signed in as need be. */
export class RegistryHost {
  /** As people name it. */
  readonly name: string;
  readonly #address: HostAddress;
  readonly #settings: RegistrySettings;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  #base: Promise<URL> | undefined;

  /** @param credentials In place of the ones that are stored. */
  constructor(
    address: HostAddress,
    settings: RegistrySettings,
    { credentials, isOffline = false }: { credentials?: Credentials; isOffline?: boolean } = {},
  ) {
    this.name = address.name;
    this.#address = address;
    this.#settings = settings;
    this.#transport = new Transport(settings.http, settings.patience);
    this.#authorizer = new Authorizer({
      registry: address.name,
      transport: this.#transport,
      isInsecure: address.urls.some(({ protocol }) => protocol === "http:"),
      credentials: () =>
        credentials === undefined
          ? settings.credentials.find(address.name)
          : Promise.resolve(credentials),
      isOffline,
    });
  }

  /** What it has found out about signing in. */
  get authorizer(): Authorizer {
    return this.#authorizer;
  }

  /** Makes a request as often as patience lasts; see {@linkcode RegistryHost.attempt}. */
  async request(request: RegistryRequest, options: TransferOptions): Promise<Answer> {
    return await withRetries(() => this.attempt(request, options), {
      patience: this.#settings.patience,
      options,
    });
  }

  /**
   * Makes a request once, or twice if the registry wants to know who asks.
   *
   * @throws {TransientError} If it may work the next time.
   * @throws {WherryError} If there is an answer that was not expected, or none.
   */
  async attempt(request: RegistryRequest, options: TransferOptions): Promise<Answer> {
    const { answer, authorization } = await this.#signedIn(request, options);
    if (request.expected.includes(answer.status)) return answer;
    const refusal = await readRefusal(answer);
    const failure = request.explain(refusal, authorizationType(authorization));
    if (isTransient(refusal, { isIdempotent: request.method !== "POST" })) {
      throw new TransientError(failure, refusal);
    }
    throw failure;
  }

  /** The root of the registry's interface, without `/v2/`. */
  async #baseFor(options: TransferOptions): Promise<URL> {
    this.#base ??= this.#findBase(options);
    try {
      return await this.#base;
    } catch (error) {
      this.#base = undefined;
      throw error;
    }
  }

  async #findBase({ signal }: TransferOptions): Promise<URL> {
    const [first, ...others] = this.#address.urls;
    if (others.length === 0) return first;
    let failure: unknown;
    for (const url of this.#address.urls) {
      try {
        await using _ping = await this.#transport.send(
          { method: "GET", url: new URL("/v2/", url), headers: {} },
          signal,
        );
        return url;
      } catch (error) {
        if (!(error instanceof ConnectionError || error instanceof TransientError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #signedIn(
    { method, target, headers = {}, body, scopes }: RegistryRequest,
    options: TransferOptions,
  ): Promise<{ answer: Answer; authorization: string | undefined }> {
    const { signal } = options;
    const base = await this.#baseFor(options);
    const url = typeof target === "string" ? resolve(base, target) : target;
    // An upload may go to another server, which must not learn who asks
    const isOwn = url.origin === base.origin;
    const send = (authorization: string | undefined): Promise<Answer> => {
      const signed = authorization === undefined ? headers : { ...headers, authorization };
      return this.#transport.send({ method, url, headers: signed, body }, signal);
    };
    const refused = isOwn ? await this.#authorizer.header(scopes, signal) : undefined;
    const answer = await send(refused);
    if (answer.status !== 401 || answer.url.origin !== base.origin) {
      return { answer, authorization: refused };
    }
    const renewed = await this.#authorizer.renew(answer, { scopes, refused, signal });
    if (renewed === undefined) return { answer, authorization: refused };
    await answer[Symbol.asyncDispose]();
    return { answer: await send(renewed), authorization: renewed };
  }
}

/** A mirror's address may have a path: it stands before the names of repositories. */
function resolve(base: URL, target: string): URL {
  const prefix = base.pathname.replace(/\/$/, "");
  return new URL(`${base.origin}/v2${prefix}/${target}`);
}

function authorizationType(header: string | undefined): "none" | "basic" | "bearer" {
  if (header === undefined) return "none";
  return header.startsWith("Basic") ? "basic" : "bearer";
}
