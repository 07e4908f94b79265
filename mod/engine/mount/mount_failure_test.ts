import { match, strictEqual } from "node:assert/strict";
import type { ContainerMount } from "../../container/record/mounts.ts";
import type { Step } from "../../container/launch/plan.ts";
import { mountFailure } from "./mount_failure.ts";

const MOUNTS: ContainerMount[] = [
  {
    type: "bind",
    source: "/srv",
    target: "/data",
    isReadOnly: false,
    createsSource: false,
    propagation: "rprivate",
  },
  {
    type: "volume",
    name: "vol",
    target: "/volume",
    isReadOnly: false,
    isAnonymous: false,
    copiesContent: false,
    subpath: "sub",
  },
  { type: "tmpfs", target: "/tmp", options: "" },
];

const STEPS: Step[] = [
  ["take-tree", "0", "/srv", "", "1"],
  ["attach-taken", "0", "/data", "0", "0", "0", "0"],
  ["take-tree", "0", "/r/volumes/vol/_data", "sub", "1"],
  ["attach-taken", "0", "/volume", "0", "0", "0", "0"],
  ["mount-at", "tmpfs", "/tmp", "tmpfs", "0", ""],
  ["take-tree", "0", "/", "", "5"],
  ["attach-taken", "0", "/proc/uptime", "0", "0", "0", "0"],
  ["attach-tree", "/r/layers", "/layers", "4", "4", "0"],
  ["exec", "1", "true"],
];

for (
  const [stepIndex, errno, message] of [
    [0, 2, 'Cannot mount "/srv" on "/data": it is gone'],
    [0, 22, 'Cannot mount "/srv" on "/data": it is in no file system of the host'],
    [0, 28, 'Cannot mount "/srv" on "/data": the host has too many mounts'],
    [1, 21, 'Cannot mount "/srv" on "/data": it is a file, and the target a directory'],
    [1, 17, 'Cannot mount "/srv" on "/data": it is a directory, and the target a file'],
    [1, 20, `Cannot mount "/srv" on "/data": a part of the target's path is a file`],
    [1, 16, 'Cannot mount "/srv" on "/data": links in the container lead from there to its root'],
    [1, 5, 'Cannot mount "/srv" on "/data": input/output error'],
    [2, 2, 'Cannot mount volume "vol" on "/volume": it has no "sub"'],
    [2, 18, 'Cannot mount volume "vol" on "/volume": its subpath "sub" leads out of it'],
    [4, 17, 'Cannot mount a tmpfs on "/tmp": it is a directory, and the target a file'],
    [
      4,
      18,
      'Cannot mount a tmpfs on "/tmp": links in the container lead from there into /proc or /sys',
    ],
  ] as const
) {
  Deno.test(`mountFailure() says "${message}"`, () => {
    strictEqual(mountFailure(STEPS, { stepIndex, errno }, MOUNTS)?.message, message);
  });
}

Deno.test("mountFailure() names the kernel that cannot make all read-only", () => {
  const failure = mountFailure(STEPS, { stepIndex: 1, errno: 38 }, MOUNTS);

  match(failure?.message ?? "", /^Cannot mount "\/srv" on "\/data": Linux \d\S+ cannot make /);
});

Deno.test("mountFailure() names the file systems whose ids cannot be mapped", () => {
  for (const stepIndex of [5, 7]) {
    const failure = mountFailure(STEPS, { stepIndex, errno: 22 }, MOUNTS);

    match(failure?.message ?? "", /invalid argument, for \w+ on "\/\S*"/);
    match(failure?.hint ?? "", /Linux 5\.12/);
  }
});

Deno.test("mountFailure() leaves other steps to others", () => {
  strictEqual(mountFailure(STEPS, { stepIndex: 8, errno: 2 }, MOUNTS), undefined);
});
