/** Flags that say what a container may do. @module */

import type { FlagSpec } from "../flags.ts";

/** Of every command that makes a container. */
export const SECURITY_FLAGS = [] as const satisfies readonly FlagSpec[];
