/** Who the user is at registries. @module */

/** What proves it. */
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
   */
  find(registry: string): Promise<Credentials | undefined>;
}

/** Opens docker's store of credentials. */
export function openCredentialStore(
  _environment: (name: string) => string | undefined,
): CredentialSource {
  return { find: () => Promise.resolve(undefined) };
}
