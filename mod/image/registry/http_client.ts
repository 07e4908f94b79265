/**
 * Single requests over HTTP.
 *
 * Deno's `fetch` does the work: it goes through the proxies that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name, and
 * is twice as fast as `node:https`. That one takes over where `fetch` will not do: it cannot leave out the check of a
 * certificate, takes no certificate that is its own authority, does not ask at some ports at all, and cannot go past a
 * proxy.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { classifyFailure } from "./http_failure.ts";
import { type Body, type HttpRequest, isLoopback } from "./http_request.ts";
import type { RegistryConfig } from "./registry_config.ts";
import type { NodeClient } from "./node_client.ts";
import { type HostTrust, readHostTrust, type TrustSources } from "./trust.ts";

/** Connections to all hosts that are talked to. */
export class HttpClients implements Disposable {
  readonly #sources: TrustSources;
  readonly #environment: (name: string) => string | undefined;
  /** By origin. */
  readonly #hosts = new Map<string, HostClient>();

  /** @param environment Where `node:https` finds proxies; `fetch` looks into the process's own one. */
  constructor(sources: TrustSources, environment: (name: string) => string | undefined) {
    this.#sources = sources;
    this.#environment = environment;
  }

  /** What is configured. */
  get registries(): RegistryConfig {
    return this.#sources.registries;
  }

  /** Whether any certificate, and HTTP, will do for a host: because it is said so, or it is this one. */
  isInsecure({ host, hostname }: URL): boolean {
    return this.registries.get(host)?.insecure ?? isLoopback(hostname);
  }

  /**
   * Makes a request and gives its answer, whatever that is. Redirects are not followed.
   *
   * @throws What `fetch` or `node:https` throws; see {@linkcode classifyFailure}.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    const { url } = request;
    let client = this.#hosts.get(url.origin);
    if (client === undefined) {
      client = new HostClient(readHostTrust(url.host, this.#sources), {
        isInsecure: this.isInsecure(url),
        environment: this.#environment,
        // No proxy could reach what is on this machine, but fetch would ask it
        usesNode: isLoopback(url.hostname) && hasProxy(this.#environment),
      });
      this.#hosts.set(url.origin, client);
    }
    return await client.send(request, signal);
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    for (const client of this.#hosts.values()) client[Symbol.dispose]();
    this.#hosts.clear();
  }
}

/** Variables that name proxies for `fetch`, in capitals or not. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

function hasProxy(environment: (name: string) => string | undefined): boolean {
  return PROXY_VARIABLES.some((name) => environment(name) || environment(name.toLowerCase()));
}

/** How a host is asked. */
interface HostClientOptions {
  isInsecure: boolean;
  environment: (name: string) => string | undefined;
  /** Whether `fetch` is known not to do. */
  usesNode: boolean;
}

/** Connections to one server. */
class HostClient implements Disposable {
  readonly #trust: HostTrust;
  readonly #options: HostClientOptions;
  #fetchClient: Deno.HttpClient | undefined;
  #nodeClient: Promise<NodeClient> | undefined;
  #usesNode: boolean;

  constructor(trust: HostTrust, options: HostClientOptions) {
    this.#trust = trust;
    this.#options = options;
    this.#usesNode = options.usesNode;
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    if (this.#usesNode) return await this.#sendWithNode(request, signal);
    try {
      return await this.#fetch(request, signal);
    } catch (error) {
      if (signal.aborted || !this.#helpsNode(error)) throw error;
      this.#usesNode = true;
      return await this.#sendWithNode(request, signal);
    }
  }

  #helpsNode(error: unknown): boolean {
    const failure = classifyFailure(error);
    return failure === "own_authority" || failure === "blocked_port" ||
      (failure === "certificate" && this.#options.isInsecure);
  }

  async #fetch(
    { method, url, headers, body }: HttpRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    this.#fetchClient ??= openFetchClient(url, this.#trust);
    return await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : streamOf(body) }),
      redirect: "manual",
      signal,
      client: this.#fetchClient,
    });
  }

  async #sendWithNode(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    // Cold: 25 ms
    this.#nodeClient ??= (await import("./node_client.ts")).openNodeClient(request.url, {
      trust: this.#trust,
      isVerified: !this.#options.isInsecure,
      environment: this.#options.environment,
    });
    const client = await this.#nodeClient;
    return await client.send(request, signal);
  }

  [Symbol.dispose](): void {
    this.#nodeClient?.then((client) => client[Symbol.dispose]());
    this.#nodeClient = undefined;
    this.#fetchClient?.close();
    this.#fetchClient = undefined;
  }
}

function openFetchClient(url: URL, { authorities, identity }: HostTrust): Deno.HttpClient {
  try {
    return Deno.createHttpClient({
      caCerts: [...authorities],
      // Layers that are fetched side by side do not share one connection's window
      http2: false,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    });
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new WherryError(
      "invalid_argument",
      `Cannot use the certificates for "${url.host}": ${state}`,
      { cause, hint: "They have to be PEM, and a key has to belong to its certificate" },
    );
  }
}

function streamOf(body: Exclude<Body, Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(body.open());
}
