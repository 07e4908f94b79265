/** Flags of the commands for volumes. @module */

import type { FlagSpec } from "../base/flags.ts";
import { FORMAT, FORMAT_LONG_ONLY, OUTPUT, PRUNE_FORCE } from "./shared_flags.ts";

/** Of `wherry volume create`. */
export const VOLUME_CREATE_FLAGS = [
  {
    name: "driver",
    short: "d",
    type: "string",
    value: "local",
    help: 'What keeps the data: there is only "local", also for NFS and other file systems',
  },
  { name: "label", type: "list", value: "name=value", help: "Set metadata for a volume" },
  {
    name: "opt",
    short: "o",
    type: "list",
    value: "name=value",
    help:
      "Mount a file system where it is used, as mount(8) does: type, device, and o for options " +
      "(default a directory of the volume's own)",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry volume ls`. */
export const VOLUME_LS_FLAGS = [
  {
    name: "filter",
    short: "f",
    type: "list",
    value: "name=value",
    help: "Only show what matches: dangling, driver, label, name",
  },
  FORMAT_LONG_ONLY,
  { name: "quiet", short: "q", type: "boolean", help: "Only show names" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry volume inspect`. */
export const VOLUME_INSPECT_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry volume rm`. */
export const VOLUME_RM_FLAGS = [
  {
    name: "force",
    short: "f",
    type: "boolean",
    help: "Do not error if the volume does not exist, and remove one whose record is damaged; " +
      "one that a container has is never removed",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry volume prune`. */
export const VOLUME_PRUNE_FLAGS = [
  {
    name: "all",
    short: "a",
    type: "boolean",
    help: "Remove all unused volumes, not just anonymous ones",
  },
  {
    name: "filter",
    type: "list",
    value: "name=value",
    help: "Only what matches: label=NAME[=VALUE], label!=NAME[=VALUE]; all=1 is the same as --all",
  },
  PRUNE_FORCE,
] as const satisfies readonly FlagSpec[];

/** Of `wherry volume export`. */
export const VOLUME_EXPORT_FLAGS = [OUTPUT] as const satisfies readonly FlagSpec[];

/** Of `wherry volume import`. */
export const VOLUME_IMPORT_FLAGS = [] as const satisfies readonly FlagSpec[];
