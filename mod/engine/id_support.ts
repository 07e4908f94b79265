/** What only containers with ids of their own need, and when it is loaded. @module */

import type { Namespaces } from "../container/namespaces.ts";

/** Loads what making namespaces for such a container takes. */
export async function loadOwnNamespaces(): Promise<
  typeof import("../container/own_namespaces.ts")
> {
  return await import("../container/own_namespaces.ts");
}

/** Loads what choosing its ids takes. */
export async function loadIdRanges(): Promise<typeof import("./id_ranges.ts")> {
  return await import("./id_ranges.ts");
}

/**
 * Loads what making or starting a container takes; the first thing that a command does.
 *
 * @param request Of a container that is to be made, or its record.
 */
export async function loadIdSupport(
  { ownIds, namespaces }: { ownIds?: number; namespaces?: Pick<Namespaces, "idRange"> },
): Promise<void> {
  if (ownIds !== undefined) await loadIdRanges();
  if (ownIds !== undefined || (namespaces?.idRange ?? null) !== null) await loadOwnNamespaces();
}
