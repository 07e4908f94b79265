/**
 * Whom to believe: certificates of authorities, and of this host.
 *
 * Deno brings the authorities that browsers trust. The host's own list is taken besides, so that an authority its
 * administrator has added is trusted here as everywhere.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { listNames } from "../../kernel/entry.ts";
import { readUserFile } from "./user_file.ts";
import type { RegistryConfig } from "./registry_config.ts";

/** What TLS needs to know about one host. All texts are PEM. */
export interface HostTrust {
  /** Besides the ones that are built in. */
  authorities: readonly string[];
  /** Shown to the server if it asks. */
  identity: { certificate: string; key: string } | undefined;
}

/** Where distributions keep their list of authorities. @see Go's crypto/x509/root_linux.go */
const SYSTEM_AUTHORITIES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Where docker looks for a directory of each registry. */
const CERTIFICATES_DIRECTORY = "/etc/docker/certs.d";

/** What {@linkcode readHostTrust} goes by. */
export interface TrustSources {
  registries: RegistryConfig;
  /** A file in place of the host's list. @default {the first that there is} */
  authoritiesFile?: string | undefined;
  /** @default {docker's} */
  certificatesDirectory?: string;
}

/**
 * Finds what is trusted about a host.
 *
 * @param host `host[:port]`, as in a URL.
 * @throws {WherryError} `invalid_argument` if a file is missing that another one needs.
 */
export function readHostTrust(host: string, sources: TrustSources): HostTrust {
  const { registries, certificatesDirectory = CERTIFICATES_DIRECTORY } = sources;
  // Of a URL the usual port is not kept, but a directory may have it in its name
  const names = /:\d+$/.test(host) ? [host] : [host, `${host}:443`];
  const own = names.map((name) => readDirectory(`${certificatesDirectory}/${name}`));
  const files = names.flatMap((name) => registries.get(name)?.ca ?? []);
  const identities = own.flatMap(({ identity }) => identity ?? []);
  return {
    authorities: [
      ...readSystemAuthorities(sources.authoritiesFile),
      ...files.map(readRequired),
      ...own.flatMap(({ authorities }) => authorities),
    ],
    identity: identities[0],
  };
}

function readSystemAuthorities(file: string | undefined): string[] {
  if (file !== undefined && file !== "") return [readRequired(file)];
  for (const path of SYSTEM_AUTHORITIES) {
    const text = readUserFile(path);
    if (text !== undefined) return [text];
  }
  return [];
}

/** As docker: `*.crt` are authorities, `NAME.cert` and `NAME.key` are what to show. */
function readDirectory(directory: string): HostTrust {
  const names = listNames(directory).toSorted();
  const certificates = names.filter((name) => name.endsWith(".cert"));
  if (certificates.length > 1) {
    throw new WherryError(
      "unsupported",
      `Cannot use certificates of "${directory}": there is more than one pair of them`,
    );
  }
  const [certificate] = certificates;
  return {
    authorities: names.filter((name) => name.endsWith(".crt"))
      .map((name) => readRequired(`${directory}/${name}`)),
    identity: certificate === undefined ? undefined : readPair(`${directory}/${certificate}`),
  };
}

function readPair(path: string): { certificate: string; key: string } {
  return {
    certificate: readRequired(path),
    key: readRequired(path.replace(/\.cert$/, ".key")),
  };
}

function readRequired(path: string): string {
  const text = readUserFile(path);
  if (text !== undefined) return text;
  throw new WherryError("invalid_argument", `Cannot use certificates of "${path}": no such file`);
}
