/** A Debian root file system with a server in it, from the same mirror as the host's own packages. @module */

import { ensurePrerequisites, findProgram } from "../scripts/prerequisites.ts";

/** Where a Debian release comes from. */
export interface DebianSource {
  /** URI of the mirror. */
  mirror: string;
  /** Name of the release, for example `bookworm`. */
  suite: string;
}

/**
 * Finds the release among apt's sources: the first `deb` source that is no update or security archive.
 *
 * @param text Sources in the one-line form, in the deb822 form, or both.
 * @see sources.list(5)
 */
export function parseAptSource(text: string): DebianSource | undefined {
  const sources = [...parseOneLineSources(text), ...parseStanzas(text)];
  return sources.find(({ mirror, suite }) => /^https?:/.test(mirror) && /^[a-z]+$/.test(suite));
}

function parseOneLineSources(text: string): DebianSource[] {
  const lines = text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm);
  return Array.from(lines, ([, mirror = "", suite = ""]) => ({ mirror, suite }));
}

function parseStanzas(text: string): DebianSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    if (/^Enabled:\s*no\b/mi.test(stanza)) return [];
    const mirror = /^URIs:\s*(\S+)/mi.exec(stanza)?.[1] ?? "";
    const suite = /^Suites:\s*(\S+)/mi.exec(stanza)?.[1] ?? "";
    return [{ mirror, suite }];
  });
}

function readAptSource(): DebianSource {
  const directory = "/etc/apt/sources.list.d";
  const paths = ["/etc/apt/sources.list"];
  for (const { name } of Deno.readDirSync(directory)) {
    if (/\.(?:list|sources)$/.test(name)) paths.push(`${directory}/${name}`);
  }
  const source = parseAptSource(paths.flatMap(readIfPresent).join("\n\n"));
  if (source === undefined) throw new Error(`Cannot find a Debian release in "${directory}"`);
  return source;
}

function readIfPresent(path: string): string[] {
  try {
    return [Deno.readTextFileSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Makes a minimal root file system of the host's own release as a tar.
 *
 * Takes about a minute, most of it unpacking packages.
 *
 * @param tar File to write.
 * @param packages What to install besides.
 * @throws {Error} If debootstrap is missing and cannot be installed, or fails.
 */
export async function makeDebianTar(tar: string, packages: readonly string[]): Promise<void> {
  await ensurePrerequisites(["debian-rootfs"]);
  const { mirror, suite } = readAptSource();
  const directory = await Deno.makeTempDir({ prefix: "wherry-debian-" });
  try {
    const include = `--include=${packages.join(",")}`;
    const debootstrap = ["debootstrap", "--variant=minbase", include, suite, directory, mirror];
    // It mounts /proc: in a mount namespace of its own that is no mount of the host's
    await runProgram("unshare", ["--mount", ...debootstrap]);
    await runProgram("tar", ["-C", directory, "--numeric-owner", "--xattrs", "-cf", tar, "."]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function runProgram(name: string, args: readonly string[]): Promise<void> {
  const path = findProgram(name) ?? name;
  const { success, stdout, stderr } = await new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  }).output();
  if (success) return;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot go on: ${name} failed:\n${output.slice(-2000)}`);
}
