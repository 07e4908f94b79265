/** Flags that say which namespaces are a container's own. @module */

import type { FlagSpec } from "../flags.ts";

/** Of every command that makes a container. */
export const NAMESPACE_FLAGS = [
  {
    name: "userns",
    type: "string",
    value: "host|auto[:size=N]",
    help: "Give the container ids of its own, so that its root is nobody on the host",
  },
] as const satisfies readonly FlagSpec[];
