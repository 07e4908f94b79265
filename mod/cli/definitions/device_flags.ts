/** Flags about devices of the host. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const DEVICE_FLAGS = [
  {
    name: "device",
    type: "list",
    value: "host[:container[:rwm]]",
    help: "Add a device of the host, or a directory of devices",
  },
  {
    name: "device-cgroup-rule",
    type: "list",
    value: "rule",
    help: "Allow devices by their numbers, for example 'c 189:* rwm'",
  },
  {
    name: "gpus",
    type: "string",
    value: "gpus",
    help: "Refused: no driver's libraries are put into a container; see --device and --volume",
    hidden: true,
  },
] as const satisfies readonly FlagSpec[];
