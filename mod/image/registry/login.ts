/** Finding out whether a registry accepts a user. @module */

import { registryOf } from "./credential_store.ts";
import type { Credentials } from "./credentials.ts";
import { RegistryError } from "./registry_error.ts";
import { addressOf, RegistryHost } from "./registry_host.ts";
import type { RegistrySettings } from "./settings.ts";

/** Whom to sign in to, and as who. */
export interface LoginAttempt {
  /** `host[:port]`, an address, or `""` for docker's own registry. */
  server: string;
  credentials: Credentials;
  /** Ends it: an `AbortError` is thrown. */
  signal: AbortSignal;
}

/** How a login went. */
export interface Login {
  /** The file in which the password is now to be read by whoever can read the file; `undefined` if there is none. */
  unencryptedFile: string | undefined;
}

/**
 * Asks a registry whether it accepts a name and a password, and keeps them for later if it does. Where the registry
 * gives a token for that, the token is kept in place of the password.
 *
 * @throws {WherryError} `unauthorized` if it does not, `unavailable` if nobody can be asked.
 */
export async function logInTo(
  settings: RegistrySettings,
  { server, credentials, signal }: LoginAttempt,
): Promise<Login> {
  const registry = registryOf(server);
  const host = new RegistryHost(addressOf(registry, settings), settings, {
    credentials,
    isOffline: true,
  });
  await using _accepted = await host.request({
    method: "GET",
    target: "",
    scopes: [],
    expected: [200],
    explain: ({ status, codes, text }) => {
      const isRefused = status === 401 || status === 403;
      const state = isRefused ? "incorrect username or password" : text;
      return new RegistryError(
        isRefused ? "unauthorized" : "unavailable",
        `Cannot log in to "${registry}": ${state}`,
        { status, codes },
      );
    },
  }, { signal });
  const { refreshToken } = host.authorizer;
  const kept: Credentials = refreshToken === undefined
    ? credentials
    : { type: "identity_token", token: refreshToken };
  const file = await settings.credentials.store(registry, kept);
  return { unencryptedFile: kept.type === "password" ? file : undefined };
}
