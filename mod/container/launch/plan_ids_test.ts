import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  ALL,
  EVENTS,
  inputWith,
  NEW,
  RIGHTS,
  ROOT,
  stepsCalled,
} from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import type { ContainerConfig } from "../record/config.ts";
import type { LaunchInput } from "./launch_input.ts";
import { planLaunch } from "./launch_plan.ts";
import { PRIVATE_NAMESPACES } from "../record/namespaces.ts";
import { planExecIn } from "./plan_process.ts";

const RANGE = { first: 100_000, count: 65_536 };

function mappedInput(changes: Partial<ContainerConfig> = {}): LaunchInput {
  return inputWith({ namespaces: { ...PRIVATE_NAMESPACES, idRange: RANGE }, ...changes }, "new");
}

Deno.test("planLaunch() leaves the host's root behind after all that takes it", () => {
  const steps = planLaunch({ ...mappedInput(), security: RIGHTS });

  const words = [
    ...["clone", "join-network", "oom-score-adj", "owner", "pivot-root", "chdir", "rlimit"],
    ...["join-user", "no-new-privs", "bounding", "user", "capset", "parent-death", "exec"],
  ];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
  deepStrictEqual(stepsCalled("owner", steps), [["owner", "100000", "100000"]]);
  deepStrictEqual(stepsCalled("join-user", steps), [["join-user", String(NEW.NS | NEW.UTS)]]);
  deepStrictEqual(stepsCalled("clone", steps), [["clone", String(ALL)]]);
});

Deno.test("planLaunch() mounts an overlay of mapped directories, layers by one mount", () => {
  const steps = planLaunch({
    ...mappedInput({
      root: { type: "image", imageId: "sha256:0", reference: "box", layers: ["one", "two"] },
    }),
    lowerDirectories: ["/r/layers/one", "/r/layers/two"],
  });

  const own = "/r/containers/0123abcd";
  const merged = `${own}/merged`;
  const start = steps.findIndex(([, source]) => source === "tmpfs");
  deepStrictEqual(steps.slice(start, start + 5), [
    ["mount", "tmpfs", merged, "tmpfs", "14", "mode=700,size=64k"],
    ["root", merged],
    ["attach-tree", "/r/layers", "/layers", "4", "4", String(MS.PRIVATE)],
    ["attach-tree", own, "/own", "4", "4", String(MS.PRIVATE)],
    [
      "mount",
      "overlay",
      merged,
      "overlay",
      "4",
      `index=off,redirect_dir=off,metacopy=off,lowerdir=${merged}/layers/two:${merged}/layers/one,` +
      `upperdir=${merged}/own/upper,workdir=${merged}/own/work`,
    ],
  ]);
});

Deno.test("planLaunch() maps a root that is a copy onto itself", () => {
  const steps = planLaunch(mappedInput({ storageDriver: "copy" }));

  const merged = "/r/containers/0123abcd/merged";
  const start = steps.findIndex(([word]) => word === "root");
  deepStrictEqual(steps.slice(start, start + 3), [
    ["root", "/r/containers/0123abcd"],
    ["attach-tree", merged, "/merged", "4", "4", String(MS.PRIVATE)],
    ["root", merged],
  ]);
});

Deno.test("planLaunch() names owners by the host's ids", () => {
  const steps = planLaunch(mappedInput({
    mounts: [{ type: "tmpfs", target: "/run", options: "size=1m,uid=33,mode=700,gid=44" }],
  }));

  const dataOf = (target: string): string | undefined =>
    steps.find(([word, , other]) => word.startsWith("mount-") && other === target)?.[5];
  strictEqual(dataOf("/run"), "size=1m,uid=100033,mode=700,gid=100044");
  strictEqual(dataOf("/dev/pts"), "newinstance,ptmxmode=0666,mode=0620,gid=100005");
  deepStrictEqual(stepsCalled("mkdir", steps), [["mkdir", "/work", "0755", "100000", "100000"]]);
});

Deno.test("planLaunch() maps wherry's own files, and of bind mounts those that ask for it", () => {
  const bind = {
    type: "bind",
    source: "/srv",
    isReadOnly: false,
    createsSource: false,
    propagation: "rprivate",
  } as const;
  const steps = planLaunch(mappedInput({
    mounts: [{ ...bind, target: "/plain" }, { ...bind, target: "/mapped", isIdMapped: true }],
  }));

  const [hosts] = stepsCalled("attach-tree", steps).filter((step) => step[2] === "/etc/hosts");
  strictEqual(hosts?.[3], "4");
  deepStrictEqual(stepsCalled("take-tree", steps), [
    ["take-tree", "0", "/srv", "", "1"],
    ["take-tree", "0", "/srv", "", "5"],
  ]);
});

Deno.test("planExecIn() enters the container's user namespace last", () => {
  const steps = planExecIn({
    argv: ["sh"],
    env: [],
    workingDirectory: "/",
    identity: ROOT,
    security: RIGHTS,
    idRange: RANGE,
    hasTerminal: true,
    hasStdin: true,
    cgroups: { unified: undefined, v1: {} },
    events: EVENTS,
    terminalSize: { rows: 0, columns: 0 },
  });

  const words = ["owner", "join", "fork", "terminal", "chdir", "rlimit", "join-user", "bounding"];
  deepStrictEqual(steps.map(([word]) => word).filter((word) => words.includes(word)), words);
  deepStrictEqual(stepsCalled("join-user", steps), [["join-user", "0"]]);
});
