/**
 * Who the user is at registries, where docker keeps it: in `config.json`, or in programs that the file names.
 * What podman knows is read, too.
 *
 * @module
 */

import { readHomeDirectory } from "../../kernel/account.ts";
import { CredentialHelper } from "./credential_helper.ts";
import type { Credentials, CredentialStore } from "./credentials.ts";
import { type DockerConfig, readDockerConfig, writeDockerAuth } from "./docker_config.ts";

/** What docker calls its own registry, for the sake of clients of long ago. */
const HUB_KEY = "https://index.docker.io/v1/";
const HUB = "docker.io";

/** The key under which credentials for a registry are kept. */
export function keyOf(registry: string): string {
  return registry === HUB ? HUB_KEY : registry;
}

/** The registry that a key or a user means: docker's own one has many names, and others may be addresses. */
export function registryOf(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
  return ["", "docker.io", "index.docker.io", "registry-1.docker.io"].includes(host) ? HUB : host;
}

/**
 * Opens docker's store of credentials; files are read when something is looked for.
 *
 * @param environment The caller's variables.
 */
export function openCredentialStore(
  environment: (name: string) => string | undefined,
): CredentialStore {
  return new DockerCredentialStore(environment);
}

class DockerCredentialStore implements CredentialStore {
  readonly #environment: (name: string) => string | undefined;
  #config: DockerConfig | undefined;

  constructor(environment: (name: string) => string | undefined) {
    this.#environment = environment;
  }

  get #path(): string {
    const directory = this.#environment("DOCKER_CONFIG") || `${this.#home}/.docker`;
    return `${directory}/config.json`;
  }

  get #home(): string {
    return this.#environment("HOME") || readHomeDirectory("/etc/passwd", Deno.uid() ?? 0) || "";
  }

  get #podmanPath(): string {
    const runtime = this.#environment("XDG_RUNTIME_DIR");
    const directory = runtime ? `${runtime}/containers` : `/run/containers/${Deno.uid()}`;
    return `${directory}/auth.json`;
  }

  async find(registry: string): Promise<Credentials | undefined> {
    const config = this.#read();
    const kept = await this.#helperFor(config, registry)?.get(keyOf(registry));
    return kept ?? findAuth(config, registry) ??
      findAuth(readDockerConfig(this.#podmanPath), registry);
  }

  async store(registry: string, credentials: Credentials): Promise<string | undefined> {
    const config = this.#read();
    this.#config = undefined;
    const helper = this.#helperFor(config, registry);
    const key = keyOf(registry);
    if (helper === undefined) {
      return writeDockerAuth(this.#path, key, credentials) ? this.#path : undefined;
    }
    await helper.store(key, credentials);
    // As docker: so that one can see where there is something
    writeDockerAuth(this.#path, key, "elsewhere");
    return undefined;
  }

  async erase(registry: string): Promise<void> {
    const config = this.#read();
    this.#config = undefined;
    const helper = this.#helperFor(config, registry);
    await helper?.erase(keyOf(registry));
    const keys = [...config.auths.keys()].filter((key) => registryOf(key) === registry);
    for (const key of new Set([keyOf(registry), ...keys])) {
      writeDockerAuth(this.#path, key, undefined);
    }
  }

  #read(): DockerConfig {
    return this.#config ??= readDockerConfig(this.#path);
  }

  #helperFor(config: DockerConfig, registry: string): CredentialHelper | undefined {
    const name = config.helpers.get(keyOf(registry)) ?? config.helpers.get(registry) ??
      config.defaultHelper;
    return name === undefined ? undefined : new CredentialHelper(name, this.#environment);
  }
}

/** The exact key first, then one of long ago that is an address. */
function findAuth({ auths }: DockerConfig, registry: string): Credentials | undefined {
  const exact = auths.get(keyOf(registry));
  if (exact !== undefined) return exact;
  for (const [key, credentials] of auths) {
    if (registryOf(key) === registry) return credentials;
  }
  return undefined;
}
