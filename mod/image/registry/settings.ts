/** All that configures how registries are talked to. @module */

import { openCredentialStore } from "./credential_store.ts";
import type { CredentialStore } from "./credentials.ts";
import { HttpClients } from "./http_client.ts";
import { DEFAULT_PATIENCE, type Patience } from "./patience.ts";
import {
  readRegistryConfig,
  REGISTRY_CONFIG_PATH,
  type RegistryConfig,
} from "./registry_config.ts";

/** What is configured, and the connections that are open because of it; disposing of it closes them. */
export interface RegistrySettings extends Disposable {
  /** What is special about single registries. */
  registries: RegistryConfig;
  /** Where passwords are. */
  credentials: CredentialStore;
  /** Connections. */
  http: HttpClients;
  /** How long and how often. */
  patience: Patience;
}

/**
 * Reads the files that configure registries.
 *
 * @param environment The caller's variables: `WHERRY_REGISTRIES`, `DOCKER_CONFIG`, `HOME`, `XDG_RUNTIME_DIR` and
 * `SSL_CERT_FILE` say where files are, `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` whom to ask.
 * @throws {WherryError} `invalid_argument` if a file is malformed.
 */
export function readRegistrySettings(
  environment: (name: string) => string | undefined,
): RegistrySettings {
  const registries = readRegistryConfig(environment("WHERRY_REGISTRIES") || REGISTRY_CONFIG_PATH);
  const authoritiesFile = environment("SSL_CERT_FILE");
  const http = new HttpClients({ registries, authoritiesFile }, environment);
  return {
    registries,
    credentials: openCredentialStore(environment),
    http,
    patience: DEFAULT_PATIENCE,
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}
