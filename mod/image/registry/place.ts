/** A repository on one server, and what to say when that server refuses something. @module */

import { type Refusal, RegistryError } from "./registry_error.ts";
import type { RegistryHost } from "./registry_host.ts";

/** What a repository is opened for. */
export type RepositoryAction = "pull" | "push";

/** What of a repository was asked for. */
export interface Subject {
  type: "manifest" | "blob";
  /** A tag or a digest. */
  reference: string;
}

/** A repository on one server. */
export class Place {
  readonly host: RegistryHost;
  /** Of the repository on this server; a mirror may have put something before it. */
  readonly path: string;
  /** What has to be allowed. */
  readonly scopes: readonly string[];
  readonly #action: RepositoryAction;
  /** As people write it. */
  readonly #name: string;

  constructor(
    host: RegistryHost,
    { path, name, action }: { path: string; name: string; action: RepositoryAction },
  ) {
    this.host = host;
    this.path = path;
    this.scopes = [scopeOf(path, action === "push" ? "pull,push" : "pull")];
    this.#action = action;
    this.#name = name;
  }

  /** How a tag or digest of this repository is written. */
  describe(reference?: string): string {
    if (reference === undefined) return this.#name;
    return `${this.#name}${reference.includes(":") ? "@" : ":"}${reference}`;
  }

  /** Words what the server refused. */
  explain(
    refusal: Refusal,
    authorization: "none" | "basic" | "bearer",
    subject?: Subject,
  ): RegistryError {
    const { status, codes, text } = refusal;
    const start = `Cannot ${this.#action} "${this.describe(subject?.reference)}":`;
    const options = { status, codes };
    const login = { hint: `Run "wherry login${this.#loginArgument}"` };
    if (status === 401 && authorization !== "bearer") {
      const state = authorization === "none"
        ? `the registry "${this.host.name}" wants a name and a password`
        : "incorrect username or password";
      return new RegistryError("unauthorized", `${start} ${state}`, { ...options, ...login });
    }
    if (status === 401 || status === 403) return this.#denied(start, refusal);
    if (status === 404) {
      const what = subject === undefined ? "" : `${subject.type} not found: `;
      return new RegistryError("not_found", `${start} ${what}${text}`, options);
    }
    if (status === 429) {
      return new RegistryError("unavailable", `${start} too many requests: ${text}`, {
        ...options,
        hint: `Try again later, or get a higher limit with "wherry login${this.#loginArgument}"`,
      });
    }
    return new RegistryError("unavailable", `${start} ${text}`, options);
  }

  #denied(start: string, { status, codes, text }: Refusal): RegistryError {
    const login = `"wherry login${this.#loginArgument}"`;
    return this.#action === "push"
      ? new RegistryError("unauthorized", `${start} push access denied: ${text}`, {
        status,
        codes,
        hint: `Run ${login}, and see that you may write there`,
      })
      // Whoever may not see a repository is not told either that there is none
      : new RegistryError(
        "not_found",
        `${start} pull access denied, repository does not exist or may require ${login}: ${text}`,
        { status, codes },
      );
  }

  get #loginArgument(): string {
    return this.host.name === "docker.io" ? "" : ` ${this.host.name}`;
  }
}

/** A scope of the token service. */
export function scopeOf(path: string, actions: "pull" | "pull,push"): string {
  return `repository:${path}:${actions}`;
}
