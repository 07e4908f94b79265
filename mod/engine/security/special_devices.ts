/** Devices of the host that a container is given: cold, because most have none. @module */

import { DEFAULT_DEVICE_RULES } from "../../container/launch/default_devices.ts";
import { parseDeviceRule } from "../../container/security/device_rules.ts";
import type {
  ContainerDevices,
  DeviceControl,
  DeviceNode,
} from "../../container/launch/launch_input.ts";
import type { DeviceRequest } from "../../container/security/security.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { type Device, listDevices, readDevice } from "../../kernel/device.ts";
import {
  compileDeviceFilter,
  type DeviceRule,
  formatDeviceRule,
  joinRules,
} from "../../kernel/device_filter.ts";
import { systemFailure } from "../base/engine.ts";
import { type DeviceSupport, type DeviceWishes, NO_DEVICE_CONTROL } from "./device_wishes.ts";

/**
 * Finds the devices that somebody wants, and what keeps all others away.
 *
 * A privileged container has all devices of the host, and nothing keeps any from it.
 *
 * @throws {WherryError} As {@linkcode findContainerDevices} does.
 */
export function findSpecialDevices(
  { devices, deviceRules, isPrivileged }: DeviceWishes,
  support: DeviceSupport,
): ContainerDevices {
  const found = devices.map((request) => ({ request, nodes: findDevices(request) }));
  const wanted = found.flatMap(({ nodes }) => nodes);
  if (isPrivileged) {
    return { control: { type: "nothing" }, nodes: [...wanted, ...listHostDevices()] };
  }
  if (support.type === "mounts") checkMountsSuffice({ devices, deviceRules });
  const rules = [
    ...DEFAULT_DEVICE_RULES.map(parseDeviceRule),
    ...found.flatMap(({ request, nodes }) => nodes.map((node) => ruleFor(node, request))),
    ...deviceRules.map(parseDeviceRule),
  ];
  return { control: controlDevices(rules, support), nodes: wanted };
}

function controlDevices(rules: readonly DeviceRule[], support: DeviceSupport): DeviceControl {
  switch (support.type) {
    case "filter":
      return { type: "filter", program: compileDeviceFilter(rules) };
    case "controller":
      return { ...support, rules: joinRules(rules).flatMap(formatDeviceRule) };
    case "mounts":
      return support;
  }
}

function ruleFor({ type, major, minor }: Device, { permissions }: DeviceRequest): DeviceRule {
  return { type, major, minor, access: permissions };
}

/** A mount lets a device work or not, and cannot tell reading from writing, nor one number from another. */
function checkMountsSuffice({ devices, deviceRules }: Omit<DeviceWishes, "isPrivileged">): void {
  const [rule] = deviceRules;
  if (rule !== undefined) throw unsupported(`use --device-cgroup-rule "${rule}"`);
  const limited = devices.find(({ permissions }) => !/r.*w|w.*r/.test(permissions));
  if (limited === undefined) return;
  const { hostPath, containerPath, permissions } = limited;
  throw unsupported(`use --device "${hostPath}:${containerPath}:${permissions}"`);
}

function unsupported(what: string): WherryError {
  return new WherryError("unsupported", `Cannot ${what}: ${NO_DEVICE_CONTROL}`, {
    hint: "A whole device can be given with --device, for reading and writing",
  });
}

/** Directories and files of /dev that a privileged container has of its own. @see `HostDevices()` of containerd */
const OWN_NAMES = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console", "ptmx"];

function listHostDevices(): DeviceNode[] {
  return listDevices("/dev", ({ name }) => !OWN_NAMES.includes(name))
    .map((device) => ({ ...device, target: device.path }));
}

/** The device, or the devices in a directory; only a link on the path itself is followed, as docker does it. */
function findDevices({ hostPath, containerPath }: DeviceRequest): DeviceNode[] {
  try {
    const path = Deno.lstatSync(hostPath).isSymlink ? Deno.realPathSync(hostPath) : hostPath;
    const device = readDevice(path);
    if (device !== undefined) return [{ ...device, target: containerPath }];
    const devices = Deno.lstatSync(path).isDirectory ? listDevices(path) : [];
    if (devices.length === 0) throw unusable(hostPath, "invalid_argument", "not a device node");
    return devices.map((child) => ({
      ...child,
      target: containerPath + child.path.slice(path.length),
    }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw unusable(hostPath, "not_found", "no such file or directory");
    }
    if (error instanceof Deno.errors.NotADirectory) {
      throw unusable(hostPath, "invalid_argument", "not a directory");
    }
    throw systemFailure(`look for devices in "${hostPath}"`, error);
  }
}

/** In docker's words. */
function unusable(
  hostPath: string,
  kind: "invalid_argument" | "not_found",
  why: string,
): WherryError {
  return dockerError(
    kind,
    `error gathering device information while adding custom device "${hostPath}": ${why}`,
  );
}
