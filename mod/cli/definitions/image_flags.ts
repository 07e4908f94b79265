/** Flags of the commands for images. @module */

import type { FlagSpec } from "../base/flags.ts";
import {
  CHANGE,
  FORMAT,
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  OUTPUT,
  PLATFORM,
  PRUNE_FILTER,
  PRUNE_FORCE,
  QUIET,
} from "./shared_flags.ts";

/** Of `wherry image inspect`. */
export const IMAGE_INSPECT_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry images`. */
export const IMAGES_FLAGS = [
  {
    name: "all",
    short: "a",
    type: "boolean",
    help: "Show all images; there are no intermediate ones, so that nothing is ever hidden",
  },
  { name: "digests", type: "boolean", help: "Show digests" },
  {
    name: "filter",
    short: "f",
    type: "list",
    value: "name=value",
    help:
      "Only what matches: before=IMAGE, dangling=BOOL, label=NAME[=VALUE], reference=PATTERN, " +
      "since=IMAGE, until=TIMESTAMP",
  },
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  QUIET,
] as const satisfies readonly FlagSpec[];

/** Of `wherry rmi`. */
export const RMI_FLAGS = [
  {
    name: "force",
    short: "f",
    type: "boolean",
    help: "Also what stopped containers use, what has several names, and what is damaged",
  },
  {
    name: "no-prune",
    type: "boolean",
    help: "Do not delete untagged parents; images have none, so that this changes nothing",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry tag`. */
export const TAG_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry history`. */
export const HISTORY_FLAGS = [
  FORMAT_LONG_ONLY,
  {
    name: "human",
    short: "H",
    type: "boolean",
    default: true,
    help: "Print sizes and dates in human readable format",
  },
  NO_TRUNC,
  QUIET,
] as const satisfies readonly FlagSpec[];

/** Of `wherry image exists`. */
export const IMAGE_EXISTS_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry image prune`. */
export const IMAGE_PRUNE_FLAGS = [
  {
    name: "all",
    short: "a",
    type: "boolean",
    help: "Remove all unused images, not just dangling ones",
  },
  PRUNE_FILTER,
  PRUNE_FORCE,
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
  CHANGE,
  MAX_UNPACKED,
  { name: "message", short: "m", type: "string", help: "Comment of the image's history entry" },
  { ...PLATFORM, help: "Say what the files are for, if it is not this machine" },
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
  MAX_UNPACKED,
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

/** Of `wherry login`. */
export const LOGIN_FLAGS = [
  {
    name: "password",
    short: "p",
    type: "string",
    help: "Password or Personal Access Token (PAT)",
  },
  {
    name: "password-stdin",
    type: "boolean",
    help: "Take the Password or Personal Access Token (PAT) from stdin",
  },
  { name: "username", short: "u", type: "string", help: "Username" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry logout`. */
export const LOGOUT_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry save`. */
export const SAVE_FLAGS = [
  {
    name: "format",
    type: "string",
    value: "format",
    help: "docker-archive, which is an OCI archive too, or oci-archive alone",
  },
  OUTPUT,
  {
    name: "platform",
    type: "string",
    value: "os/arch",
    help: "Save only images for this platform, and refuse others",
  },
] as const satisfies readonly FlagSpec[];
