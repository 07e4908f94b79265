import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { removeCgroup } from "../mod/kernel/cgroup.ts";
import { connectPacketSocket, receivePacket, sendPacket } from "../mod/kernel/socket.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "../mod/kernel/proc.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  type Monitor,
  plan,
  readBytes,
  readLog,
  readState,
  shell,
  testBoth,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const NEW_CGROUP = String(0x02000000);
const DIES_WITH_MONITOR = ["parent-death", "9"];
const SLEEP = execute("/bin/sleep", "100");
const EBUSY = 16;
const EINVAL = 22;
const ENOENT = 2;
const EOPNOTSUPP = 95;

const HIERARCHY = findWritableCgroup2(
  findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
);

/** A cgroup that does not exist yet, nor does its parent; both are removed in the end. */
class TestCgroup implements AsyncDisposable {
  readonly parent = `${HIERARCHY}/wherry-test-${crypto.randomUUID()}`;
  readonly path = `${this.parent}/child`;

  /** Makes it, as if a crash had left it behind. */
  make(): void {
    Deno.mkdirSync(this.path, { recursive: true });
  }

  /** Starts a process in it. */
  spawn(): Deno.ChildProcess {
    const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
    Deno.writeTextFileSync(`${this.path}/cgroup.procs`, String(child.pid));
    return child;
  }

  /** Whether it is still there, or its parent is. */
  get isThere(): boolean {
    return isThere(this.path) || isThere(this.parent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeCgroup(this.parent);
  }
}

async function answerTo(monitor: Monitor, request: string): Promise<string> {
  monitor.send(request);
  return await monitor.receive();
}

testBoth("step_cgroup() makes a cgroup that is the root inside", async ({ start, directory }) => {
  await using cgroup = new TestCgroup();
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["cgroup", cgroup.path],
    ["clone", NEW_CGROUP],
    shell(`grep ^0: /proc/self/cgroup; stat -c %a ${cgroup.path} ${cgroup.parent}`),
  ));
  const message = await monitor.finished();

  strictEqual(message, "exited 0");
  strictEqual(readLog(log), "0::/\n755\n755\n");
  strictEqual(cgroup.isThere, false);
});

testBoth("step_cgroup() keeps the monitor out of it", async ({ start }) => {
  await using cgroup = new TestCgroup();

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, SLEEP));
  const pid = await monitor.started();
  const members = readBytes(`${cgroup.path}/cgroup.procs`);
  monitor.send("signal 9");

  strictEqual(members, `${pid}\n`);
});

testBoth("step_cgroup() kills what a crash left behind, frozen or not", async ({ start }) => {
  await using cgroup = new TestCgroup();
  cgroup.make();
  const child = cgroup.spawn();
  Deno.writeTextFileSync(`${cgroup.path}/cgroup.freeze`, "1");

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, shell("exit 3")));

  strictEqual(await monitor.finished(), "exited 3");
  strictEqual((await child.status).signal, "SIGKILL");
  strictEqual(cgroup.isThere, false);
});

testBoth("step_cgroup() takes what is no cgroup for a failure of its own", async (context) => {
  const { start, directory } = context;

  await using monitor = start(plan(["cgroup", `${directory}/file/cgroup`], CLONE, SLEEP));
  await monitor.receive();
  Deno.writeTextFileSync(`${directory}/file`, "");
  await using other = start(plan(["cgroup", `${directory}/file/cgroup`], CLONE, SLEEP));

  strictEqual(await other.receive(), "failed 0 20");
});

testBoth(
  "kill_each() ends processes on a kernel that has no cgroup.kill",
  async ({ start, directory }) => {
    const old = `${directory}/old`;
    Deno.mkdirSync(`${old}/below`, { recursive: true });
    Deno.writeTextFileSync(`${old}/cgroup.events`, "populated 1\nfrozen 0\n");
    const children = ["", "/below"].map((below) => {
      const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
      Deno.writeTextFileSync(`${old}${below}/cgroup.procs`, `0\n${child.pid}\n`);
      return child;
    });

    await using monitor = start(plan(["cgroup", old], CLONE, SLEEP));
    const signals = await Promise.all(children.map(async (child) => (await child.status).signal));
    for (const below of ["", "/below"]) {
      Deno.writeTextFileSync(`${old}${below}/cgroup.procs`, "");
    }
    Deno.writeTextFileSync(`${old}/cgroup.events`, "populated 0\nfrozen 0\n");

    deepStrictEqual(signals, ["SIGKILL", "SIGKILL"]);
    strictEqual(await monitor.receive(), `failed 0 ${EOPNOTSUPP}`); // nothing there to thaw
  },
);

testBoth("end_run() kills what outlives init", async ({ start, directory }) => {
  await using cgroup = new TestCgroup();
  const script = `sleep 100 & echo $! > ${directory}/pid; exit 4`;

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, shell(script)));

  strictEqual(await monitor.finished(), "exited 4");
  strictEqual(isAlive(Number(readBytes(`${directory}/pid`))), false);
  strictEqual(cgroup.isThere, false);
});

testBoth("end_run() kills what outlives one run before the next", async (context) => {
  const { start, directory } = context;
  await using cgroup = new TestCgroup();
  // Without other processes, which might be counted or not
  const script =
    `count=0; while read pid; do count=$((count + 1)); done < ${cgroup.path}/cgroup.procs
    echo $count >> ${directory}/counts; sleep 100 & sleep 100 & exit 1`;

  await using monitor = start(plan(
    ["cgroup", cgroup.path],
    ["restart", "on-failure", "2", "15"],
    CLONE,
    shell(script),
  ));
  await monitor.finished();

  strictEqual(await monitor.receive(), "end");
  strictEqual(readBytes(`${directory}/counts`), "1\n1\n1\n");
});

testBoth("cgroup_remove() removes the cgroups that the container made", async ({ start }) => {
  await using cgroup = new TestCgroup();
  const script = `mkdir -p ${cgroup.path}/a/b ${cgroup.path}/c
    sleep 100 & echo $! > ${cgroup.path}/a/b/cgroup.procs`;

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, shell(script)));

  strictEqual(await monitor.finished(), "exited 0");
  strictEqual(cgroup.isThere, false);
});

testBoth("cgroup_remove() leaves a parent that others use", async ({ start }) => {
  await using cgroup = new TestCgroup();
  Deno.mkdirSync(`${cgroup.parent}/other`, { recursive: true });

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, shell("exit 0")));
  await monitor.finished();

  strictEqual(isThere(cgroup.path), false);
  strictEqual(isThere(`${cgroup.parent}/other`), true);
});

testBoth("cgroup_remove() leaves nothing when a step fails", async ({ start }) => {
  await using cgroup = new TestCgroup();

  await using monitor = start(plan(["cgroup", cgroup.path], CLONE, execute("/missing")));

  strictEqual(await monitor.receive(), "failed 2 2");
  strictEqual(cgroup.isThere, false);
});

testBoth("make_dir() survives others that remove the parent", async ({ start }) => {
  await using cgroup = new TestCgroup();
  const paths = Array.from({ length: 8 }, (_, index) => `${cgroup.parent}/${index}`);

  const messages = await Promise.all(paths.map(async (path) => {
    const results: string[] = [];
    for (let round = 0; round < 5; round++) {
      await using monitor = start(plan(["cgroup", path], CLONE, shell("exit 0")));
      results.push(await monitor.finished());
    }
    return results;
  }));

  deepStrictEqual(new Set(messages.flat()), new Set(["exited 0"]));
  strictEqual(cgroup.isThere, false);
});

testBoth("step_join_cgroup() uses a cgroup and leaves it alone", async ({ start }) => {
  await using cgroup = new TestCgroup();
  cgroup.make();
  const other = cgroup.spawn();

  await using monitor = start(plan(["join-cgroup", cgroup.path], CLONE, SLEEP));
  const pid = await monitor.started();
  const members = readBytes(`${cgroup.path}/cgroup.procs`).trim().split("\n");
  const frozen = await answerTo(monitor, "pause");
  monitor.send("signal 9");
  const message = [await monitor.receive(), await monitor.receive()];

  ok(members.includes(String(pid)), `${members}`);
  strictEqual(frozen, `error ${EOPNOTSUPP}`);
  deepStrictEqual(message, ["ok", "exited 137"]);
  strictEqual(isAlive(other.pid), true);
  other.kill("SIGKILL");
  await other.status;
});

testBoth("step_join_cgroup() fails when there is none", async ({ start }) => {
  await using cgroup = new TestCgroup();

  await using monitor = start(plan(["join-cgroup", cgroup.path], CLONE, SLEEP));

  strictEqual(await monitor.receive(), `failed 0 ${ENOENT}`);
  strictEqual(cgroup.isThere, false);
});

testBoth("pause_init() freezes until unpause_init()", async ({ start, directory }) => {
  await using cgroup = new TestCgroup();
  const state = `${directory}/state`;
  const frozen = (): boolean => readBytes(`${cgroup.path}/cgroup.events`).includes("frozen 1");

  await using monitor = start(
    plan(["record", state, "volatile"], ["cgroup", cgroup.path], CLONE, SLEEP),
  );
  const pid = await monitor.started();
  const answers = [
    await answerTo(monitor, "unpause"),
    await answerTo(monitor, "pause"),
    await answerTo(monitor, "pause"),
  ];
  const paused = readState(state);
  const wasFrozen = frozen();
  answers.push(await answerTo(monitor, "unpause"));
  const running = readState(state);
  await eventually(() => !frozen());
  monitor.send("signal 9");

  deepStrictEqual(answers, [`error ${EINVAL}`, "ok", `error ${EBUSY}`, "ok"]);
  deepStrictEqual([paused.status, paused.pid, wasFrozen], ["paused", pid, true]);
  strictEqual(running.status, "running");
});

testBoth("client_close() lets a container go on that the client holds", async (context) => {
  const { start, directory } = context;
  await using cgroup = new TestCgroup();
  const frozen = (): boolean => readBytes(`${cgroup.path}/cgroup.events`).includes("frozen 1");
  await using monitor = start(
    plan(["listen", directory], ["cgroup", cgroup.path], CLONE, SLEEP),
  );
  await monitor.started();
  const client = connectPacketSocket(directory, "socket");

  sendPacket(client, "hold");
  const answer = (await receivePacket(client))?.text;
  const wasFrozen = frozen();
  client[Symbol.dispose]();
  await eventually(() => !frozen());
  const again = await answerTo(monitor, "unpause");
  monitor.send("signal 9");

  deepStrictEqual([answer, wasFrozen, again], ["ok", true, `error ${EINVAL}`]);
});

testBoth(
  "client_close() leaves a container paused that somebody else has paused",
  async (context) => {
    const { start, directory } = context;
    await using cgroup = new TestCgroup();
    await using monitor = start(
      plan(["listen", directory], ["cgroup", cgroup.path], CLONE, SLEEP),
    );
    await monitor.started();
    const client = connectPacketSocket(directory, "socket");
    sendPacket(client, "hold");
    await receivePacket(client);
    const answers = [await answerTo(monitor, "unpause"), await answerTo(monitor, "pause")];

    client[Symbol.dispose]();
    using witness = connectPacketSocket(directory, "socket");
    sendPacket(witness, "pause");
    answers.push((await receivePacket(witness))?.text ?? "");
    monitor.send("signal 9");

    deepStrictEqual(answers, ["ok", "ok", `error ${EBUSY}`]);
  },
);

testBoth("hold_init() lasts until all who hold it let go", async ({ start, directory }) => {
  await using cgroup = new TestCgroup();
  const frozen = (): boolean => readBytes(`${cgroup.path}/cgroup.events`).includes("frozen 1");
  await using monitor = start(
    plan(["listen", directory], ["cgroup", cgroup.path], CLONE, SLEEP),
  );
  await monitor.started();
  using first = connectPacketSocket(directory, "socket");
  const second = connectPacketSocket(directory, "socket");
  const ask = async (client: typeof first, request: string): Promise<string | undefined> => {
    sendPacket(client, request);
    return (await receivePacket(client))?.text;
  };

  const answers = [
    await ask(first, "hold"),
    await ask(second, "hold"),
    await ask(first, "release"),
    await ask(first, "release"),
  ];
  const wasFrozen = frozen();
  second[Symbol.dispose]();
  await eventually(() => !frozen());
  monitor.send("signal 9");

  deepStrictEqual([answers, wasFrozen], [["ok", "ok", "ok", `error ${EINVAL}`], true]);
});

testBoth("hold_init() does not hold what is paused for good", async ({ start, directory }) => {
  await using cgroup = new TestCgroup();
  await using monitor = start(
    plan(["listen", directory], ["cgroup", cgroup.path], CLONE, SLEEP),
  );
  await monitor.started();
  await answerTo(monitor, "pause");
  using client = connectPacketSocket(directory, "socket");

  sendPacket(client, "hold");
  const answer = (await receivePacket(client))?.text;
  monitor.send("signal 9");

  strictEqual(answer, `error ${EBUSY}`);
});

testBoth("pause_init() needs a cgroup", async ({ start }) => {
  await using monitor = start(plan(CLONE, SLEEP));
  await monitor.started();

  const answer = await answerTo(monitor, "pause");
  monitor.send("signal 9");

  strictEqual(answer, `error ${EOPNOTSUPP}`);
});

for (
  const { request, message } of [
    { request: "stop 15 10000", message: "exited 143" },
    { request: "stop 9 -1", message: "exited 137" },
    { request: "restart 15 10000", message: "exited 143" },
  ]
) {
  testBoth(`resume() lets a paused container take "${request}"`, async ({ start, directory }) => {
    await using cgroup = new TestCgroup();
    const state = `${directory}/state`;

    await using monitor = start(
      plan(["record", state, "volatile"], ["cgroup", cgroup.path], CLONE, SLEEP),
    );
    await monitor.started();
    await answerTo(monitor, "pause");

    strictEqual(await answerTo(monitor, request), message);
    const isAgain = request.startsWith("restart");
    strictEqual(await monitor.receive(), isAgain ? "ok" : "end");
    strictEqual(readState(state).status, isAgain ? "running" : "exited");
    if (isAgain) monitor.send("signal 9");
  });
}

for (const signal of [9, 15]) {
  testBoth(`signal_init() with ${signal} ends a paused container`, async ({ start }) => {
    await using cgroup = new TestCgroup();
    await using monitor = start(
      plan(["cgroup", cgroup.path], ["restart", "no", "0", "15"], CLONE, SLEEP),
    );
    await monitor.started();
    await answerTo(monitor, "pause");

    const messages = [await answerTo(monitor, `signal ${signal}`), await monitor.receive()];

    deepStrictEqual(messages, ["ok", `exited ${128 + signal}`]);
    strictEqual(cgroup.isThere, false);
  });
}

testBoth("run_init() runs after a paused container was killed from outside", async (context) => {
  const { start, directory } = context;
  await using cgroup = new TestCgroup();
  const state = `${directory}/state`;

  await using monitor = start(plan(
    ["record", state, "volatile"],
    ["cgroup", cgroup.path],
    ["restart", "always", "0", "15"],
    CLONE,
    SLEEP,
  ));
  const pid = await monitor.started();
  await answerTo(monitor, "pause");
  Deno.kill(pid, "SIGKILL");
  const message = await monitor.receive();
  await eventually(() => readState(state).restartCount === 1);
  const { status } = readState(state);
  monitor.send("signal 9");

  deepStrictEqual([message, status], ["exited 137", "running"]);
});

testBoth("child_run() dies with a monitor that is killed while it is paused", async (context) => {
  const { start, directory } = context;
  await using cgroup = new TestCgroup();

  await using monitor = start(plan(
    ["record", `${directory}/state`, "volatile"],
    ["cgroup", cgroup.path],
    CLONE,
    DIES_WITH_MONITOR,
    SLEEP,
  ));
  const pid = await monitor.started();
  await answerTo(monitor, "pause");

  Deno.kill(monitor.pid, "SIGKILL");

  await eventually(() => !isAlive(pid));
  strictEqual(readState(`${directory}/state`).status, "paused");
});
