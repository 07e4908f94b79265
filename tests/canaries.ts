/** Files of all kinds that nobody may touch, and whether somebody has. @module */

import { deepStrictEqual } from "node:assert/strict";
import { AT_FDCWD, closeDescriptor, setAttributeAt } from "../mod/kernel/file.ts";
import { findAttribute, findLocationAt, listAttributes } from "../mod/kernel/file_reading.ts";
import { openDirectory } from "../mod/kernel/open.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Names that the engine gives to files of its own: of the host they are as good as any. */
const TEMPTING_NAMES = [
  "_data",
  ".old.1.0",
  ".new.1.0",
  "~0",
  "config.json",
  "upper",
  ".wh.file",
  ".wh..wh..opq",
  "with\nnewline",
  "with space, comma: and ü",
  "-rf",
];

/** What is not a file, a directory or a link. */
const SPECIAL_FILES: readonly (readonly [name: string, ...mknod: string[]])[] = [
  ["fifo", "p"],
  // The whiteout of overlayfs, too, is just a file here
  ["whiteout", "c", "0", "0"],
  ["device", "c", "1", "3"],
];

/** Files below one directory that must stay what they are, byte for byte. */
export class Canaries {
  readonly #directory: string;
  readonly #before: string[];

  private constructor(directory: string) {
    this.#directory = directory;
    this.#before = describeTree(directory);
  }

  /**
   * Puts files of all kinds into a directory: owners, modes, times, attributes, links and names of all kinds.
   *
   * @param directory Made if it is missing.
   */
  static async plant(directory: string): Promise<Canaries> {
    Deno.mkdirSync(`${directory}/deep/er/and/er`, { recursive: true });
    for (const name of ["file", "deep/file", "deep/er/and/er/file", ...TEMPTING_NAMES]) {
      Deno.writeTextFileSync(`${directory}/${name}`, `canary ${name}\n`);
    }
    Deno.linkSync(`${directory}/file`, `${directory}/deep/hard`);
    Deno.symlinkSync("file", `${directory}/soft`);
    Deno.symlinkSync("/etc", `${directory}/out`);
    Deno.symlinkSync("../../../../../../../..", `${directory}/up`);
    Deno.symlinkSync("nowhere", `${directory}/dangling`);
    for (const [name, ...args] of SPECIAL_FILES) await mknod(`${directory}/${name}`, args);
    Deno.writeTextFileSync(`${directory}/sparse`, "x");
    Deno.truncateSync(`${directory}/sparse`, 100_000);
    setOwnersAndModes(directory);
    return new Canaries(directory);
  }

  /**
   * Watches what somebody else has made.
   *
   * @param directory All that is in it, on whatever file system.
   */
  static watch(directory: string): Canaries {
    return new Canaries(directory);
  }

  /** Fails unless all is as it was. */
  assertUntouched(): void {
    deepStrictEqual(describeTree(this.#directory), this.#before);
  }
}

async function mknod(path: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mknod", { args: [path, ...args] }).output();
  if (!success) throw new Error(decoder.decode(stderr));
}

function setOwnersAndModes(directory: string): void {
  const at = (name: string): string => `${directory}/${name}`;
  Deno.chownSync(at("deep/er"), 7, 8);
  Deno.chmodSync(at("deep/er"), 0o711);
  Deno.chownSync(at("file"), 1234, 2345);
  Deno.chmodSync(at("file"), 0o4755);
  Deno.chmodSync(at("deep/file"), 0o600);
  Deno.chmodSync(directory, 0o3775);
  using top = openDirectory(directory);
  setAttributeAt(top.number, "soft", "trusted.canary", encoder.encode("sings"));
  setAttributeAt(top.number, "deep", "trusted.overlay.opaque", encoder.encode("y"));
  Deno.utimeSync(at("deep/file"), 1, 2);
  Deno.utimeSync(at("deep/er"), 3, 4);
}

/** A line for each file, with all that can be known of it but when it was looked at. */
function describeTree(path: string): string[] {
  const info = Deno.lstatSync(path);
  const line = JSON.stringify([
    path,
    describeStatus(info),
    contentOf(path, info),
    attributesOf(path),
  ]);
  if (!info.isDirectory) return [line];
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name).toSorted();
  return [line, ...names.flatMap((name) => describeTree(`${path}/${name}`))];
}

function describeStatus(info: Deno.FileInfo): string {
  const { mode, uid, gid, nlink, size, rdev, ino, mtime, ctime } = info;
  const times = [mtime, ctime].map((time) => time?.getTime());
  return [mode?.toString(8), uid, gid, nlink, size, rdev, ino, ...times].join(" ");
}

function contentOf(path: string, { isFile, isSymlink, size }: Deno.FileInfo): string {
  if (isSymlink) return Deno.readLinkSync(path);
  if (!isFile) return "";
  return size > MAX_SHOWN ? hashOf(Deno.readFileSync(path)) : Deno.readTextFileSync(path);
}

/** Bytes of a file that are shown as they are. */
const MAX_SHOWN = 1000;

/** Enough to tell a change: FNV-1a. */
function hashOf(bytes: Uint8Array): string {
  return bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619) >>> 0, 2166136261)
    .toString(16);
}

function attributesOf(path: string): string[] {
  const location = findLocationAt(AT_FDCWD, path);
  if (location === undefined) return [];
  try {
    return listAttributes(location).map((name) =>
      `${name}=${decoder.decode(findAttribute(location, name))}`
    );
  } finally {
    closeDescriptor(location);
  }
}
