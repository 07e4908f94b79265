/** What a container wants of devices, and what a host can do. @module */

import type { Security } from "../../container/security/security.ts";

/** What a container says of its devices. */
export type DeviceWishes = Pick<Security, "devices" | "deviceRules" | "isPrivileged">;

/** What this host has to keep devices from a container. */
export type DeviceSupport =
  | { type: "filter" }
  | {
    type: "controller";
    /** The container's cgroup in the hierarchy of the devices controller. */
    directory: string;
  }
  | { type: "mounts" };

/** Why a wish cannot be fulfilled on some hosts. */
export const NO_DEVICE_CONTROL = "this host has neither a writable cgroup2 file system with BPF " +
  "nor the devices controller of cgroup v1";
