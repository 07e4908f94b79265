/** Flags that say what a container may do. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const SECURITY_FLAGS = [
  {
    name: "cap-add",
    type: "list",
    value: "capability",
    help: "Add a Linux capability, or ALL; a user other than root holds it, too",
  },
  {
    name: "cap-drop",
    type: "list",
    value: "capability",
    help: "Drop a Linux capability, or ALL",
  },
  {
    name: "group-add",
    type: "list",
    value: "group",
    help: "Put the user into one more group, a name of the image or a number",
  },
  {
    name: "oom-score-adj",
    type: "number",
    help: "How soon the kernel ends it when memory is short, -1000 (last) to 1000 (first)",
  },
  {
    name: "privileged",
    type: "boolean",
    help: "Give every capability and device, and hide nothing",
  },
  {
    name: "security-opt",
    type: "list",
    value: "option",
    help: "no-new-privileges[=true|false], apparmor=PROFILE|unconfined, label=disable, " +
      "seccomp=FILE|unconfined, systempaths=unconfined, writable-cgroups[=true|false], " +
      "mask=PATH[:PATH], unmask=ALL|PATH[:PATH]",
  },
  { name: "shm-size", type: "size", help: "Size of /dev/shm (default 64m)" },
  {
    name: "sysctl",
    type: "list",
    value: "name=value",
    help: "Set a kernel parameter of the container's own: net.*, fs.mqueue.*, kernel.shm*, ...",
  },
  {
    name: "ulimit",
    type: "list",
    value: "name=soft[:hard]",
    help: "Limit each process, for example nofile=1024:4096; -1 for no limit",
  },
  {
    name: "umask",
    type: "string",
    value: "mode",
    help: "Mode bits that new files do not get (default 0022)",
  },
] as const satisfies readonly FlagSpec[];
