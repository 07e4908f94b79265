import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { removeCgroup } from "../mod/kernel/cgroup.ts";
import { findV1Hierarchy } from "../mod/kernel/cgroup_tree.ts";
import { findCgroupHierarchies } from "../mod/kernel/proc.ts";
import {
  eventually,
  execute,
  isThere,
  plan,
  readBytes,
  readEvents,
  readLog,
  readState,
  shell,
  testBoth,
  type TestContext,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const SLEEP = execute("/bin/sleep", "100");
const ENOENT = 2;
const EINVAL = 22;

/** A cgroup of version 1 that does not exist yet, nor does its parent; both are removed in the end. */
class TestController implements Disposable {
  readonly hierarchy: string;
  readonly parent: string;
  readonly path: string;

  constructor(controller: string) {
    const hierarchies = findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));
    this.hierarchy = findV1Hierarchy(hierarchies, controller)?.mountPoint ?? "";
    this.parent = `${this.hierarchy}/wherry-test-${crypto.randomUUID()}`;
    this.path = `${this.parent}/child`;
  }

  /** Whether it is still there, or its parent is. */
  get isThere(): boolean {
    return isThere(this.path) || isThere(this.parent);
  }

  [Symbol.dispose](): void {
    removeCgroup(this.parent);
  }
}

/** Registers a test if the host has the controller in a hierarchy of version 1. */
function testV1(
  controller: string,
  name: string,
  body: (context: TestContext, cgroup: TestController) => Promise<void>,
): void {
  const hierarchies = findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));
  if (findV1Hierarchy(hierarchies, controller) === undefined) {
    console.log(`left out, because this host has no "${controller}" of version 1: ${name}`);
    return;
  }
  testBoth(name, async (context) => {
    using cgroup = new TestController(controller);
    await body(context, cgroup);
  });
}

testV1("pids", "step_controller() has the child in it before it runs", async (context, cgroup) => {
  const { start, directory } = context;
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["controller", cgroup.path, "now"],
    ["clone", String(0x02000000)],
    shell(`grep :pids: /proc/self/cgroup; cat ${cgroup.path}/cgroup.procs | grep -c "^$$"`),
  ));

  strictEqual(await monitor.finished(), "exited 0");
  match(readLog(log), /^\d+:pids:\/\n1\n$/);
  strictEqual(cgroup.isThere, false);
});

testV1("pids", "step_control() limits the child", async ({ start, directory }, cgroup) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["controller", cgroup.path, "now"],
    ["control", `${cgroup.path}/missing`, "1", `${cgroup.path}/pids.max`, "7"],
    CLONE,
    shell(`cat ${cgroup.path}/pids.max`),
  ));

  strictEqual(await monitor.finished(), "exited 0");
  strictEqual(readLog(log), "7\n");
});

testV1("pids", "step_control() fails with what the kernel says", async ({ start }, cgroup) => {
  const control = (...args: string[]): Uint8Array<ArrayBuffer> =>
    plan(["controller", cgroup.path, "now"], args, CLONE, SLEEP);
  await using refused = start(control("control", `${cgroup.path}/pids.max`, "many"));
  const first = await refused.receive();
  await using missing = start(control("control", `${cgroup.path}/missing`, "1"));
  const second = await missing.receive();
  await using optional = start(control("control-if-present", `${cgroup.path}/missing`, "1"));
  const third = await optional.receive();
  optional.send("signal 9");
  await optional.receive();

  deepStrictEqual([first, second], [`failed 1 ${EINVAL}`, `failed 1 ${ENOENT}`]);
  match(third, /^started/);
  strictEqual(await optional.receive(), "exited 137");
  strictEqual(cgroup.isThere, false);
});

testV1("pids", "step_controller() may find one later", async ({ start }, cgroup) => {
  await using monitor = start(plan(
    ["controller", cgroup.path, "later"],
    ["restart", "no", "0", "15"],
    CLONE,
    SLEEP,
  ));
  await monitor.started();
  Deno.mkdirSync(cgroup.path, { recursive: true });
  monitor.send("restart 9 -1");
  const messages = [await monitor.receive(), await monitor.receive()];
  const members = readBytes(`${cgroup.path}/cgroup.procs`);
  monitor.send("signal 9");
  await monitor.receive();
  await monitor.receive();

  deepStrictEqual(messages, ["exited 137", "ok"]);
  match(members, /^\d+\n$/);
  await eventually(() => !cgroup.isThere);
});

testV1("pids", "controllers_kill() ends what outlives init", async ({ start }, cgroup) => {
  await using monitor = start(plan(
    ["controller", cgroup.path, "now"],
    CLONE,
    shell("setsid sleep 100 >/dev/null 2>&1 & exit 3"),
  ));

  strictEqual(await monitor.finished(), "exited 3");
  strictEqual(cgroup.isThere, false);
});

testV1("cpuset", "step_inherit() gives a new cpuset its processors", async (context, cgroup) => {
  const { start, directory } = context;
  const log = `${directory}/log`;
  const directories = [cgroup.parent, cgroup.path];

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["controller", cgroup.path, "now"],
    ...directories.flatMap((path) => [
      ["inherit", path, "cpuset.cpus"],
      ["inherit", path, "cpuset.mems"],
    ]),
    CLONE,
    shell(`cat ${cgroup.path}/cpuset.cpus`),
  ));

  strictEqual(await monitor.finished(), "exited 0");
  strictEqual(readLog(log), readBytes(`${cgroup.hierarchy}/cpuset.cpus`));
});

testV1(
  "freezer",
  "controllers_freeze() stops processes and lets them go on",
  async (context, cgroup) => {
    const { start } = context;
    await using monitor = start(plan(["controller", cgroup.path, "now"], CLONE, SLEEP));
    await monitor.started();
    const state = (): string => readBytes(`${cgroup.path}/freezer.state`);

    monitor.send("pause");
    const paused = [await monitor.receive(), state()];
    monitor.send("unpause");
    const resumed = [await monitor.receive(), state()];
    monitor.send("signal 9");
    await monitor.receive();

    deepStrictEqual([paused, resumed], [["ok", "FROZEN\n"], ["ok", "THAWED\n"]]);
  },
);

testV1("freezer", "controllers_kill() ends what a crash left frozen", async ({ start }, cgroup) => {
  Deno.mkdirSync(cgroup.path, { recursive: true });
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  Deno.writeTextFileSync(`${cgroup.path}/cgroup.procs`, String(child.pid));
  Deno.writeTextFileSync(`${cgroup.path}/freezer.state`, "FROZEN");

  await using monitor = start(plan(["controller", cgroup.path, "now"], CLONE, shell("exit 3")));

  strictEqual(await monitor.finished(), "exited 3");
  strictEqual((await child.status).signal, "SIGKILL");
});

testV1("freezer", "step_controller() thaws an empty cgroup", async ({ start }, cgroup) => {
  Deno.mkdirSync(cgroup.path, { recursive: true });
  Deno.writeTextFileSync(`${cgroup.path}/freezer.state`, "FROZEN");

  await using monitor = start(plan(["controller", cgroup.path, "now"], CLONE, shell("exit 3")));

  strictEqual(await monitor.finished(), "exited 3");
});

testV1("pids", "oom_take_event() lets go of a cgroup that has gone", async (context, cgroup) => {
  const { start } = context;
  Deno.mkdirSync(cgroup.path, { recursive: true });
  // Any file of a cgroup that poll() can tell the changes of
  await using monitor = start(plan(["oom", `${cgroup.path}/pids.events`, "unified"], CLONE, SLEEP));
  await monitor.started();
  const watched = (): boolean =>
    [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].some(({ name }) =>
      Deno.readLinkSync(`/proc/${monitor.pid}/fd/${name}`).includes("/pids.events")
    );
  const before = watched();
  Deno.removeSync(cgroup.path);
  monitor.send("signal 0"); // the kernel wakes nobody, but from now on poll() returns at once
  await monitor.receive();
  await eventually(() => !watched());
  monitor.send("signal 9");

  strictEqual(before, true);
});

testV1(
  "memory",
  "oom_check() tells that the kernel has ended a process",
  async (context, cgroup) => {
    const { start, directory } = context;
    const state = `${directory}/state`;
    const events = `${directory}/events`;

    await using monitor = start(plan(
      ["record", state, "volatile"],
      ["controller", cgroup.path, "now"],
      ["control", `${cgroup.path}/memory.limit_in_bytes`, "8000000"],
      ["control-if-present", `${cgroup.path}/memory.memsw.limit_in_bytes`, "8000000"],
      ["events", events, '"id"', '"image"', '{"a":"b"', "name", "container"],
      ["oom", `${cgroup.path}/memory.oom_control`, "v1"],
      CLONE,
      execute("/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M"),
    ));

    strictEqual(await monitor.finished(), "exited 137");
    strictEqual(readState(state).isOomKilled, true);
    deepStrictEqual(readEvents(events).map(({ Action }) => Action), ["start", "oom", "die"]);
  },
);

testV1(
  "memory",
  "oom_take_event() tells of a process that is not init",
  async (context, cgroup) => {
    const { start, directory } = context;
    const state = `${directory}/state`;

    await using monitor = start(plan(
      ["record", state, "volatile"],
      ["controller", cgroup.path, "now"],
      ["control", `${cgroup.path}/memory.limit_in_bytes`, "8000000"],
      ["control-if-present", `${cgroup.path}/memory.memsw.limit_in_bytes`, "8000000"],
      ["oom", `${cgroup.path}/memory.oom_control`, "v1"],
      CLONE,
      shell("dd if=/dev/zero of=/dev/null bs=64M; sleep 100"),
    ));
    await monitor.started();
    await eventually(() => readState(state).isOomKilled === true);
    const { status } = readState(state);
    monitor.send("signal 9");
    await monitor.receive();

    strictEqual(status, "running");
  },
);
