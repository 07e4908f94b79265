/** What a volume's content is in. @module */

import type { Volume } from "./volume.ts";

/**
 * A directory of the volume's own, another directory of the host, or a file system that is mounted as long as
 * containers that use it run.
 */
export type VolumeBacking =
  | { type: "directory" }
  | { type: "bind"; device: string }
  | { type: "mount" };

/** Options of a bind mount that leave nothing to mount: the directory itself can be shown. */
const WITHOUT_EFFECT = ["bind", "rbind", "rw", "defaults"];

/** Finds out what the content of a volume with these options is in. */
export function backingOf({ options }: Pick<Volume, "options">): VolumeBacking {
  const device = options["device"] ?? "";
  if (device === "") return { type: "directory" };
  const words = splitOptions(options);
  const isDirectory = isBind(words) && words.every((word) => WITHOUT_EFFECT.includes(word));
  return isDirectory ? { type: "bind", device } : { type: "mount" };
}

/** The words of the option `o`. */
export function splitOptions(options: Volume["options"]): string[] {
  return (options["o"] ?? "").split(",").filter((word) => word !== "");
}

/** Whether these mount options ask for a directory of the host, whatever type of file system is named, as mount(2). */
export function isBind(words: readonly string[]): boolean {
  return words.includes("bind") || words.includes("rbind");
}

/** Mount options without those that {@linkcode isBind} looks for, as text. */
export function withoutBind(words: readonly string[]): string {
  return words.filter((word) => word !== "bind" && word !== "rbind").join(",");
}
