import { deepStrictEqual, throws } from "node:assert/strict";
import { parseDeviceFlag, planDevices } from "./device_flags.ts";

for (
  const { text, hostPath, containerPath, permissions } of [
    { text: "/dev/fuse", hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" },
    { text: "/dev/fuse:r", hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "r" },
    { text: "/dev/a:/dev/b", hostPath: "/dev/a", containerPath: "/dev/b", permissions: "rwm" },
    { text: "/dev/a:/b/../c:mr", hostPath: "/dev/a", containerPath: "/c", permissions: "mr" },
    { text: "/dev/snd/", hostPath: "/dev/snd", containerPath: "/dev/snd", permissions: "rwm" },
  ]
) {
  Deno.test(`parseDeviceFlag() reads "${text}"`, () => {
    deepStrictEqual(parseDeviceFlag(text), { hostPath, containerPath, permissions });
  });
}

for (
  const { text, message } of [
    { text: "", message: "bad format for path: " },
    { text: ":/dev/a", message: "bad format for path: :/dev/a" },
    { text: "/dev/a:", message: "bad format for path: /dev/a:" },
    { text: "/dev/a::r", message: "bad format for path: /dev/a::r" },
    { text: "/dev/a:/dev/b:r:w", message: "bad format for path: /dev/a:/dev/b:r:w" },
    { text: "/dev/a:/dev/b:rx", message: "bad mode specified: rx" },
    { text: "/dev/a:/dev/b:rr", message: "bad mode specified: rr" },
    { text: "/dev/a:/dev/b:", message: "bad mode specified: " },
    { text: "dev/a", message: "dev/a is not an absolute path" },
    { text: "/dev/a:rr", message: "rr is not an absolute path" },
    { text: "/dev/a:rw:r", message: "rw is not an absolute path" },
    { text: "/dev/a:/", message: "Cannot put a device on /: it is the root file system" },
  ]
) {
  Deno.test(`parseDeviceFlag() refuses "${text}"`, () => {
    throws(() => parseDeviceFlag(text), { kind: "invalid_argument", message, exitCode: 125 });
  });
}

Deno.test("parseDeviceFlag() refuses names of the Container Device Interface", () => {
  throws(() => parseDeviceFlag("nvidia.com/gpu=all"), { kind: "unsupported", exitCode: 125 });
});

Deno.test("planDevices() refuses rules in docker's words", () => {
  const flags = { device: [], "device-cgroup-rule": ["c 1:3"], gpus: undefined };

  throws(() => planDevices(flags), {
    kind: "invalid_argument",
    message: 'invalid argument "c 1:3" for "--device-cgroup-rule" flag: ' +
      "invalid device cgroup format 'c 1:3'",
    exitCode: 125,
  });
});

Deno.test("planDevices() refuses --gpus", () => {
  throws(() => planDevices({ device: [], "device-cgroup-rule": [], gpus: "all" }), {
    kind: "unsupported",
    message: 'Cannot use --gpus "all": no driver\'s libraries are put into a container',
  });
});
