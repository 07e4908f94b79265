import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { inputWith } from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import { planLaunch } from "./launch_plan.ts";
import { DEFAULT_DEVICES, type LaunchInput } from "./launch_input.ts";
import type {
  BindMount,
  BindRecursion,
  ContainerMount,
  ImageMount,
  Propagation,
} from "../record/mounts.ts";
import { PRIVATE_NAMESPACES } from "../record/namespaces.ts";
import type { Step } from "./plan.ts";

const RPRIVATE = String(MS.PRIVATE | MS.REC);
const MERGED = "/r/containers/0123abcd/merged";

const BIND: BindMount = {
  type: "bind",
  source: "/srv",
  target: "/data",
  isReadOnly: false,
  createsSource: false,
  propagation: "rprivate",
};

const IMAGE: ImageMount = {
  type: "image",
  imageId: "sha256:0",
  reference: "box",
  layers: ["base", "top"],
  target: "/image",
  subpath: "",
};

const MAPPED = { ...PRIVATE_NAMESPACES, idRange: { first: 100_000, count: 65_536 } };

const WORDS = ["take-tree", "attach-taken", "mount-at"];

/** The steps of mounts that somebody asked for. */
function stepsOf(mounts: ContainerMount[], changes: Partial<LaunchInput> = {}): Step[] {
  return planLaunch({ ...inputWith({ mounts }), ...changes })
    .filter(([word]) => WORDS.includes(word));
}

Deno.test("planLaunch() takes and attaches one bind mount after the other", () => {
  deepStrictEqual(
    stepsOf([BIND, { ...BIND, source: "/opt", target: "/more", createsSource: true }]),
    [
      ["take-tree", "0", "/srv", "", "1"],
      ["attach-taken", "0", "/data", "0", "0", "0", RPRIVATE],
      ["take-tree", "0", "/opt", "", "3"],
      ["attach-taken", "0", "/more", "0", "0", "0", RPRIVATE],
    ],
  );
});

for (
  const [recursion, flags, ...attributes] of [
    ["enabled", "1", "0", "1", "0"],
    ["disabled", "0", "0", "1", "0"],
    ["writable", "1", "0", "0", "1"],
    ["readonly", "1", "1", "1", "0"],
  ] as const satisfies [BindRecursion, string, string, string, string][]
) {
  Deno.test(`planLaunch() mounts read-only with recursion ${recursion}`, () => {
    deepStrictEqual(stepsOf([{ ...BIND, isReadOnly: true, recursion }]), [
      ["take-tree", "0", "/srv", "", flags],
      ["attach-taken", "0", "/data", ...attributes, RPRIVATE],
    ]);
  });
}

Deno.test("planLaunch() lets no device work below what is read-only at the top alone", () => {
  const [, attach] = stepsOf([{ ...BIND, isReadOnly: true, recursion: "writable" }], {
    devices: { control: { type: "mounts" }, nodes: [] },
  });

  deepStrictEqual(attach?.slice(3), ["0", "4", "1", RPRIVATE]);
});

for (
  const [propagation, takeFlags, flags] of [
    ["rshared", "1", MS.SHARED | MS.REC],
    ["shared", "17", MS.SHARED],
  ] as const satisfies [Propagation, string, number][]
) {
  Deno.test(`planLaunch() takes what is ${propagation} before the host's mounts are slaves`, () => {
    const steps = planLaunch(inputWith({ mounts: [{ ...BIND, propagation }] }));

    const slave = steps.findIndex(([word, , target]) => word === "mount" && target === "/");
    deepStrictEqual(steps[slave - 1], ["take-tree", "0", "/srv", "", takeFlags]);
    deepStrictEqual(steps.find(([word]) => word === "attach-taken")?.at(-1), String(flags));
  });
}

for (
  const [propagation, takeFlags, flags] of [
    ["rslave", "1", MS.SLAVE | MS.REC],
    ["slave", "17", MS.SLAVE],
    ["rprivate", "1", MS.PRIVATE | MS.REC],
    ["private", "1", MS.PRIVATE | MS.REC],
  ] as const satisfies [Propagation, string, number][]
) {
  Deno.test(`planLaunch() takes what is ${propagation} when it is attached`, () => {
    deepStrictEqual(stepsOf([{ ...BIND, propagation }]), [
      ["take-tree", "0", "/srv", "", takeFlags],
      ["attach-taken", "0", "/data", "0", "0", "0", String(flags)],
    ]);
  });
}

Deno.test("planLaunch() attaches what is shared last, so that nothing is mounted in it", () => {
  const mounts: ContainerMount[] = [
    { ...BIND, target: "/a", propagation: "rshared" },
    { ...BIND, target: "/b/c/d" },
    { type: "tmpfs", target: "/b", options: "" },
    { ...BIND, target: "/b/c", propagation: "shared" },
  ];

  deepStrictEqual(
    stepsOf(mounts).map((
      [word, first, second],
    ) => [word, word === "mount-at" ? "" : first, second]),
    [
      ["take-tree", "0", "/srv"],
      ["take-tree", "1", "/srv"],
      ["mount-at", "", "/b"],
      ["take-tree", "2", "/srv"],
      ["attach-taken", "2", "/b/c/d"],
      ["attach-taken", "0", "/a"],
      ["attach-taken", "1", "/b/c"],
    ],
  );
});

Deno.test("planLaunch() takes what a volume's subpath leads to", () => {
  const volume: ContainerMount = {
    type: "volume",
    name: "vol",
    target: "/data",
    isReadOnly: true,
    isAnonymous: false,
    copiesContent: false,
    subpath: "in/side",
  };
  const volumeSources = new Map([["vol", "/r/volumes/vol/_data"]]);

  deepStrictEqual(stepsOf([volume], { volumeSources }), [
    ["take-tree", "0", "/r/volumes/vol/_data", "in/side", "1"],
    ["attach-taken", "0", "/data", "0", "1", "0", RPRIVATE],
  ]);
  throws(() => stepsOf([volume]), TypeError);
});

Deno.test("planLaunch() mounts the layer of an image that has one", () => {
  deepStrictEqual(stepsOf([{ ...IMAGE, layers: ["base"], subpath: "etc" }]), [
    ["take-tree", "0", "/r/layers/base", "etc", "8"],
    ["attach-taken", "0", "/image", "0", "5", "0", RPRIVATE],
  ]);
});

Deno.test("planLaunch() mounts several layers of an image where the root will cover them", () => {
  const steps = planLaunch(inputWith({ mounts: [BIND, { ...IMAGE, subpath: "etc" }] }));

  const slave = steps.findIndex(([word, , target]) => word === "mount" && target === "/");
  deepStrictEqual(steps.slice(slave + 1, slave + 3), [
    [
      "mount",
      "overlay",
      MERGED,
      "overlay",
      String(MS.RDONLY | MS.NODEV),
      "index=off,redirect_dir=off,metacopy=off,lowerdir=/r/layers/top:/r/layers/base",
    ],
    ["take-tree", "0", MERGED, "etc", "8"],
  ]);
  deepStrictEqual(steps.filter(([word]) => word === "attach-taken"), [
    ["attach-taken", "1", "/data", "0", "0", "0", RPRIVATE],
    ["attach-taken", "0", "/image", "0", "5", "0", RPRIVATE],
  ]);
});

Deno.test("planLaunch() mounts an image of many layers by descriptors", () => {
  const layers = Array.from({ length: 200 }, (_, index) => `sha256-${index}-${"0".repeat(64)}`);

  const steps = planLaunch(inputWith({ mounts: [{ ...IMAGE, layers }] }));

  deepStrictEqual(steps.find(([word]) => word === "overlay"), [
    "overlay",
    MERGED,
    String(MS.RDONLY | MS.NODEV),
    "index=off,redirect_dir=off,metacopy=off",
    "",
    "",
    ...layers.toReversed().map((layer) => `/r/layers/${layer}`),
  ]);
});

Deno.test("planLaunch() maps the ids of images", () => {
  const planMapped = (layers: string[]): Step[] =>
    planLaunch(inputWith({ namespaces: MAPPED, mounts: [{ ...IMAGE, layers }] }));

  deepStrictEqual(planMapped(["base"]).find(([word]) => word === "take-tree"), [
    ...["take-tree", "0", "/r/layers/base", "", "12"],
  ]);
  const several = planMapped(["base", "top"]);
  const taken = several.findIndex(([word]) => word === "take-tree");
  deepStrictEqual(several.slice(taken - 4, taken + 1), [
    ["mount", "tmpfs", MERGED, "tmpfs", "14", "mode=700,size=64k"],
    ["root", MERGED],
    ["attach-tree", "/r/layers", "/layers", "4", "4", String(MS.PRIVATE)],
    [
      ...["mount", "overlay", MERGED, "overlay", String(MS.RDONLY | MS.NODEV)],
      `index=off,redirect_dir=off,metacopy=off,lowerdir=${MERGED}/layers/top:${MERGED}/layers/base`,
    ],
    ["take-tree", "0", MERGED, "", "8"],
  ]);
});

Deno.test("planLaunch() mounts wherry's files in what is mounted on /etc", () => {
  const targets = (propagation: Propagation): string[] =>
    planLaunch(inputWith({
      mounts: [{ ...BIND, target: "/etc", propagation }, { ...BIND, target: "/etc/hosts" }],
    })).flatMap(([, , target = ""]) => target.startsWith("/etc") ? [target] : []);

  deepStrictEqual(targets("rprivate"), ["/etc", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]);
  // On the host they would stay
  deepStrictEqual(targets("rshared").toSorted(), ["/etc", "/etc/hosts"]);
});

Deno.test("planLaunch() mounts last what is shared, and no device in it", () => {
  const shared = { ...BIND, target: "/dev", propagation: "rshared" } as const;
  const deeper = { ...BIND, target: "/a/b/c" };
  const disk = { path: "/dev/sda", major: 8, minor: 0, mode: 0o660, uid: 0, gid: 6 };
  const nodes = ["/dev/sda", "/data/sda"].map((target) => ({
    ...disk,
    target,
    type: "b" as const,
  }));
  const steps = planLaunch({
    ...inputWith({ mounts: [shared, deeper], hasTerminal: true }),
    devices: { ...DEFAULT_DEVICES, nodes },
  });

  const words = ["attach-tree", "attach-taken", "terminal"];
  deepStrictEqual(
    steps.filter(([word]) => words.includes(word)).slice(-4)
      .map(([word, , target]) => [word, target]),
    [
      ["attach-taken", "/a/b/c"],
      ["attach-tree", "/data/sda"],
      ["terminal", "80"],
      ["attach-taken", "/dev"],
    ],
  );
});

Deno.test("planLaunch() has few steps for many mounts", () => {
  const mounts = Array.from(
    { length: 500 },
    (_, index): ContainerMount => ({ ...BIND, target: `/${index}` }),
  );

  strictEqual(stepsOf(mounts).length, 1000);
});

Deno.test("planLaunch() lets no device work in a volume where nothing but mounts keeps them away", () => {
  const steps = stepsOf(
    [{
      type: "volume",
      name: "vol",
      target: "/data",
      isReadOnly: false,
      isAnonymous: false,
      copiesContent: true,
      subpath: "",
    }],
    {
      devices: { control: { type: "mounts" }, nodes: [] },
      volumeSources: new Map([["vol", "/r/volumes/vol/_data"]]),
    },
  );

  deepStrictEqual(steps.at(-1), [
    ...["attach-taken", "0", "/data", "0", String(MS.NODEV), "0", RPRIVATE],
  ]);
});
