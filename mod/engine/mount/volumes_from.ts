/** The mounts that a container takes over from others. @module */

import type { ContainerMount } from "../../container/record/mounts.ts";
import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Engine } from "../base/engine.ts";
import { findOtherContainer } from "../record/find.ts";

/** Another container whose volumes and bind mounts are to appear inside, too. */
export interface VolumesFromRequest {
  /** A name, an id or the beginning of an id. */
  container: string;
  /** Whether they cannot, or can, be written to; each as it is there if left out. */
  isReadOnly?: boolean;
}

/**
 * The binds and volumes of other containers, those that these have taken over in turn among them; with the volumes
 * locked. As with docker the last one wins where two have the same target, and what is read-only there stays so.
 *
 * @param hasOwnIds Whether the new container has ids of its own.
 * @throws {WherryError} `not_found` for a container, or for a volume that has been removed by force.
 */
export function findBorrowedMounts(
  engine: Engine,
  requests: readonly VolumesFromRequest[],
  { hasOwnIds }: { hasOwnIds: boolean },
): ContainerMount[] {
  const found = new Map<string, ContainerMount>();
  for (const request of requests) {
    const { name, mounts } = findOtherContainer(engine, request.container).config;
    for (const mount of mounts) {
      const borrowed = borrow(mount, { isReadOnly: request.isReadOnly ?? false, hasOwnIds });
      if (borrowed === undefined) continue;
      checkPresent(engine, borrowed, name);
      found.set(mount.target, borrowed);
    }
  }
  return [...found.values()];
}

/** @returns `undefined` for what is not shared: docker's users know that of tmpfs mounts. */
function borrow(
  mount: ContainerMount,
  { isReadOnly, hasOwnIds }: { isReadOnly: boolean; hasOwnIds: boolean },
): ContainerMount | undefined {
  switch (mount.type) {
    case "volume": {
      const { mode: _mode, ...rest } = mount;
      return {
        ...rest,
        isReadOnly: mount.isReadOnly || isReadOnly,
        // It has its content by now
        copiesContent: false,
      };
    }
    case "bind": {
      const { mode: _mode, isIdMapped = false, ...rest } = mount;
      return {
        ...rest,
        isReadOnly: mount.isReadOnly || isReadOnly,
        // Without ids of its own it sees the same owners without a mapping
        ...(isIdMapped && hasOwnIds ? { isIdMapped } : {}),
      };
    }
    case "tmpfs":
    case "image":
      return undefined;
  }
}

function checkPresent({ paths }: Engine, mount: ContainerMount, owner: string): void {
  if (mount.type !== "volume" || isPresent(paths.volume(mount.name).directory)) return;
  throw new WherryError(
    "not_found",
    `Cannot use the volumes of container "${owner}": its volume "${mount.name}" does not exist any more`,
  );
}
