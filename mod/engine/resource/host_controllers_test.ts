import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import { controllerVersion, hasSwapAccounting, readHostControllers } from "./host_controllers.ts";

const V2 = {
  "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
};
const HYBRID = {
  "/proc/self/mountinfo": "32 31 0:29 / /cg/memory rw - cgroup cgroup rw,memory\n" +
    "38 31 0:35 / /cg/blkio rw - cgroup cgroup rw,blkio\n" +
    "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n",
  "/cg/unified/cgroup.controllers": "pids\n",
};

Deno.test("controllerVersion() prefers version 2, and knows the old names", () => {
  const host = readHostControllers(fakeHostFiles(HYBRID));

  deepStrictEqual(
    (["memory", "pids", "io", "cpu"] as const).map((name) => controllerVersion(host, name)),
    [1, 2, 1, undefined],
  );
});

Deno.test("hasSwapAccounting() looks into a cgroup of version 2 below the topmost one", () => {
  const child = { ...V2, "/sys/fs/cgroup/system.slice/cgroup.events": "populated 1\n" };
  const withSwap = { ...child, "/sys/fs/cgroup/system.slice/memory.swap.max": "max\n" };

  const answers = [V2, child, withSwap].map((texts) => {
    const files = fakeHostFiles(texts);
    return hasSwapAccounting(files, readHostControllers(files));
  });

  deepStrictEqual(answers, [undefined, false, true]);
});

Deno.test("hasSwapAccounting() looks at the topmost cgroup of version 1", () => {
  const counting = { ...HYBRID, "/cg/memory/memory.memsw.usage_in_bytes": "0\n" };

  const answers = [HYBRID, counting].map((texts) => {
    const files = fakeHostFiles(texts);
    return hasSwapAccounting(files, readHostControllers(files));
  });

  deepStrictEqual(answers, [false, true]);
});

Deno.test("hasSwapAccounting() is false where memory is not counted at all", () => {
  const files = fakeHostFiles({});

  strictEqual(hasSwapAccounting(files, readHostControllers(files)), false);
});
