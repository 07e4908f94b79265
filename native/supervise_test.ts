import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  isLockedByOthers,
  lockDescription,
  openForReading,
  openOrCreate,
  openReadWrite,
} from "../mod/kernel/open.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  memoryOf,
  pause,
  plan,
  readBytes,
  readLog,
  readState,
  run,
  shell,
  testBoth,
  testRelease,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const PIPE = ["stdio", "pipe"];
const NEW_PID = String(0x20000000);
const LONGER_THAN_TRIM_PAUSE_MS = 1300;
const SLEEP = execute("/bin/sleep", "100");

testBoth(
  "record_write() tells the running container before started",
  async ({ start, directory }) => {
    const path = `${directory}/state`;

    await using monitor = start(plan(["record", path, "durable"], CLONE, SLEEP));
    const pid = await monitor.started();
    const state = readState(path);
    monitor.send("signal 9");

    strictEqual(state.status, "running");
    strictEqual(state.pid, pid);
    strictEqual(state.monitorPid, monitor.pid);
    strictEqual(state.finishedAt, "0");
    ok(Math.abs(Number(state.startedAt) / 1e6 - Date.now()) < 10_000);
  },
);

testBoth("record_write() tells the exit before exited", async ({ start, directory }) => {
  const path = `${directory}/state`;

  await using monitor = start(plan(["record", path, "volatile"], CLONE, shell("exit 3")));
  await monitor.finished();

  const state = readState(path);
  strictEqual(state.status, "exited");
  strictEqual(state.exitCode, 3);
  ok(BigInt(state.finishedAt as string) > BigInt(state.startedAt as string));
});

testBoth(
  "record_write() fails its step and kills the container when the disk refuses",
  async ({ start, directory }) => {
    const script = `until [ -e ${directory}/go ]; do sleep 0.01; done; : > ${directory}/marker`;

    await using monitor = start(plan(
      ["stdio", "null"],
      ["record", `${directory}/missing/state`, "durable"],
      CLONE,
      shell(script),
    ));

    strictEqual(await monitor.receive(), "failed 1 2");
    Deno.writeTextFileSync(`${directory}/go`, "");
    await pause(300);
    strictEqual(isThere(`${directory}/marker`), false);
  },
);

testBoth("finish() holds the lock until the exit is recorded", async ({ start, directory }) => {
  const lock = openOrCreate(`${directory}/lock`);
  lockDescription(lock, "exclusive", { wait: false });

  await using monitor = start(plan(CLONE, SLEEP), { lock });
  await monitor.started();
  lock[Symbol.dispose]();
  using other = openForReading(`${directory}/lock`);
  const wasLocked = isLockedByOthers(other);
  monitor.send("signal 9");
  await monitor.receive();
  const exited = await monitor.receive();

  strictEqual(wasLocked, true);
  strictEqual(exited, "exited 137");
  strictEqual(isLockedByOthers(other), false);
});

testBoth(
  "end() executes the cleanup program after the exit is recorded when the engine is gone",
  async ({ start, directory }) => {
    const state = `${directory}/state`;
    const copy = `${directory}/copy`;
    using cleanupProgram = openForReading("/usr/bin/busybox");

    await using monitor = start(
      plan(
        ["record", state, "volatile"],
        [
          "cleanup",
          "sh",
          "-c",
          `/usr/bin/env > ${copy}; cat ${state} >> ${copy}; ls /proc/self/fd >> ${copy}`,
        ],
        CLONE,
        shell(`until [ -e ${directory}/go ]; do sleep 0.01; done; exit 9`),
      ),
      { cleanupProgram },
    );
    await monitor.started();
    monitor.disconnect();
    Deno.writeTextFileSync(`${directory}/go`, "");
    await eventually(() => !isAlive(monitor.pid));

    const text = Deno.readTextFileSync(copy);
    ok(text.includes(`"exitCode":9`));
    ok(text.endsWith("0\n1\n2\n3\n")); // 3 is ls's own directory
  },
);

testBoth(
  "end() leaves the cleanup to an engine that is told of the exit",
  async ({ start, directory }) => {
    const copy = `${directory}/copy`;
    using cleanupProgram = openForReading("/usr/bin/busybox");

    await using monitor = start(
      plan(["cleanup", "sh", "-c", `: > ${copy}`], CLONE, shell("exit 9")),
      { cleanupProgram },
    );
    const exited = await monitor.finished();
    await eventually(() => !isAlive(monitor.pid));

    strictEqual(exited, "exited 9");
    deepStrictEqual([...Deno.readDirSync(directory)], []);
  },
);

testBoth("serve_once() sends a SIGTERM that it gets to init", async ({ start }) => {
  await using monitor = start(plan(CLONE, SLEEP));
  await monitor.started();

  Deno.kill(monitor.pid, "SIGTERM");

  strictEqual(await monitor.receive(), "exited 143");
});

testBoth("reap() does not take an orphan's end for init's", async ({ start }) => {
  await using monitor = start(
    plan(CLONE, shell("(sleep 0.05; exit 1) & (sleep 0.1 & ); sleep 0.3; exit 4")),
  );

  strictEqual(await monitor.finished(), "exited 4");
});

testBoth(
  "drain_outputs() logs everything that init wrote before its end",
  async ({ start, directory }) => {
    const log = `${directory}/log`;

    await using monitor = start(
      plan(
        ["log", log, "cri", "0", "1"],
        CLONE,
        shell("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2"),
      ),
    );
    await monitor.finished();

    strictEqual(readLog(log, "stdout").length, 60000);
    strictEqual(readLog(log, "stderr").length, 60000);
  },
);

testBoth(
  "drain_outputs() does not wait for a descendant that keeps stdout open",
  async ({ start, directory }) => {
    const script = `sleep 1000 & echo $! > ${directory}/pid; exit 0`;

    await using monitor = start(plan(CLONE, shell(script)));
    const exited = await monitor.finished();

    const pid = Number(readBytes(`${directory}/pid`));
    strictEqual(exited, "exited 0");
    strictEqual(isAlive(pid), true);
    Deno.kill(pid, "SIGKILL");
  },
);

testBoth("request_stop() kills after the timeout", async ({ start, directory }) => {
  const log = `${directory}/log`;
  await using monitor = start(
    plan(
      ["log", log, "cri", "0", "1"],
      CLONE,
      shell("trap '' TERM; echo ready; while :; do sleep 0.02; done"),
    ),
  );
  await monitor.started();
  await eventually(() => readLog(log) === "ready\n");
  const begin = performance.now();

  monitor.send("stop 15 200");

  strictEqual(await monitor.receive(), "exited 137");
  ok(performance.now() - begin >= 200);
});

testBoth("request_stop() needs no kill when init obeys", async ({ start }) => {
  await using monitor = start(plan(CLONE, SLEEP));
  await monitor.started();
  const begin = performance.now();

  monitor.send("stop 15 100000");

  strictEqual(await monitor.receive(), "exited 143");
  ok(performance.now() - begin < 50_000);
});

testRelease(
  "supervise() needs less than 88 kB while the container is idle",
  async ({ start, directory }) => {
    await using monitor = start(
      plan(
        PIPE,
        ["log", `${directory}/log`, "cri", "0", "1"],
        ["listen", directory],
        ["record", `${directory}/state`, "volatile"],
        ["clone", NEW_PID],
        SLEEP,
      ),
    );
    await monitor.started();
    monitor.send("signal 0");
    await monitor.receive();

    const memory = memoryOf(monitor);
    monitor.send("signal 9");

    ok(memory < 88, `${memory} kB`);
  },
);

testRelease(
  "buffers_trim() gives back what much output has taken",
  async ({ start, directory }) => {
    await using monitor = start(
      plan(
        PIPE,
        ["log", `${directory}/log`, "cri", "0", "1"],
        ["clone", NEW_PID],
        shell("seq 100000; sleep 100"),
      ),
    );
    await monitor.started();
    await eventually(() => readBytes(`${directory}/log`).endsWith(" 100000\n"));
    monitor.send("signal 0");
    await monitor.receive(); // by now it has done with the output

    await eventually(() => memoryOf(monitor) < 88);
    monitor.send("signal 9");
  },
);

testBoth("buffers_trim() keeps a line that has not ended", async ({ start, directory }) => {
  const log = `${directory}/log`;
  await using monitor = start(
    plan(
      PIPE,
      ["log", log, "json", "0", "1"],
      CLONE,
      shell(
        `head -c 50000 /dev/zero | tr '\\0' x; until [ -e ${directory}/go ]; do sleep 0.1; done`,
      ),
    ),
  );
  await monitor.started();
  await pause(LONGER_THAN_TRIM_PAUSE_MS);

  Deno.writeTextFileSync(`${directory}/go`, "");

  strictEqual(await monitor.receive(), "exited 0");
  const text = readBytes(log).trim().split("\n").map((line) => JSON.parse(line).log).join("");
  strictEqual(text, "x".repeat(50_000));
});

testBoth("buffers_trim() keeps what a client still has to take", async ({ start, directory }) => {
  const fifo = `${directory}/fifo`;
  await run("mkfifo", fifo);
  using slow = openReadWrite(fifo);
  await using monitor = start(
    plan(CLONE, shell("seq 14000; sleep 100")),
    { firstRequest: { text: "attach 2 -", descriptors: [slow.number] } },
  );
  await monitor.started();
  await pause(LONGER_THAN_TRIM_PAUSE_MS);

  monitor.send("signal 9");
  using reader = Deno.openSync(fifo);
  slow[Symbol.dispose]();
  const text = await new Response(reader.readable).text();

  strictEqual(text, Array.from({ length: 14_000 }, (_, index) => `${index + 1}\n`).join(""));
});
