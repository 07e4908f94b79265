import { deepStrictEqual, ok } from "node:assert/strict";
import { DEFAULT_SECURITY, type Security } from "../security/security.ts";
import { type SystemPaths, systemPathsOf } from "./system_paths.ts";

const NO_HEAT = "/nonexistent";

function pathsOf(changes: Partial<Security>): SystemPaths {
  return systemPathsOf({ ...DEFAULT_SECURITY, ...changes }, NO_HEAT);
}

Deno.test("systemPathsOf() hides docker's paths", () => {
  const { masked, readOnly } = pathsOf({});

  ok(masked.includes("/proc/kcore") && masked.includes("/sys/firmware"));
  ok(readOnly.includes("/proc/sys") && readOnly.includes("/proc/sysrq-trigger"));
});

Deno.test("systemPathsOf() hides nothing from a privileged container", () => {
  deepStrictEqual(pathsOf({ isPrivileged: true }), { masked: [], readOnly: [] });
});

Deno.test("systemPathsOf() takes lists that somebody gave", () => {
  deepStrictEqual(pathsOf({ isPrivileged: true, maskedPaths: ["/a"], readonlyPaths: ["/b"] }), {
    masked: ["/a"],
    readOnly: ["/b"],
  });
});

Deno.test("systemPathsOf() hides how hot each processor is", () => {
  const sysfs = Deno.makeTempDirSync({ prefix: "wherry-sysfs-" });
  const processors = `${sysfs}/devices/system/cpu`;
  try {
    for (const number of [0, 1, 8]) {
      Deno.mkdirSync(`${processors}/cpu${number}/thermal_throttle`, { recursive: true });
    }
    Deno.mkdirSync(`${processors}/cpu2`);
    Deno.writeTextFileSync(`${processors}/possible`, "0-2,8\n");

    const { masked } = systemPathsOf(DEFAULT_SECURITY, sysfs);

    deepStrictEqual(masked.filter((path) => path.endsWith("thermal_throttle")), [
      "/sys/devices/system/cpu/cpu0/thermal_throttle",
      "/sys/devices/system/cpu/cpu1/thermal_throttle",
      "/sys/devices/system/cpu/cpu8/thermal_throttle",
    ]);
  } finally {
    Deno.removeSync(sysfs, { recursive: true });
  }
});
