/** The values of flags that say what a container may do. @module */

import { DEFAULT_SECURITY, type Security } from "../container/security.ts";
import type { SECURITY_FLAGS } from "./definitions/security_flags.ts";
import type { ParsedFlags } from "./flags.ts";

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planSecurity(_flags: ParsedFlags<typeof SECURITY_FLAGS>["flags"]): Security {
  return DEFAULT_SECURITY;
}
