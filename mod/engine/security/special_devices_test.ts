import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { runDeviceFilter } from "../../../tests/fakes/device_filter_interpreter.ts";
import { DEFAULT_DEVICE_RULES } from "../../container/launch/default_devices.ts";
import type { ContainerDevices } from "../../container/launch/launch_input.ts";
import { findSpecialDevices } from "./special_devices.ts";

const NONE = { devices: [], deviceRules: [], isPrivileged: false };
const FILTER = { type: "filter" } as const;
const KMSG = { hostPath: "/dev/kmsg", containerPath: "/dev/log", permissions: "r" };

/** Which of `r` and `w` the filter allows of a character device. */
function allowed({ control }: ContainerDevices, major: number, minor: number): string {
  if (control.type !== "filter") return control.type;
  const { program } = control;
  return [..."rw"].filter((access) => runDeviceFilter(program, { type: "c", major, minor, access }))
    .join("");
}

Deno.test("findSpecialDevices() finds a device, and allows what was asked for", () => {
  const found = findSpecialDevices({ ...NONE, devices: [KMSG] }, FILTER);

  const [node] = found.nodes;
  deepStrictEqual([node?.target, node?.type, node?.major, node?.minor], ["/dev/log", "c", 1, 11]);
  deepStrictEqual([allowed(found, 1, 11), allowed(found, 1, 3), allowed(found, 1, 1)], [
    "r",
    "rw",
    "",
  ]);
});

Deno.test("findSpecialDevices() allows what rules say", () => {
  const found = findSpecialDevices({ ...NONE, deviceRules: ["c 1:* w"] }, FILTER);

  deepStrictEqual([allowed(found, 1, 11), allowed(found, 2, 0)], ["w", ""]);
});

Deno.test("findSpecialDevices() has a privileged container see the host's devices, and all work", () => {
  const { control, nodes } = findSpecialDevices({ ...NONE, isPrivileged: true }, FILTER);

  const targets = nodes.map(({ target }) => target);
  deepStrictEqual(control, { type: "nothing" });
  ok(targets.includes("/dev/kmsg") && targets.includes("/dev/null"));
  strictEqual(
    targets.some((path) => /^\/dev\/(pts|shm|mqueue|console|ptmx)(\/|$)/.test(path)),
    false,
  );
});

Deno.test("findSpecialDevices() tells the devices controller the same rules", () => {
  const support = { type: "controller", directory: "/cgroup/devices/one" } as const;

  const { control } = findSpecialDevices({ ...NONE, devices: [KMSG] }, support);

  deepStrictEqual(control, { ...support, rules: [...DEFAULT_DEVICE_RULES, "c 1:11 r"] });
});

for (
  const { what, wishes } of [
    { what: "a rule", wishes: { ...NONE, deviceRules: ["c 1:11 rwm"] } },
    { what: "a device for reading alone", wishes: { ...NONE, devices: [KMSG] } },
  ]
) {
  Deno.test(`findSpecialDevices() refuses ${what} where there are only mounts`, () => {
    throws(() => findSpecialDevices(wishes, { type: "mounts" }), { kind: "unsupported" });
  });
}

Deno.test("findSpecialDevices() gives a whole device where there are only mounts", () => {
  const devices = [{ ...KMSG, permissions: "rw" }];

  const found = findSpecialDevices({ ...NONE, devices }, { type: "mounts" });

  deepStrictEqual([found.control, found.nodes.length], [{ type: "mounts" }, 1]);
});
