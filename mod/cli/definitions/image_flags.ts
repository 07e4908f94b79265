/** Flags of the commands for images. @module */

import type { FlagSpec } from "../flags.ts";
import { FORMAT, FORMAT_LONG_ONLY, NO_TRUNC, QUIET } from "./shared_flags.ts";

/** Of `wherry image inspect`. */
export const IMAGE_INSPECT_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry images`. */
export const IMAGES_FLAGS = [
  { name: "digests", type: "boolean", help: "Show digests" },
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  QUIET,
] as const satisfies readonly FlagSpec[];

/** Of `wherry rmi`. */
export const RMI_FLAGS = [
  { name: "force", short: "f", type: "boolean", help: "Remove all tags of an image given by id" },
] as const satisfies readonly FlagSpec[];

/** A bound for what comes out of compressed data. */
const MAX_UNPACKED = {
  name: "max-unpacked",
  type: "size",
  help: "Refuse an image that unpacks to more than this (default no limit)",
} as const;

/** Of `wherry image export`. */
export const IMAGE_EXPORT_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry import`. */
export const IMPORT_FLAGS = [
  {
    name: "change",
    short: "c",
    type: "list",
    value: "instruction",
    help:
      "Set a field of the image, as in a Dockerfile: CMD, ENTRYPOINT, ENV, USER, WORKDIR, LABEL",
  },
  MAX_UNPACKED,
  { name: "message", short: "m", type: "string", help: "Comment of the image's history entry" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry image import`. */
export const IMAGE_IMPORT_FLAGS = [
  ...IMPORT_FLAGS,
  {
    name: "name",
    type: "string",
    help:
      "Name of the image, which nothing may have yet (default that of the file, up to the first dot)",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry load`. */
export const LOAD_FLAGS = [
  {
    name: "input",
    short: "i",
    type: "string",
    value: "file",
    help: "Read from a file or a directory (default STDIN)",
  },
  MAX_UNPACKED,
  {
    name: "platform",
    type: "string",
    value: "os/arch",
    help: "Load only images for this platform, and refuse others",
  },
  { name: "quiet", short: "q", type: "boolean", help: "Print only what was loaded" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry save`. */
export const SAVE_FLAGS = [
  {
    name: "format",
    type: "string",
    value: "format",
    help: "docker-archive, which is an OCI archive too, or oci-archive alone",
  },
  {
    name: "output",
    short: "o",
    type: "string",
    value: "file",
    help: "Write to a file (default STDOUT)",
  },
  {
    name: "platform",
    type: "string",
    value: "os/arch",
    help: "Save only images for this platform, and refuse others",
  },
] as const satisfies readonly FlagSpec[];
