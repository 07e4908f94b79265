/** Flags that say how much of the host a container may use. @module */

import type { FlagSpec } from "../flags.ts";

/** Of every command that makes a container. */
export const RESOURCE_FLAGS = [] as const satisfies readonly FlagSpec[];
