/**
 * Signing in: at the registry itself, or with a token of the service that it names.
 *
 * ```
 * request                 -> 401 WWW-Authenticate: Bearer realm="https://auth…",service="…"
 * GET realm?service&scope -> a token for the scopes, with the user's password or without one
 * request with the token  -> what was asked for
 * ```
 *
 * @see {@link https://distribution.github.io/distribution/spec/auth/token/}
 * @module
 */

import { WherryError } from "../../errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import type { HttpRequest } from "./http_request.ts";
import { isTransient, readRefusal, type Refusal } from "./registry_error.ts";
import { TransientError } from "./retry.ts";
import { type Answer, redact, type Transport } from "./transport.ts";

/** Largest answer of a token service that is read, in bytes. */
const MAX_TOKEN_SIZE = 1 << 20;
/** Lifetime of a token that does not say its own; also the shortest that is believed. */
const LEAST_LIFETIME_MS = 60_000;
/** So much before its end a token is not used any more. */
const LIFETIME_MARGIN_MS = 10_000;
/** What token services know wherry as. */
const CLIENT_ID = "wherry";

/** What {@linkcode Authorizer} goes by. */
export interface AuthorizerOptions {
  /** As people name it. */
  registry: string;
  transport: Transport;
  /** Whether secrets may go over connections that are not encrypted. */
  isInsecure: boolean;
  /** Looked up when they are needed, once. */
  credentials: () => Promise<Credentials | undefined>;
  /** Whether a token is asked for with which more can be got later. @default {false} */
  isOffline?: boolean;
}

interface Token {
  value: string;
  /** By `performance.now()`. */
  endsAt: number;
}

/** How the registry wants to be told who asks. */
type Scheme = { type: "basic" } | { type: "bearer"; realm: URL; service: string | undefined };

/** Finds what proves to one registry who asks. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  #credentials: Promise<Credentials | undefined> | undefined;
  #scheme: Scheme | undefined;
  #refreshToken: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Whether the user has given a password for this registry, as far as it was asked for. */
  async hasCredentials(): Promise<boolean> {
    return await this.#credentials !== undefined;
  }

  /** What the token service gave for getting further tokens without a password. */
  get refreshToken(): string | undefined {
    return this.#refreshToken;
  }

  /**
   * Value of `Authorization`; `undefined` if the registry has not asked for any, or there is none to give.
   *
   * @param scopes What is to be done, such as `repository:library/busybox:pull`.
   */
  async header(scopes: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    if (this.#scheme === undefined) return undefined;
    if (this.#scheme.type === "basic") return formatBasic(await this.#findCredentials());
    return `Bearer ${(await this.#token(this.#scheme, scopes, signal)).value}`;
  }

  /**
   * Learns from an answer 401 how to do better.
   *
   * @param refused What did not do.
   * @returns Another value; `undefined` if there is none.
   * @throws {WherryError} `unauthorized` if the token service says no.
   */
  async renew(
    answer: Answer,
    { scopes, refused, signal }: {
      scopes: readonly string[];
      refused: string | undefined;
      signal: AbortSignal;
    },
  ): Promise<string | undefined> {
    const challenges = parseChallenges(answer.headers.get("www-authenticate") ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      this.#scheme = this.#parseBearer(bearer, answer.url);
      // Others may have fetched a new one meanwhile
      if (refused !== undefined && await this.header(scopes, signal) === refused) {
        this.#tokens.delete(scopes.join(" "));
      }
    } else if (challenges.some(({ scheme }) => scheme === "basic")) {
      this.#scheme = { type: "basic" };
    }
    const renewed = await this.header(scopes, signal);
    return renewed === refused ? undefined : renewed;
  }

  #parseBearer({ parameters }: Challenge, from: URL): Scheme {
    const text = parameters.get("realm") ?? "";
    const realm = URL.parse(text);
    const { registry, isInsecure } = this.#options;
    const refuse = (state: string): never => {
      throw new WherryError("unauthorized", `Cannot sign in to "${registry}": ${state}`);
    };
    if (realm === null || !/^https?:$/.test(realm.protocol)) {
      return refuse(`it names no token service, but "${text.slice(0, 100)}"`);
    }
    if (realm.protocol === "http:" && from.protocol === "https:" && !isInsecure) {
      return refuse(`its token service "${redact(realm)}" is not encrypted`);
    }
    return { type: "bearer", realm, service: parameters.get("service") };
  }

  #findCredentials(): Promise<Credentials | undefined> {
    return this.#credentials ??= this.#options.credentials();
  }

  /** Fetches a token for the scopes unless there is one, or one is on its way. */
  async #token(
    scheme: Scheme & { type: "bearer" },
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<Token> {
    const key = scopes.join(" ");
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const token = await known;
      if (performance.now() < token.endsAt - LIFETIME_MARGIN_MS) return token;
    }
    if (this.#tokens.get(key) === known) {
      const fetched = this.#fetchToken(scheme, scopes, signal);
      this.#tokens.set(key, fetched);
      fetched.catch(() => this.#tokens.delete(key));
    }
    return await this.#token(scheme, scopes, signal);
  }

  async #fetchToken(
    { realm, service }: Scheme & { type: "bearer" },
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<Token> {
    const credentials = await this.#findCredentials();
    const question: TokenQuestion = {
      realm,
      service,
      scopes,
      isOffline: this.#options.isOffline ?? false,
    };
    const request = credentials?.type === "identity_token"
      ? askWithRefreshToken(question, credentials.token)
      : askWithPassword(question, credentials);
    const answer = await this.#options.transport.send(request, signal);
    if (answer.status !== 200) await this.#refuseToken(await readRefusal(answer));
    await using _read = answer;
    return this.#parseToken(await answer.bytes(MAX_TOKEN_SIZE));
  }

  async #refuseToken(refusal: Refusal): Promise<never> {
    const { registry } = this.#options;
    const { status, codes, text, retryAfterMs } = refusal;
    if (isTransient(refusal, { isIdempotent: true })) {
      const failure = new WherryError("unavailable", `Cannot sign in to "${registry}": ${text}`);
      throw new TransientError(failure, { retryAfterMs });
    }
    const isWrong = (status === 401 || codes.includes("INVALID_GRANT")) &&
      await this.hasCredentials();
    throw new WherryError(
      "unauthorized",
      `Cannot sign in to "${registry}": ${isWrong ? "incorrect username or password" : text}`,
      { hint: `Run "wherry login ${registry}" with another name or password` },
    );
  }

  #parseToken(bytes: Uint8Array | undefined): Token {
    const json = parseJsonObject(bytes);
    const value = json["token"] || json["access_token"];
    // Anything else could not stand in a header
    if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
      throw new WherryError(
        "corrupt",
        `Cannot sign in to "${this.#options.registry}": the token service gave no token`,
      );
    }
    const { expires_in: lifetime, refresh_token: refreshToken } = json;
    if (typeof refreshToken === "string") this.#refreshToken = refreshToken;
    const lifetimeMs = typeof lifetime === "number" ? lifetime * 1000 : 0;
    return { value, endsAt: performance.now() + Math.max(LEAST_LIFETIME_MS, lifetimeMs) };
  }
}

function parseJsonObject(bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  } catch {
    // Not JSON: it has nothing that could be looked for
    return {};
  }
}

interface TokenQuestion {
  realm: URL;
  service: string | undefined;
  scopes: readonly string[];
  isOffline: boolean;
}

function askWithPassword(
  { realm, service, scopes, isOffline }: TokenQuestion,
  credentials: Credentials | undefined,
): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (isOffline) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", CLIENT_ID);
  }
  const authorization = formatBasic(credentials);
  if (credentials?.type === "password") url.searchParams.set("account", credentials.username);
  return { method: "GET", url, headers: authorization === undefined ? {} : { authorization } };
}

function askWithRefreshToken(
  { realm, service = "", scopes, isOffline }: TokenQuestion,
  token: string,
): HttpRequest {
  const form = new URLSearchParams({
    "grant_type": "refresh_token",
    "service": service,
    "client_id": CLIENT_ID,
    "scope": scopes.join(" "),
    "refresh_token": token,
    ...(isOffline ? { "access_type": "offline" } : {}),
  });
  return {
    method: "POST",
    url: realm,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new TextEncoder().encode(form.toString()),
    isBodySecret: true,
  };
}

function formatBasic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.type !== "password") return undefined;
  const { username, password } = credentials;
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
