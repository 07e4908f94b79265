/** Which devices a container has, and what the others take and when it is loaded. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import {
  DEFAULT_DEVICE_FILTER,
  DEFAULT_DEVICE_RULES,
} from "../../container/launch/default_devices.ts";
import type { ContainerDevices, DeviceControl } from "../../container/launch/launch_input.ts";
import type { ContainerCgroups } from "../../container/launch/plan_cgroup.ts";
import { tmpfsOptions } from "../../container/launch/plan_devices.ts";
import { WherryError } from "../../errors.ts";
import { MS } from "../../kernel/mount.ts";
import type { CgroupHost } from "../record/cgroup.ts";
import { type DeviceSupport, type DeviceWishes, NO_DEVICE_CONTROL } from "./device_wishes.ts";

/** Whether a container has devices besides those of every container. */
function hasSpecialDevices({ devices, deviceRules, isPrivileged }: DeviceWishes): boolean {
  return devices.length > 0 || deviceRules.length > 0 || isPrivileged;
}

/** Loads what giving a container its devices takes besides the usual; the first thing that a command does. */
export async function loadDeviceSupport(wishes: DeviceWishes): Promise<void> {
  if (hasSpecialDevices(wishes)) await loadSpecialDevices();
}

async function loadSpecialDevices(): Promise<typeof import("./special_devices.ts")> {
  return await import("./special_devices.ts");
}

/**
 * Finds a container's devices, as they are on this host now.
 *
 * @throws {WherryError} `not_found` or `invalid_argument` for a device, `unsupported` for what this host cannot do.
 */
export async function findContainerDevices(
  { security, mounts }: Pick<ContainerConfig, "security" | "mounts">,
  support: DeviceSupport,
): Promise<ContainerDevices> {
  if (support.type === "mounts" && !security.isPrivileged) checkMounts(mounts);
  if (!hasSpecialDevices(security)) return { control: controlUsualDevices(support), nodes: [] };
  const { findSpecialDevices } = await loadSpecialDevices();
  return findSpecialDevices(security, support);
}

function controlUsualDevices(support: DeviceSupport): DeviceControl {
  switch (support.type) {
    case "filter":
      return { type: "filter", program: DEFAULT_DEVICE_FILTER };
    case "controller":
      return { ...support, rules: DEFAULT_DEVICE_RULES };
    case "mounts":
      return support;
  }
}

/** On a host that has nothing but mounts to keep devices from a container, none of its mounts may have them. */
function checkMounts(mounts: ContainerConfig["mounts"]): void {
  const wrong = mounts.find((mount) =>
    mount.type === "tmpfs" && (tmpfsOptions(mount).flags & MS.NODEV) === 0
  );
  if (wrong?.type !== "tmpfs") return;
  throw new WherryError(
    "unsupported",
    `Cannot mount "${wrong.target}:${wrong.options}": device files would open the host's devices`,
    { hint: `Leave out dev: ${NO_DEVICE_CONTROL}` },
  );
}

/** Finds what keeps devices from a container whose cgroups are these, or would be. */
export function findDeviceSupport(
  { filtersDevices }: Pick<CgroupHost, "filtersDevices">,
  { v1: { devices: directory } }: ContainerCgroups,
): DeviceSupport {
  if (filtersDevices) return { type: "filter" };
  return directory === undefined ? { type: "mounts" } : { type: "controller", directory };
}
