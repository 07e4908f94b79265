import { strictEqual } from "node:assert/strict";
import { removeCgroup } from "../mod/kernel/cgroup.ts";
import { compileDeviceFilter, type DeviceRule } from "../mod/kernel/device_filter.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "../mod/kernel/proc.ts";
import { eventually, execute, isThere, plan, readLog, shell, testBoth } from "./testing.ts";

const CLONE = ["clone", "0"];
const EACCES = 13;
const EOPNOTSUPP = 95;

const HIERARCHY = findWritableCgroup2(
  findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
);

/** `/dev/zero` can be read, and nothing else. */
const ZERO_RULE: DeviceRule = { type: "c", major: 1, minor: 5, access: "r" };
const ONLY_ZERO = compileDeviceFilter([ZERO_RULE]);
const NOTHING = compileDeviceFilter([]);

/** A shell script that says what works. */
const SCRIPT = '(: </dev/zero) 2>&- && echo "zero can be read"; ' +
  '(: >/dev/zero) 2>&- && echo "zero can be written"; ' +
  '(: </dev/null) 2>&- && echo "null can be read"; echo end';

/** A cgroup that does not exist yet, and is removed in the end. */
class TestCgroup implements Disposable {
  readonly path = `${HIERARCHY}/wherry-test-${crypto.randomUUID()}`;

  [Symbol.dispose](): void {
    removeCgroup(this.path);
  }
}

testBoth("step_device_filter() has the kernel ask the program", async ({ start, directory }) => {
  using cgroup = new TestCgroup();
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["cgroup", cgroup.path],
    ["device-filter", ONLY_ZERO],
    CLONE,
    shell(SCRIPT),
  ));
  const message = await monitor.finished();

  strictEqual(message, "exited 0");
  strictEqual(readLog(log), "zero can be read\nend\n");
});

testBoth("step_device_filter() holds for each further run", async ({ start, directory }) => {
  using cgroup = new TestCgroup();
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["cgroup", cgroup.path],
    ["device-filter", ONLY_ZERO],
    ["restart", "on-failure", "1", "15"],
    CLONE,
    shell(`${SCRIPT}; exit 1`),
  ));
  await monitor.finished();
  await eventually(() => readLog(log).split("end\n").length === 3);

  strictEqual(readLog(log), "zero can be read\nend\n".repeat(2));
});

testBoth(
  "step_device_filter() takes the place of what a crash left",
  async ({ start, directory }) => {
    using cgroup = new TestCgroup();
    const log = `${directory}/log`;
    const before = ["cgroup", cgroup.path];
    await using killed = start(plan(
      before,
      ["device-filter", NOTHING],
      CLONE,
      ["parent-death", "9"],
      execute("/bin/sleep", "100"),
    ));
    await killed.started();
    Deno.kill(killed.pid, "SIGKILL");
    killed.disconnect();
    strictEqual(isThere(cgroup.path), true);

    await using monitor = start(plan(
      ["log", log, "cri", "0", "1"],
      before,
      ["device-filter", ONLY_ZERO],
      CLONE,
      shell(SCRIPT),
    ));
    const message = await monitor.finished();

    strictEqual(message, "exited 0");
    strictEqual(readLog(log), "zero can be read\nend\n");
  },
);

testBoth("step_device_filter() fails for a program that the kernel refuses", async ({ start }) => {
  using cgroup = new TestCgroup();
  const withoutResult = "9500000000000000";

  await using monitor = start(plan(
    ["cgroup", cgroup.path],
    ["device-filter", withoutResult],
    CLONE,
    shell("true"),
  ));

  strictEqual(await monitor.receive(), `failed 1 ${EACCES}`);
});

testBoth("step_device_filter() fails without a cgroup of its own", async ({ start }) => {
  await using monitor = start(plan(["device-filter", NOTHING], CLONE, shell("true")));

  strictEqual(await monitor.receive(), `failed 0 ${EOPNOTSUPP}`);
});

testBoth("step_device_filter() takes a program of many rules", async ({ start, directory }) => {
  using cgroup = new TestCgroup();
  const log = `${directory}/log`;
  const rules = Array.from(
    { length: 2000 },
    (_, minor): DeviceRule => ({ ...ZERO_RULE, type: "b", minor }),
  );

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["cgroup", cgroup.path],
    ["device-filter", compileDeviceFilter([...rules, ZERO_RULE])],
    CLONE,
    shell(SCRIPT),
  ));
  const message = await monitor.finished();

  strictEqual(message, "exited 0");
  strictEqual(readLog(log), "zero can be read\nend\n");
});
