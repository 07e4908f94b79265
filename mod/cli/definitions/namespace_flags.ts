/** Flags that say which namespaces are a container's own. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const NAMESPACE_FLAGS = [
  {
    name: "cgroupns",
    type: "string",
    value: "host|private",
    help: "Cgroup namespace to use (default private)",
  },
  {
    name: "ipc",
    type: "string",
    value: "mode",
    help:
      "IPC namespace to use: private, shareable, none, host or container:NAME (default private)",
  },
  {
    name: "pid",
    type: "string",
    value: "mode",
    help: "PID namespace to use: private, host or container:NAME (default private)",
  },
  {
    name: "userns",
    type: "string",
    value: "host|auto[:size=N]",
    help: "Give the container ids of its own, so that its root is nobody on the host",
  },
  {
    name: "uts",
    type: "string",
    value: "host|private",
    help: "UTS namespace to use (default private)",
  },
] as const satisfies readonly FlagSpec[];
