/** Flags that say which namespaces are a container's own. @module */

import type { FlagSpec } from "../flags.ts";

/** Of every command that makes a container. */
export const NAMESPACE_FLAGS = [] as const satisfies readonly FlagSpec[];
