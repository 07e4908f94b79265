/** Settings for talking to {@linkcode FakeServer}s: nothing of the host's is read, and nobody waits long. @module */

import type { Credentials, CredentialStore } from "../../mod/image/registry/credentials.ts";
import { HttpClients } from "../../mod/image/registry/http_client.ts";
import type { Patience } from "../../mod/image/registry/patience.ts";
import type { RegistryConfig } from "../../mod/image/registry/registry_config.ts";
import type { RegistrySettings } from "../../mod/image/registry/settings.ts";

/** What differs from the usual. */
export interface FakeSettings {
  registries?: RegistryConfig;
  /** For every registry. */
  credentials?: Credentials;
  patience?: Partial<Patience>;
  environment?: Readonly<Record<string, string>>;
  certificatesDirectory?: string;
}

const PATIENCE: Patience = {
  answerMs: 5_000,
  commitMs: 5_000,
  idleMs: 5_000,
  tries: 3,
  delayMs: 1,
  maxDelayMs: 2,
  maxRetryAfterMs: 1_000,
};

/** Settings that know what they are told, and nothing else. */
export function fakeSettings(
  { registries = new Map(), credentials, patience, environment = {}, certificatesDirectory }:
    FakeSettings = {},
): RegistrySettings {
  const http = new HttpClients({
    registries,
    certificatesDirectory: certificatesDirectory ?? "/nonexistent",
  }, (name) => environment[name]);
  return {
    registries,
    credentials: new FakeCredentials(credentials),
    http,
    patience: { ...PATIENCE, ...patience },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

class FakeCredentials implements CredentialStore {
  #credentials: Credentials | undefined;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  find(): Promise<Credentials | undefined> {
    return Promise.resolve(this.#credentials);
  }

  store(_registry: string, credentials: Credentials): Promise<string | undefined> {
    this.#credentials = credentials;
    return Promise.resolve("/fake/config.json");
  }

  erase(): Promise<void> {
    this.#credentials = undefined;
    return Promise.resolve();
  }
}
