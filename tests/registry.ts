/**
 * The real registry, Debian's `docker-registry`, on the network of one test.
 *
 * @module
 */

import { match, strictEqual } from "node:assert/strict";
import { eventually, type TestEngine } from "./harness.ts";

/** Somebody whom a registry knows. */
export interface Account {
  user: string;
  password: string;
}

/** How a registry is to be. */
export interface RegistryOptions {
  /** Address of the test's network; others than loopback's must be there already. @default {"127.0.0.1"} */
  address?: string;
  /** @default {a free one} */
  port?: number;
  /** The only one who may do anything. @default {everybody may do everything} */
  account?: Account;
  /** Speaks TLS, with a certificate of an authority of its own. @default {false} */
  isTls?: boolean;
  /** Refuses every change. @default {false} */
  isReadOnly?: boolean;
  /** Passes requests for what it lacks on to this one, as a mirror does: `http://HOST:PORT`. @default {none} */
  remoteUrl?: string;
  /** Where it keeps what it has; a second registry on the same directory has it too. @default {a new one} */
  storage?: string;
}

let count = 0;

/** A running registry; dispose of it before the test looks for what is left. */
export class TestRegistry implements AsyncDisposable {
  /** `ADDRESS:PORT`, as references begin. */
  readonly host: string;
  /** Port alone, for `localhost:PORT`. */
  readonly port: number;
  /** Where it keeps what it has. */
  readonly storage: string;
  /** Certificate of the authority that signed its own; `undefined` without TLS. */
  readonly caPath: string | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #accessLog: string;

  private constructor(
    child: Deno.ChildProcess,
    { listening, storage, caPath, accessLog }: {
      listening: string;
      storage: string;
      caPath: string | undefined;
      accessLog: string;
    },
  ) {
    this.#child = child;
    this.host = listening;
    this.port = Number(listening.slice(listening.lastIndexOf(":") + 1));
    this.storage = storage;
    this.caPath = caPath;
    this.#accessLog = accessLog;
  }

  /** Starts a registry; returns once it serves. */
  static async start(wherry: TestEngine, options: RegistryOptions = {}): Promise<TestRegistry> {
    const directory = `${wherry.scratch}/registry-${count++}`;
    Deno.mkdirSync(directory);
    const { storage = `${directory}/storage`, address = "127.0.0.1" } = options;
    Deno.mkdirSync(storage, { recursive: true });
    const tls = options.isTls ? await makeCertificate(wherry, directory, address) : undefined;
    const config = {
      version: "0.1",
      log: { level: "info" },
      storage: {
        filesystem: { rootdirectory: storage },
        delete: { enabled: true },
        maintenance: {
          readonly: { enabled: options.isReadOnly ?? false },
          uploadpurging: { enabled: false },
        },
      },
      http: {
        addr: `${address}:${options.port ?? 0}`,
        secret: "only for tests",
        ...(tls === undefined ? {} : { tls: { certificate: tls.certificate, key: tls.key } }),
      },
      ...(options.account === undefined ? {} : {
        auth: {
          htpasswd: {
            realm: "test registry",
            path: await makePasswordFile(wherry, directory, options.account),
          },
        },
      }),
      ...(options.remoteUrl === undefined ? {} : { proxy: { remoteurl: options.remoteUrl } }),
    };
    const configPath = `${directory}/config.yml`;
    Deno.writeTextFileSync(configPath, JSON.stringify(config)); // JSON is YAML
    const log = `${directory}/log`;
    const accessLog = `${directory}/access.log`;
    const child = wherry.spawnHost(["docker-registry", "serve", configPath], {
      redirect: `>${accessLog} 2>${log}`,
      env: { OTEL_TRACES_EXPORTER: "none" },
    });
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    let listening: string | undefined;
    await eventually(() => {
      [, listening] = /listening on ([^\s",]+)/.exec(readLog(log)) ?? [];
      return listening !== undefined || hasEnded;
    });
    if (listening === undefined) throw new Error(`Cannot start docker-registry: ${readLog(log)}`);
    return new TestRegistry(child, {
      listening,
      storage,
      caPath: tls?.caPath,
      accessLog,
    });
  }

  /** One line for each request so far, such as `POST /v2/app/blobs/uploads/?mount=... 201`. */
  requests(): string[] {
    return Array.from(
      readLog(this.#accessLog).matchAll(/"([A-Z]+ \S+) HTTP\/[\d.]+" (\d+)/g),
      ([, request = "", status = ""]) => `${request} ${status}`,
    );
  }

  /** Digests of the blobs that it has in all, without `sha256:`. */
  blobs(): string[] {
    const directory = `${this.storage}/docker/registry/v2/blobs/sha256`;
    return listDirectory(directory).flatMap((prefix) => listDirectory(`${directory}/${prefix}`));
  }

  /** Ends it, as a crash would. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

function listDirectory(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name).toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function readLog(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** @returns The path of a file as `htpasswd -B` makes it: nothing else than bcrypt is accepted. */
async function makePasswordFile(
  wherry: TestEngine,
  directory: string,
  { user, password }: Account,
): Promise<string> {
  const salt = "$2y$05$" + crypto.randomUUID().replaceAll("-", "").slice(0, 22);
  const hash = await wherry.runHost(
    "perl",
    "-e",
    "print crypt($ARGV[0], $ARGV[1])",
    password,
    salt,
  );
  match(hash, /^\$2y\$05\$.{53}$/);
  const path = `${directory}/htpasswd`;
  Deno.writeTextFileSync(path, `${user}:${hash}\n`);
  return path;
}

/** Paths of what TLS needs. */
export interface Certificate {
  /** Certificate of the authority that signed. */
  caPath: string;
  certificate: string;
  key: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];

/**
 * Makes an authority and, signed by it, a certificate for `localhost` and an address.
 *
 * @param directory Where the files go.
 */
export async function makeCertificate(
  wherry: TestEngine,
  directory: string,
  address: string,
): Promise<Certificate> {
  const [caPath, caKey] = [`${directory}/ca.crt`, `${directory}/ca.key`];
  const [certificate, key] = [`${directory}/server.crt`, `${directory}/server.key`];
  await openssl(
    wherry,
    ...[...NEW_KEY, "-subj", "/CN=test authority", "-keyout", caKey, "-out", caPath],
  );
  await openssl(
    wherry,
    ...[...NEW_KEY, "-subj", "/CN=test registry", "-keyout", key, "-out", certificate],
    ...["-CA", caPath, "-CAkey", caKey],
    ...["-addext", `subjectAltName=DNS:localhost,IP:${address}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return { caPath, certificate, key };
}

async function openssl(wherry: TestEngine, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await wherry.runCommand(["openssl", "req", "-x509", ...args]);
  strictEqual(code, 0, stderr);
}
