/** What `inspect` tells of a container's devices, in docker's shape. @module */

import type { Security } from "../../container/security/security.ts";
import type { Inspection } from "../base/inspection.ts";

/** The part of `HostConfig` that is about devices. */
export function describeDevices(
  { devices, deviceRules }: Pick<Security, "devices" | "deviceRules">,
): Inspection {
  return {
    Devices: devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: deviceRules.length === 0 ? null : deviceRules,
    DeviceRequests: null,
  };
}
