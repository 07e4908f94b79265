/** The words of `-v` and `--tmpfs`. @module */

import type { BindMount, Propagation, TmpfsMount } from "../container/mounts.ts";
import type { VolumeRequest } from "../engine/mounts.ts";
import { WherryError } from "../errors.ts";
import { splitMountOptions } from "../kernel/mount.ts";
import { checkVolumeName } from "../volume/volume.ts";

const PROPAGATIONS: readonly Propagation[] = [
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
];

/** Options that docker takes and that change nothing here: SELinux labels without SELinux, and macOS caching. */
const WITHOUT_EFFECT = ["z", "Z", "consistent", "cached", "delegated"];

/**
 * Reads one `-v SOURCE:TARGET[:OPTIONS]`.
 *
 * @param text As typed.
 * @param currentDirectory What a source that begins with `.` is relative to.
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function parseVolumeFlag(text: string, currentDirectory: string): BindMount | VolumeRequest {
  const [source = "", target, options = "", ...rest] = text.split(":");
  if (source === "" || target === undefined || target === "" || rest.length > 0) {
    throw malformed(text, "it is not SOURCE:TARGET[:OPTIONS]");
  }
  const parsed = parseOptions(options, text);
  if (!/^(\/|\.{1,2}(\/|$))/.test(source)) {
    return {
      type: "volume",
      name: checkVolumeName(source),
      target: checkTarget(target, text),
      isReadOnly: parsed.isReadOnly,
      copiesContent: true,
      subpath: "",
    };
  }
  return {
    type: "bind",
    source: resolveSource(source, currentDirectory),
    target: checkTarget(target, text),
    // A new directory would belong to the container's root, whom idmap makes nobody
    createsSource: parsed.isIdMapped !== true,
    ...parsed,
  };
}

function resolveSource(source: string, currentDirectory: string): string {
  if (source.startsWith("/")) return normalisePath(source);
  return normalisePath(`${currentDirectory}/${source}`);
}

/**
 * Checks where something is to be mounted.
 *
 * @param text What the user typed, for the message.
 * @returns The path without `.`, `..` and doubled slashes.
 * @throws {WherryError} `invalid_argument` if it is relative or the root.
 */
export function checkTarget(target: string, text: string): string {
  if (!target.startsWith("/")) throw malformed(text, "the target is not an absolute path");
  const path = normalisePath(target);
  if (path === "/") throw malformed(text, "the target cannot be /");
  return path;
}

function parseOptions(
  options: string,
  text: string,
): Pick<BindMount, "isReadOnly" | "propagation" | "isIdMapped"> {
  const words = options === "" ? [] : options.split(",");
  let access: string | undefined;
  let propagation: Propagation | undefined;
  let isIdMapped = false;
  for (const word of words) {
    if (word === "ro" || word === "rw") access = setOnce(access, word, text);
    else if ((PROPAGATIONS as string[]).includes(word)) {
      propagation = setOnce(propagation, word as Propagation, text);
    } else if (word === "idmap") isIdMapped = true;
    else if (!WITHOUT_EFFECT.includes(word)) throw malformed(text, `unknown option "${word}"`);
  }
  return {
    isReadOnly: access === "ro",
    propagation: propagation ?? "rprivate",
    ...(isIdMapped ? { isIdMapped } : {}),
  };
}

function setOnce<T extends string>(old: T | undefined, word: T, text: string): T {
  if (old !== undefined) throw malformed(text, `"${old}" and "${word}" exclude each other`);
  return word;
}

/**
 * Reads one `--tmpfs TARGET[:OPTIONS]`.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function parseTmpfsFlag(text: string): TmpfsMount {
  const at = text.indexOf(":");
  const target = at < 0 ? text : text.slice(0, at);
  const options = at < 0 ? "" : text.slice(at + 1);
  checkTmpfsOptions(options, text);
  return { type: "tmpfs", target: checkTarget(target, text), options };
}

/** Options with a value, as the kernel's tmpfs takes them. @see tmpfs(5) */
const TMPFS_OPTION =
  /^(?:size=\d+[kmg%]?|nr_blocks=\d+[kmg]?|nr_inodes=\d+[kmg]?|mode=[0-7]+|[ug]id=\d+|huge=\w+|mpol=\S+)$/i;

/** The kernel itself says only that something is invalid. */
function checkTmpfsOptions(options: string, text: string): void {
  for (const word of splitMountOptions(options).data.split(",")) {
    if (word === "" || TMPFS_OPTION.test(word)) continue;
    throw malformed(text, `tmpfs takes no option "${word}"`);
  }
}

function malformed(text: string, why: string): WherryError {
  return new WherryError("invalid_argument", `Cannot mount "${text}": ${why}`, {
    hint: "Write -v /host/path:/container/path[:ro], or --tmpfs /path[:size=64m]",
  });
}

/** A path without empty, `.` and `..` components. */
export function normalisePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
