/** What somebody asks for concerning what a container may do. @module */

/** Which system calls are let through. */
export type SeccompChoice =
  | { type: "default" }
  | { type: "unconfined" }
  | {
    type: "profile";
    /** Name of the file that it was read from, for messages. */
    file: string;
    /** The text of a profile in docker's JSON format. */
    json: string;
  };

/** A device of the host that appears inside. */
export interface DeviceRequest {
  /** Absolute path of a device, or of a directory of devices. */
  hostPath: string;
  /** Absolute path inside. */
  containerPath: string;
  /** Some of `r`, `w` and `m`. */
  permissions: string;
}

/** A limit as `--ulimit` names it. */
export interface UlimitRequest {
  /** For example `"nofile"`; the last of several with one name counts. */
  name: string;
  /** -1 for none. */
  soft: number;
  /** -1 for none. */
  hard: number;
}

/** What a container may do, as it was asked for. */
export interface Security {
  /** Whether it may do all that wherry may. */
  isPrivileged: boolean;
  /** `CAP_` names, or `ALL`, on top of the default ones. */
  addedCapabilities: string[];
  /** `CAP_` names, or `ALL`, that are taken away. */
  droppedCapabilities: string[];
  /** Whether no program can have more rights than who executes it. */
  hasNoNewPrivileges: boolean;
  /** Which system calls are let through. */
  seccomp: SeccompChoice;
  /** Name of an AppArmor profile of the host, or `"unconfined"`; empty when nobody said anything. */
  apparmorProfile: string;
  /** Absolute paths that are hidden; `null` for those that are by default. */
  maskedPaths: string[] | null;
  /** Absolute paths where nobody can write; `null` for those where that is so by default. */
  readonlyPaths: string[] | null;
  /** Whether it may change what it sees of the tree of cgroups, as a privileged one may. */
  hasWritableCgroups: boolean;
  /** `--security-opt`, as it was typed. */
  options: string[];
  /** Parameters of the container's own namespaces, by name with dots. */
  sysctls: Record<string, string>;
  /** Groups of its first process besides those of the image, names or numbers. */
  groups: string[];
  /** Mode bits that new files do not get; -1 when nobody said anything. */
  umask: number;
  /** Limits of single processes. */
  ulimits: UlimitRequest[];
  /** -1000 to 1000; `null` for that of who starts it. */
  oomScoreAdj: number | null;
  /** Bytes of /dev/shm, more than 0. */
  shmSize: number;
  /** Devices of the host. */
  devices: DeviceRequest[];
  /** `--device-cgroup-rule`, for example `"c 189:* rwm"`. */
  deviceRules: string[];
}

/** Of a container of which nobody said anything. */
export const DEFAULT_SECURITY: Readonly<Security> = {
  isPrivileged: false,
  addedCapabilities: [],
  droppedCapabilities: [],
  hasNoNewPrivileges: false,
  seccomp: { type: "default" },
  apparmorProfile: "",
  maskedPaths: null,
  readonlyPaths: null,
  hasWritableCgroups: false,
  options: [],
  sysctls: {},
  groups: [],
  umask: -1,
  ulimits: [],
  oomScoreAdj: null,
  shmSize: 64 * 1024 * 1024,
  devices: [],
  deviceRules: [],
};
