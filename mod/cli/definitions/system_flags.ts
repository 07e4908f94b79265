/** Flags of the commands for wherry itself, and for everything at once. @module */

import type { FlagSpec } from "../base/flags.ts";
import { FORMAT, FORMAT_LONG_ONLY, PRUNE_FILTER, PRUNE_FORCE, SIZE } from "./shared_flags.ts";

/** Of `wherry system prune`. */
export const SYSTEM_PRUNE_FLAGS = [
  {
    name: "all",
    short: "a",
    type: "boolean",
    help: "Remove all unused images, not just those without a name",
  },
  PRUNE_FILTER,
  PRUNE_FORCE,
  { name: "volumes", type: "boolean", help: "Prune anonymous volumes" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry system df`. */
export const SYSTEM_DF_FLAGS = [
  FORMAT_LONG_ONLY,
  {
    name: "verbose",
    short: "v",
    type: "boolean",
    help: "Show detailed information on space usage",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry system recover`. */
export const RECOVER_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry boot`. */
export const BOOT_FLAGS = [
  {
    name: "stop",
    type: "boolean",
    help: "Stop all running containers, such that the next boot starts them again",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry generate systemd` and `wherry generate openrc`. */
export const GENERATE_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry events`. */
export const EVENTS_FLAGS = [
  {
    name: "filter",
    short: "f",
    type: "list",
    value: "name=value",
    help:
      "Only show what matches: container, event, image, label, network, type, volume and others",
  },
  FORMAT_LONG_ONLY,
  {
    name: "since",
    type: "string",
    value: "time",
    help: "Show events since a time stamp (2026-01-02T13:23:37Z) or a duration ago (42m)",
  },
  {
    name: "until",
    type: "string",
    value: "time",
    help: "Show events until a time stamp or a duration ago, and stop there",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry inspect`. */
export const INSPECT_FLAGS = [
  FORMAT,
  SIZE,
  {
    name: "type",
    type: "string",
    value: "container|image|network|volume",
    help: "Only look for objects of this type",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry version`. */
export const VERSION_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry info`. */
export const INFO_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry doctor`. */
export const DOCTOR_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry cleanup`. */
export const CLEANUP_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry __renew`. */
export const RENEW_FLAGS = [] as const satisfies readonly FlagSpec[];
