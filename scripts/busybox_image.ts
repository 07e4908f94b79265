/**
 * A root file system of 2 MB for demonstrations and tests: busybox and nothing else.
 *
 * @module
 */

import { isStaticProgram } from "./elf.ts";
import { findProgram } from "./prerequisites.ts";
import { writeTar } from "./tar_writer.ts";

const encoder = new TextEncoder();

/** Directories of the root file system, and those that need other permissions than 0755. */
const DIRECTORIES: readonly (readonly [path: string, mode: number])[] = [
  ["bin/", 0o755],
  ["dev/", 0o755],
  ["etc/", 0o755],
  ["home/", 0o755],
  ["proc/", 0o555],
  ["root/", 0o700],
  ["sys/", 0o555],
  ["tmp/", 0o1777],
  ["usr/", 0o755],
  ["usr/bin/", 0o755],
  ["usr/sbin/", 0o755],
  ["sbin/", 0o755],
  ["var/", 0o755],
  ["var/tmp/", 0o1777],
];

const TEXT_FILES: Readonly<Record<string, string>> = {
  "etc/group": "root:x:0:\ndaemon:x:1:\nusers:x:100:\nnogroup:x:65534:\n",
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n" +
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
};

/** Names of the commands that this busybox can be called by. */
async function listApplets(busybox: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(busybox, { args: ["--list"] }).output();
  const names = new TextDecoder().decode(stdout).split("\n");
  return names.filter((name) => name !== "" && name !== "busybox");
}

/**
 * Writes a root file system with busybox in it as a tar archive.
 *
 * The archive depends on the busybox program only, so it has the same digest
 * whenever it is made.
 *
 * @param path File to write; it is replaced.
 * @throws {Error} If the host has no busybox, or one that needs shared libraries.
 */
export async function makeBusyboxTar(path: string): Promise<void> {
  const busybox = findProgram("busybox");
  if (busybox === undefined) {
    throw new Error("Cannot make a busybox image: no busybox, run apt-get install busybox-static");
  }
  const program = await Deno.readFile(busybox);
  if (!isStaticProgram(program)) {
    throw new Error(
      `Cannot make an image of "${busybox}": it needs shared libraries, run apt-get install busybox-static`,
    );
  }
  const applets = await listApplets(busybox);
  await writeTar(path, [
    ...DIRECTORIES.map(([path, mode]) => ({ path, mode })),
    ...Object.entries(TEXT_FILES)
      .map(([path, text]) => ({ path, mode: 0o644, content: encoder.encode(text) })),
    { path: "bin/busybox", mode: 0o755, content: program },
    ...applets.map((name) => ({
      path: `bin/${name}`,
      mode: 0o777,
      content: { linkTarget: "busybox" },
    })),
  ]);
}
