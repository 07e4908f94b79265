/** Who the user is at registries. @module */

/** What proves who the user is. */
export type Credentials =
  | { type: "password"; username: string; password: string }
  /** Tokens can be got with it from the registry's token service. */
  | { type: "identity_token"; token: string };

/** Where credentials are found. */
export interface CredentialSource {
  /**
   * Finds the credentials for a registry.
   *
   * @param registry `host[:port]`, as in references.
   * @throws {WherryError} `invalid_argument` if a file is malformed, `unavailable` if a helper fails.
   */
  find(registry: string): Promise<Credentials | undefined>;
}

/** Where credentials are found and kept. */
export interface CredentialStore extends CredentialSource {
  /**
   * Keeps credentials.
   *
   * @param registry `host[:port]`, as in references.
   * @returns The file, if they are now in one that is not encrypted, and were not before.
   */
  store(registry: string, credentials: Credentials): Promise<string | undefined>;
  /** Forgets credentials; there need not be any. */
  erase(registry: string): Promise<void>;
}
