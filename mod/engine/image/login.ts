/** Signing in to registries, and being forgotten. @module */

import { registryOf } from "../../image/registry/credential_store.ts";
import type { Credentials } from "../../image/registry/credentials.ts";
import { type Login, logInTo } from "../../image/registry/login.ts";
import { readRegistrySettings } from "../../image/registry/settings.ts";
import { type Environment, OWN_ENVIRONMENT } from "../base/environment.ts";

/** Which registry. */
export interface RegistryRequest {
  /** `host[:port]`, an address, or `""` for docker's own registry. */
  server: string;
  /** The caller's variables, which say where passwords and settings are. @default {this process's} */
  environment?: Environment | undefined;
}

/** Whom to sign in to, and as who. */
export interface LoginRequest extends RegistryRequest {
  /** What is to prove it. */
  credentials: Credentials;
  /** Ends it at once; nothing is kept then. @default {nothing does} */
  signal?: AbortSignal | undefined;
}

/**
 * Asks a registry whether it accepts a name and a password, and keeps them for pulls and pushes if it does: where
 * docker keeps them. Where the registry gives a token for that, the token is kept in place of the password.
 *
 * @throws {WherryError} `unauthorized` if it does not, `unavailable` if nobody can be asked.
 * @throws The signal's reason.
 */
export async function logIn(
  {
    server,
    credentials,
    environment = OWN_ENVIRONMENT,
    signal = new AbortController().signal,
  }: LoginRequest,
): Promise<Login> {
  using settings = readRegistrySettings(environment);
  return await logInTo(settings, { server, credentials, signal });
}

/**
 * Who is known to a registry so far.
 *
 * @throws {WherryError} `invalid_argument` if a file is malformed, `unavailable` if a credential helper fails.
 */
export async function findLogin(
  { server, environment = OWN_ENVIRONMENT }: RegistryRequest,
): Promise<Credentials | undefined> {
  using settings = readRegistrySettings(environment);
  return await settings.credentials.find(registryOf(server));
}

/**
 * Forgets who is known to a registry; nobody need be.
 *
 * @throws {WherryError} As {@linkcode findLogin}.
 */
export async function logOut(
  { server, environment = OWN_ENVIRONMENT }: RegistryRequest,
): Promise<void> {
  using settings = readRegistrySettings(environment);
  await settings.credentials.erase(registryOf(server));
}
