/** From what was asked for concerning a container to what its processes may do on this host. @module */

import { grantCapabilities } from "../../container/security/capabilities.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import type { Namespaces } from "../../container/record/namespaces.ts";
import {
  DEFAULT_PROCESS_SECURITY,
  type ProcessSecurity,
  type ResourceLimit,
} from "../../container/security/process_security.ts";
import {
  DEFAULT_SECURITY,
  type Security,
  type UlimitRequest,
} from "../../container/security/security.ts";
import { type SysctlNamespace, sysctlNamespace } from "../../container/security/sysctls.ts";
import { dockerError, WherryError } from "../../errors.ts";
import {
  ALL_CAPABILITIES,
  capabilityBit,
  readAvailableCapabilities,
} from "../../kernel/capability.ts";
import { isPresent } from "../../kernel/entry.ts";
import { limitNumber, readHardLimits } from "../../kernel/resource_limit.ts";

/** What of a container's record its rights depend on. */
type SecurityRecord = Pick<ContainerConfig, "security" | "namespaces" | "networkMode">;

/**
 * What a container's first process and its health checks may do.
 *
 * @throws {WherryError} `unsupported` for what this host lacks, `invalid_argument` for what contradicts itself.
 */
export function containerSecurity(record: SecurityRecord): ProcessSecurity {
  const { security, namespaces } = record;
  checkNamespacesOfSysctls(record);
  checkSharedMemory(security, namespaces);
  checkWritableCgroups(security, namespaces);
  return {
    ...DEFAULT_PROCESS_SECURITY,
    ...grantCapabilities(security, () => availableCapabilities(namespaces)),
    hasNoNewPrivileges: security.hasNoNewPrivileges,
    apparmorProfile: chooseProfile(security),
    limits: planLimits(security.ulimits, namespaces),
    umask: security.umask < 0 ? DEFAULT_PROCESS_SECURITY.umask : security.umask,
    oomScoreAdj: security.oomScoreAdj ?? undefined,
  };
}

/** How one more process of a container differs from its first one. */
export interface ExecRights {
  /** Whether it may do all that wherry may. @default {false} */
  isPrivileged?: boolean;
  /** `user[:group]`. @default {the container's} */
  user?: string;
}

/**
 * What one more process of a container may do.
 *
 * A capability that was added for the container's user is not one for another user.
 *
 * @throws {WherryError} As {@linkcode containerSecurity} does.
 */
export function execSecurity(
  config: SecurityRecord & Pick<ContainerConfig, "user">,
  { isPrivileged = false, user = config.user }: ExecRights,
): ProcessSecurity {
  const security = containerSecurity(config);
  return {
    ...security,
    capabilities: isPrivileged ? availableCapabilities(config.namespaces) : security.capabilities,
    ambient: user === config.user ? security.ambient : 0n,
  };
}

/** With ids of its own a container has every capability, over no more than what is its own. */
function availableCapabilities({ idRange }: Namespaces): bigint {
  return idRange === null ? readAvailableCapabilities() : ALL_CAPABILITIES;
}

const APPARMOR = "/sys/module/apparmor";

/** As with docker, one that is named confines a privileged container, too. */
function chooseProfile({ apparmorProfile: name }: Security): string | undefined {
  if (name === "" || name === "unconfined") return undefined;
  if (isPresent(APPARMOR)) return name;
  throw new WherryError(
    "unsupported",
    `Cannot confine the container by the AppArmor profile "${name}": this host has no AppArmor`,
    { hint: "Leave out --security-opt apparmor, or use apparmor=unconfined" },
  );
}

const UNLIMITED = -1n;

function planLimits(
  ulimits: readonly UlimitRequest[],
  { idRange }: Namespaces,
): readonly ResourceLimit[] {
  if (ulimits.length === 0) return DEFAULT_PROCESS_SECURITY.limits;
  const hardLimits = readHardLimits();
  const byName = new Map(ulimits.map((limit) => [limit.name, limit]));
  return Array.from(byName.values(), (request) => {
    const limit = {
      resource: limitNumber(request.name) ?? -1,
      soft: BigInt(request.soft),
      hard: BigInt(request.hard),
    };
    const most = hardLimits[limit.resource] ?? UNLIMITED;
    // The kernel asks for the capability over the host, which root of a user namespace has not
    if (isHigher(limit.hard, most) && (idRange !== null || !canRaiseLimits())) {
      throw cannotRaise(request, most);
    }
    return limit;
  });
}

function isHigher(limit: bigint, other: bigint): boolean {
  return other !== UNLIMITED && (limit === UNLIMITED || limit > other);
}

function canRaiseLimits(): boolean {
  return (readAvailableCapabilities() & capabilityBit("CAP_SYS_RESOURCE")) !== 0n;
}

function cannotRaise({ name, hard }: UlimitRequest, most: bigint): WherryError {
  const wanted = hard < 0 ? "unlimited" : String(hard);
  return new WherryError(
    "unsupported",
    `Cannot raise the limit ${name} to ${wanted}: it is ${most} here, and raising it takes ` +
      "CAP_SYS_RESOURCE, which wherry lacks",
    { hint: `Ask for at most ${most}` },
  );
}

/** In runc's words. */
const NOT_OF_HOST: Readonly<Record<SysctlNamespace, string>> = {
  net: "not allowed in host network namespace",
  ipc: "is not allowed in the hosts ipc namespace",
  uts: "is not in a separate kernel namespace",
};

function checkNamespacesOfSysctls({ security, namespaces, networkMode }: SecurityRecord): void {
  const modes = { net: networkMode, ipc: namespaces.ipc, uts: namespaces.uts };
  for (const name of Object.keys(security.sysctls)) {
    const kind = sysctlNamespace(name);
    const mode = kind === undefined ? "" : modes[kind];
    if (kind !== undefined && mode === "host") {
      throw dockerError("invalid_argument", `sysctl "${name}" ${NOT_OF_HOST[kind]}`);
    }
    if (mode.startsWith("container:")) {
      throw new WherryError(
        "invalid_argument",
        `Cannot set the sysctl "${name}": its namespace is another container's`,
        { hint: "Set it where that container is made" },
      );
    }
  }
}

function checkSharedMemory({ shmSize }: Security, { ipc }: Namespaces): void {
  if (shmSize === DEFAULT_SECURITY.shmSize || ipc === "private" || ipc === "shareable") return;
  throw new WherryError(
    "invalid_argument",
    `Cannot make /dev/shm of ${shmSize} bytes: with --ipc ${ipc} the container has none of its own`,
    { hint: "Leave out --shm-size" },
  );
}

/** What a container could move out of its cgroup, and change those of others, has no limits and no device filter. */
function checkWritableCgroups(
  { hasWritableCgroups, isPrivileged }: Security,
  { cgroup }: Namespaces,
): void {
  if (!hasWritableCgroups || isPrivileged || cgroup === "private") return;
  throw new WherryError(
    "invalid_argument",
    "Cannot make the cgroups writable: with --cgroupns host they are those of the whole host",
    { hint: "Leave out --cgroupns host or --security-opt writable-cgroups" },
  );
}
