/** What a container with ids of its own cannot have. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import type { Engine } from "../base/engine.ts";
import { readContainer } from "../record/find.ts";

/** What of a container that is to be made matters to its ids. */
export interface IdSharing extends Pick<ContainerConfig, "networkMode" | "namespaces"> {
  /** Whether it gets ids of its own. */
  hasOwnIds: boolean;
  /** Whether it may do all that wherry may. */
  isPrivileged: boolean;
}

/**
 * Checks what goes along with ids of a container's own.
 *
 * In a namespace of another user namespace its root would be nobody, and who is joined could do nothing about it.
 *
 * @throws {WherryError} `invalid_argument` if it joins another container and one of both has ids of its own, or if it
 * is privileged, as docker has it.
 */
export function checkIdSharing(
  engine: Engine,
  { networkMode, namespaces: { pid, ipc }, hasOwnIds, isPrivileged }: IdSharing,
): void {
  if (hasOwnIds && isPrivileged) {
    throw new WherryError(
      "invalid_argument",
      "Cannot make a privileged container with ids of its own: privileged mode is incompatible with user namespaces",
      { hint: "Leave out --userns auto or --privileged" },
    );
  }
  for (const [what, mode] of Object.entries({ network: networkMode, pid, ipc })) {
    const [, id] = /^container:(.*)$/.exec(mode) ?? [];
    const other = id === undefined ? undefined : readContainer(engine, id)?.config;
    if (other === undefined || (!hasOwnIds && other.namespaces.idRange === null)) continue;
    throw new WherryError(
      "invalid_argument",
      `Cannot join the ${what} namespace of container "${other.name}": ` +
        (hasOwnIds ? "the new one has ids of its own" : "it has ids of its own"),
      { hint: "Containers that share a namespace have the host's ids: leave out --userns auto" },
    );
  }
}
