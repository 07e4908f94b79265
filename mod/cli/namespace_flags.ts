/** The values of flags that say which namespaces are a container's own. @module */

import { type Namespaces, PRIVATE_NAMESPACES } from "../container/namespaces.ts";
import type { NAMESPACE_FLAGS } from "./definitions/namespace_flags.ts";
import type { ParsedFlags } from "./flags.ts";

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planNamespaces(_flags: ParsedFlags<typeof NAMESPACE_FLAGS>["flags"]): Namespaces {
  return PRIVATE_NAMESPACES;
}
