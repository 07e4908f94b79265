/** The files in `/etc` that wherry keeps for a container. @module */

/** Their contents. */
export interface EtcFiles {
  /** See hosts(5). */
  hosts: string;
  /** With a newline. */
  hostname: string;
  /** See resolv.conf(5). */
  resolvConf: string;
}

/**
 * Writes `hosts`, `hostname` and `resolv.conf` into a container's `etc` directory.
 *
 * @param directory Exists already.
 */
export function writeEtcFiles(directory: string, { hosts, hostname, resolvConf }: EtcFiles): void {
  Deno.writeTextFileSync(`${directory}/hosts`, hosts, { mode: 0o644 });
  Deno.writeTextFileSync(`${directory}/hostname`, hostname, { mode: 0o644 });
  Deno.writeTextFileSync(`${directory}/resolv.conf`, resolvConf, { mode: 0o644 });
}
