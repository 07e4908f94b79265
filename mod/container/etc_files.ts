/** The files in `/etc` that wherry keeps for a container. @module */

import type { ContainerConfig } from "./config.ts";

const LOCAL_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/**
 * Writes `hosts`, `hostname` and `resolv.conf` into a container's `etc` directory.
 *
 * @param directory Exists already.
 */
export function writeEtcFiles(directory: string, config: ContainerConfig): void {
  const hosts = config.networkMode === "host" ? readHostFile("/etc/hosts") : LOCAL_HOSTS;
  Deno.writeTextFileSync(`${directory}/hosts`, hosts, { mode: 0o644 });
  Deno.writeTextFileSync(`${directory}/hostname`, `${config.hostname}\n`, { mode: 0o644 });
  Deno.writeTextFileSync(`${directory}/resolv.conf`, readHostFile("/etc/resolv.conf"), {
    mode: 0o644,
  });
}

function readHostFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
