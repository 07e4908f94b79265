/** Flags of the commands for images. @module */

import type { FlagSpec } from "../flags.ts";
import { FORMAT, FORMAT_LONG_ONLY, NO_TRUNC, PLATFORM, QUIET } from "./shared_flags.ts";

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
  { name: "message", short: "m", type: "string", help: "Comment of the image's history entry" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry load`. */
export const LOAD_FLAGS = [
  {
    name: "input",
    short: "i",
    type: "string",
    value: "file",
    help: "Read from a file (default STDIN)",
  },
  { name: "quiet", short: "q", type: "boolean", help: "Print only what was loaded" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry pull`. */
export const PULL_FLAGS = [
  {
    name: "all-tags",
    short: "a",
    type: "boolean",
    help: "Pull all images of the repository",
  },
  {
    name: "disable-content-trust",
    type: "boolean",
    default: true,
    help: "Accepted for docker's sake: wherry checks digests, and no signatures",
    hidden: true,
  },
  PLATFORM,
  { name: "quiet", short: "q", type: "boolean", help: "Print only what the image is called" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry push`. */
export const PUSH_FLAGS = [
  { name: "all-tags", short: "a", type: "boolean", help: "Push all tags of the repository" },
  {
    name: "disable-content-trust",
    type: "boolean",
    default: true,
    help: "Accepted for docker's sake: wherry signs nothing",
    hidden: true,
  },
  { ...PLATFORM, help: "Push the image only if it is for this platform" },
  { name: "quiet", short: "q", type: "boolean", help: "Print only what the image is called" },
] as const satisfies readonly FlagSpec[];
