/** What `inspect` tells about what a container may do, in docker's words. @module */

import type { Security } from "../../container/security/security.ts";
import type { SystemPaths } from "../../container/launch/system_paths.ts";
import type { Inspection } from "../base/inspection.ts";

/**
 * The fields of `HostConfig` that every container has.
 *
 * @param systemPaths What it does not see or cannot write on this host.
 */
export function describeSecurity(
  security: Security,
  { masked, readOnly }: SystemPaths,
): Inspection {
  return {
    CapAdd: emptyToNull(security.addedCapabilities),
    CapDrop: emptyToNull(security.droppedCapabilities),
    GroupAdd: emptyToNull(security.groups),
    OomScoreAdj: security.oomScoreAdj ?? 0,
    Privileged: security.isPrivileged,
    SecurityOpt: emptyToNull(describeOptions(security)),
    ShmSize: security.shmSize,
    Ulimits: security.ulimits.map(({ name, soft, hard }) => ({
      Name: name,
      Hard: hard,
      Soft: soft,
    })),
    MaskedPaths: security.isPrivileged && security.maskedPaths === null ? null : masked,
    ReadonlyPaths: security.isPrivileged && security.readonlyPaths === null ? null : readOnly,
  };
}

/** Left out where there are none, as docker does it. */
export function describeSysctls({ sysctls }: Security): Inspection {
  return Object.keys(sysctls).length === 0 ? {} : { Sysctls: sysctls };
}

const SYSTEM_PATHS = "systempaths=unconfined";

/** Docker's client keeps the paths to itself, and its daemon says that nothing labels a privileged container. */
function describeOptions({ options, isPrivileged }: Security): string[] {
  const kept = options.filter((option) => option !== SYSTEM_PATHS);
  const isLabelled = kept.some((option) => /^label[=:]/.test(option));
  return isPrivileged && !isLabelled ? [...kept, "label=disable"] : kept;
}

function emptyToNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
