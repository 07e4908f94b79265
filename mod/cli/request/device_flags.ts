/** The values of flags about devices of the host. @module */

import { parseDeviceRule } from "../../container/security/device_rules.ts";
import type { DeviceRequest, Security } from "../../container/security/security.ts";
import { WherryError } from "../../errors.ts";
import { flagError } from "../base/argument_error.ts";
import type { DEVICE_FLAGS } from "../definitions/device_flags.ts";
import { EXIT_ENGINE_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { normalisePath } from "../../engine/mount/mount_target.ts";

type DeviceFlags = ParsedFlags<typeof DEVICE_FLAGS>["flags"];

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, `unsupported` for what wherry does not do.
 */
export function planDevices(flags: DeviceFlags): Pick<Security, "devices" | "deviceRules"> {
  if (flags.gpus !== undefined) {
    throw unsupported(`--gpus "${flags.gpus}"`, "no driver's libraries are put into a container");
  }
  for (const rule of flags["device-cgroup-rule"]) checkRule(rule);
  return {
    devices: flags.device.map(parseDeviceFlag),
    deviceRules: flags["device-cgroup-rule"],
  };
}

function checkRule(rule: string): void {
  try {
    parseDeviceRule(rule);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    throw flagError(
      `invalid argument "${rule}" for "--device-cgroup-rule" flag: ` +
        `invalid device cgroup format '${rule}'`,
      { cause, hint: cause.message },
    );
  }
}

/** `vendor.com/class=name`. @see `IsQualifiedName()` of the Container Device Interface */
const CDI_NAME = /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[\w.:-]+$/;

const DEFAULT_PERMISSIONS = "rwm";

/**
 * Reads one `--device HOST[:CONTAINER][:PERMISSIONS]`.
 *
 * @throws {WherryError} As {@linkcode planDevices} does.
 */
export function parseDeviceFlag(text: string): DeviceRequest {
  if (CDI_NAME.test(text)) {
    throw unsupported(
      `--device "${text}"`,
      "specifications of the Container Device Interface are not read",
    );
  }
  const [hostPath = "", second, third, ...rest] = text.split(":");
  if (hostPath === "" || second === "" || rest.length > 0) {
    throw flagError(`bad format for path: ${text}`);
  }
  if (third !== undefined && !isPermissions(third)) throw flagError(`bad mode specified: ${third}`);
  const hasTarget = second !== undefined && (third !== undefined || !isPermissions(second));
  return {
    hostPath: checkPath(hostPath),
    containerPath: checkContainerPath(hasTarget ? second : hostPath),
    permissions: third ?? (hasTarget ? undefined : second) ?? DEFAULT_PERMISSIONS,
  };
}

/** Each of `r`, `w` and `m` once at most, and one at least. */
function isPermissions(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

function checkPath(path: string): string {
  if (!path.startsWith("/")) throw flagError(`${path} is not an absolute path`);
  return normalisePath(path);
}

function checkContainerPath(text: string): string {
  const path = checkPath(text);
  if (path === "/") throw flagError("Cannot put a device on /: it is the root file system");
  return path;
}

function unsupported(what: string, why: string): WherryError {
  return new WherryError("unsupported", `Cannot use ${what}: ${why}`, {
    hint: "Give the device files with --device and the driver's libraries with --volume",
    exitCode: EXIT_ENGINE_FAILURE,
  });
}
