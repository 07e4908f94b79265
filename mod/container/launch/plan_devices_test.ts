import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { inputWith, stepsCalled } from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import type { ContainerConfig } from "../record/config.ts";
import { type ContainerDevices, DEFAULT_DEVICES, type DeviceNode } from "./launch_input.ts";
import { planLaunch } from "./launch_plan.ts";
import type { Step } from "./plan.ts";

/** The plan of a container with these devices. */
function planWithDevices(
  devices: Partial<ContainerDevices>,
  changes: Partial<ContainerConfig> = {},
): Step[] {
  return planLaunch({ ...inputWith(changes), devices: { ...DEFAULT_DEVICES, ...devices } });
}

/** Of a host without cgroups. */
const MOUNTS_ALONE = { control: { type: "mounts" } } as const;

for (
  const { source, attributes } of [
    { source: "/srv", attributes: "4" },
    { source: "/dev", attributes: "0" },
    { source: "/dev/fuse", attributes: "0" },
    { source: "/devices", attributes: "4" },
  ]
) {
  Deno.test(`planLaunch() gives a bind mount of ${source} the attributes ${attributes}`, () => {
    const steps = planWithDevices(MOUNTS_ALONE, {
      mounts: [{
        type: "bind",
        source,
        target: "/mine",
        isReadOnly: false,
        createsSource: true,
        propagation: "rprivate",
      }],
    });

    const [step] = stepsCalled("attach-taken", steps).filter((step) => step[2] === "/mine");
    strictEqual(step?.[4], attributes);
  });
}

Deno.test("planLaunch() lets no device work but those it makes where only mounts keep them away", () => {
  const { paths: { merged } } = inputWith({});

  const steps = planWithDevices(MOUNTS_ALONE);

  deepStrictEqual(stepsCalled("device-filter", steps), []);
  const overlay = stepsCalled("mount", steps).find((step) => step[1] === "overlay");
  strictEqual(overlay?.[4], String(MS.NODEV));
  deepStrictEqual(steps.filter((step) => step.some((word) => word.endsWith("/dev/null"))), [
    ["mknod", "/dev/null", "20666", "1", "3"],
    ["attach-tree", `${merged}/dev/null`, "/dev/null", "0", "0", "0"],
  ]);
  const remount = stepsCalled("mount", steps).find((step) => step[2] === `${merged}/dev`);
  strictEqual((Number(remount?.[4]) & MS.NODEV) !== 0, true);
});

Deno.test("planLaunch() leaves bind mounts to the filter", () => {
  const bind = {
    type: "bind",
    source: "/srv",
    target: "/mine",
    isReadOnly: true,
    createsSource: true,
    propagation: "rprivate",
  } as const;

  const steps = planLaunch(inputWith({ mounts: [bind] }));

  const [step] = stepsCalled("attach-taken", steps).filter((step) => step[2] === "/mine");
  strictEqual(step?.[4], "1");
});

const FUSE: DeviceNode = {
  path: "/dev/fuse",
  target: "/dev/fuse",
  type: "c",
  major: 10,
  minor: 229,
  mode: 0o640,
  uid: 0,
  gid: 44,
};

Deno.test("planLaunch() makes a device as the host has it", () => {
  const steps = planWithDevices({ nodes: [FUSE] });

  const index = steps.findIndex((step) => step[1] === "/dev/fuse");
  deepStrictEqual(steps.slice(index, index + 2), [
    ["mknod", "/dev/fuse", "20640", "10", "229"],
    ["chown", "/dev/fuse", "0", "44"],
  ]);
});

Deno.test("planLaunch() makes of several devices on one path the first one", () => {
  const nodes = [{ ...FUSE, target: "/dev/tty", gid: 0 }, {
    ...FUSE,
    target: "/dev/tty",
    minor: 1,
  }];

  const steps = planWithDevices({ nodes });

  deepStrictEqual(stepsCalled("mknod", steps).filter((step) => step[1] === "/dev/tty"), [
    ["mknod", "/dev/tty", "20640", "10", "229"],
  ]);
});

for (const target of ["/data/fuse", "/dev/shm/fuse", "/dev/snd/fuse"]) {
  Deno.test(`planLaunch() mounts a device on ${target}, after what is mounted there`, () => {
    const steps = planWithDevices({ nodes: [{ ...FUSE, target }] }, {
      mounts: [{ type: "tmpfs", target: "/dev/snd", options: "" }],
    });

    const index = steps.findIndex((step) => step[2] === target);
    deepStrictEqual(steps[index], ["attach-tree", "/dev/fuse", target, "0", "1", "0"]);
    strictEqual(index > steps.findIndex((step) => step[2] === "/dev/snd"), true);
    strictEqual(stepsCalled("mknod", steps).length, 6);
  });
}

Deno.test("planLaunch() makes no devices below a bind mount on /dev", () => {
  const steps = planLaunch(inputWith({
    mounts: [{
      type: "bind",
      source: "/dev",
      target: "/dev",
      isReadOnly: false,
      createsSource: false,
      propagation: "rprivate",
    }],
  }));

  deepStrictEqual(stepsCalled("mknod", steps), []);
});

Deno.test("planLaunch() puts devices into a tmpfs that is asked for on /dev", () => {
  const merged = "/r/containers/0123abcd/merged/dev";
  const steps = planLaunch(inputWith({
    mounts: [{ type: "tmpfs", target: "/dev", options: "size=1m,exec" }],
  }));

  const about = steps.filter(([word, first, target]) =>
    target === "/dev" || target === merged || (word === "mknod" && first === "/dev/null")
  );

  deepStrictEqual(about, [
    ["mount-in", "tmpfs", "/dev", "tmpfs", String(MS.NOSUID | MS.STRICTATIME), "size=1m"],
    ["mknod", "/dev/null", "20666", "1", "3"],
    ["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | MS.NOSUID | MS.NODEV), ""],
  ]);
});

Deno.test("planLaunch() binds a root that is a copy without devices where only mounts keep them away", () => {
  const steps = planWithDevices(MOUNTS_ALONE, { storageDriver: "copy" });

  const merged = "/r/containers/0123abcd/merged";
  deepStrictEqual(stepsCalled("mount", steps).slice(1, 3), [
    ["mount", merged, merged, "", String(MS.BIND), ""],
    ["mount", "", merged, "", String(MS.REMOUNT | MS.BIND | MS.NODEV), ""],
  ]);
});
