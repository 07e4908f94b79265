import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openReadWrite } from "../mod/kernel/open.ts";
import { ERRORS, OUTPUT } from "./attaching.ts";
import {
  ALWAYS,
  answerTo,
  delays,
  NEVER,
  runs,
  RUNS_BEFORE_LONG_PAUSE,
  startWatched,
  waitsLong,
  watched,
} from "./restarting.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  plan,
  readBytes,
  readEvents,
  readState,
  run,
  shell,
  testBoth,
  testRelease,
} from "./testing.ts";

const NEW_PID = String(0x20000000);
const DIES_WITH_MONITOR = ["parent-death", "9"];
const SLEEP = execute("/bin/sleep", "100");
const ECANCELED = 125;

testBoth("run_again() waits twice as long after each end", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 1"));
  await runs(context.directory, 6);
  monitor.send("stop 15 0");
  const waited = delays(context.directory).slice(0, 5);

  ok(waited.every((delay, index) => delay >= 100 * 2 ** index), `${waited}`);
  // The first is short: how much later a machine is than it should be is not known any better
  ok(Number(waited[0]) < 1600, `${waited}`);
});

testRelease(
  "run_again() starts over with the delays after a run of ten seconds",
  async (context) => {
    const { directory } = context;
    const script = `echo >> ${directory}/runs; [ $(wc -l < ${directory}/runs) != 6 ] || sleep 10.1`;

    await using monitor = startWatched(context, ALWAYS, shell(script));
    await runs(directory, 6);
    await monitor.finished();
    strictEqual(await answerTo(monitor, "wait"), "exited 0");
    await runs(directory, 7);
    monitor.send("stop 15 0");

    ok(Number(delays(directory)[4]) >= 1600, `${delays(directory)}`);
    ok(Number(delays(directory)[5]) < 1600, `${delays(directory)}`); // 100, and not 3200
  },
);

testBoth("run_again() tries on-failure as often as it may", async (context) => {
  await using monitor = startWatched(
    context,
    ["restart", "on-failure", "2", "15"],
    shell("exit 3"),
  );
  const messages = [await monitor.finished(), await monitor.receive()];

  deepStrictEqual(messages, ["exited 3", "end"]);
  const { status, exitCode, restartCount, isStopped } = readState(`${context.directory}/state`);
  deepStrictEqual([status, exitCode, restartCount, isStopped], ["exited", 3, 2, false]);
  strictEqual(delays(context.directory).length, 2);
});

testBoth("run_again() takes status 0 for no failure", async (context) => {
  await using monitor = startWatched(
    context,
    ["restart", "on-failure", "0", "15"],
    shell("exit 0"),
  );

  strictEqual(await monitor.finished(), "exited 0");
  strictEqual(await monitor.receive(), "end");
  strictEqual(readState(`${context.directory}/state`).restartCount, 0);
});

testBoth("run_again() records what it is about to do, and the new run", async (context) => {
  const { directory } = context;
  const script = `echo >> ${directory}/runs
    [ $(wc -l < ${directory}/runs) -le ${RUNS_BEFORE_LONG_PAUSE} ] || exec sleep 100; exit 7`;

  await using monitor = startWatched(context, ALWAYS, shell(script));
  const oldPid = await monitor.started();
  const lastCount = RUNS_BEFORE_LONG_PAUSE - 1;
  let waiting: Record<string, unknown> = {};
  await eventually(() => {
    waiting = readState(`${directory}/state`);
    return waiting.status === "restarting" && waiting.restartCount === lastCount;
  });
  await eventually(() => readState(`${directory}/state`).restartCount === lastCount + 1);
  const running = readState(`${directory}/state`);
  monitor.send("signal 9");

  deepStrictEqual([waiting.pid, waiting.exitCode], [0, 7]);
  ok(BigInt(waiting.finishedAt as string) > BigInt(waiting.startedAt as string));
  deepStrictEqual([running.status, running.exitCode], ["running", 0]);
  ok(running.pid !== 0 && running.pid !== oldPid);
  ok(BigInt(running.startedAt as string) > BigInt(waiting.startedAt as string));
});

testBoth("run_again() ends an attachment with the run", async (context) => {
  const { directory, start } = context;
  Deno.writeTextFileSync(`${directory}/output`, "");
  using file = openReadWrite(`${directory}/output`);

  await using monitor = start(plan(...watched(directory, ALWAYS, shell("echo run"))), {
    firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [file.number] },
  });
  const message = await monitor.finished();
  await runs(directory, 3);
  monitor.send("stop 15 0");

  strictEqual(message, "exited 0");
  strictEqual(readBytes(`${directory}/output`), "run\n");
});

testBoth("run_again() gives a slow client the rest of its own run only", async (context) => {
  const { directory, start } = context;
  await run("mkfifo", `${directory}/fifo`);
  using fifo = openReadWrite(`${directory}/fifo`);
  using reader = Deno.openSync(`${directory}/fifo`, { read: true });
  const script = `head -c 100000 /dev/zero; : > ${directory}/written`;

  await using monitor = start(plan(...watched(directory, ALWAYS, shell(script))), {
    firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [fifo.number] },
  });
  await monitor.started();
  await runs(directory, 2);
  fifo[Symbol.dispose]();
  const text = await new Response(reader.readable).bytes();
  const message = await monitor.receive();
  monitor.send("stop 15 0");

  strictEqual(text.length, 100_000);
  strictEqual(message, "exited 0");
});

testBoth(
  "run_again() gives nothing of the next run while the other stream is slow",
  async (context) => {
    const { directory, start } = context;
    await run("mkfifo", `${directory}/fifo`);
    using fifo = openReadWrite(`${directory}/fifo`);
    using reader = Deno.openSync(`${directory}/fifo`, { read: true });
    Deno.writeTextFileSync(`${directory}/output`, "");
    const output = openReadWrite(`${directory}/output`);
    const script = "echo run; head -c 100000 /dev/zero >&2";

    await using monitor = start(plan(...watched(directory, ALWAYS, shell(script))), {
      firstRequest: {
        text: `attach ${OUTPUT | ERRORS} -`,
        descriptors: [output.number, fifo.number],
      },
    });
    output[Symbol.dispose]();
    await monitor.started();
    await runs(directory, 2);
    fifo[Symbol.dispose]();
    await new Response(reader.readable).bytes();
    await monitor.receive();
    monitor.send("stop 15 0");

    strictEqual(readBytes(`${directory}/output`), "run\n");
  },
);

testBoth("restart_init() tells of a stop between end and start", async (context) => {
  await using monitor = startWatched(context, NEVER, SLEEP);
  await monitor.started();
  monitor.send("restart 9 0");
  await monitor.receive();
  const answer = await monitor.receive();
  const actions = readEvents(`${context.directory}/events`).map(({ Action }) => Action);
  monitor.send("signal 9");

  strictEqual(answer, "ok");
  deepStrictEqual(actions.filter((action) => action !== "kill"), ["start", "die", "stop", "start"]);
});

testBoth("run_again() tells every waiting client of every end", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 4"));
  const first = await monitor.finished();
  const second = await answerTo(monitor, "wait");
  monitor.send("stop 15 0");

  deepStrictEqual([first, second], ["exited 4", "exited 4"]);
});

testBoth("failure_code() counts a run whose program is gone as status 127", async (context) => {
  const { directory } = context;
  const program = `${directory}/program`;
  Deno.writeTextFileSync(program, `#!/bin/sh\nrm ${program}\n`, { mode: 0o755 });

  await using monitor = startWatched(context, ALWAYS, execute(program));
  const first = await monitor.finished();
  const second = await answerTo(monitor, "wait");
  const { state: { exitCode } } = await waitsLong(context);
  monitor.send("stop 15 0");

  deepStrictEqual([first, second, exitCode], ["exited 0", "exited 127", 127]);
});

testBoth("failure_code() counts a run whose directory is gone as status 126", async (context) => {
  const { directory } = context;
  Deno.mkdirSync(`${directory}/work`);

  await using monitor = startWatched(
    context,
    ["restart", "on-failure", "1", "15"],
    ["chdir", `${directory}/work`],
    shell(`rmdir ${directory}/work; exit 1`),
  );
  await monitor.finished();

  strictEqual(await monitor.receive(), "end");
  const { exitCode, restartCount } = readState(`${directory}/state`);
  deepStrictEqual([exitCode, restartCount], [126, 1]);
});

testBoth("failure_code() counts every other failure as status 128", async (context) => {
  const { directory } = context;
  Deno.mkdirSync(`${directory}/source`);

  await using monitor = startWatched(
    context,
    ["restart", "on-failure", "1", "15"],
    ["root", `${directory}/source`],
    shell(`rmdir ${directory}/source; exit 1`),
  );
  await monitor.finished();

  strictEqual(await monitor.receive(), "end");
  strictEqual(readState(`${directory}/state`).exitCode, 128);
});

testBoth("restart_init() runs init again whatever the policy", async (context) => {
  const { directory } = context;
  await using monitor = startWatched(context, NEVER, SLEEP);
  const oldPid = await monitor.started();

  const messages = [await answerTo(monitor, "restart 15 10000"), await monitor.receive()];
  const { status, pid, restartCount, isStopped } = readState(`${directory}/state`);
  monitor.send("wait");
  const last = [await answerTo(monitor, "signal 9"), await monitor.receive()];

  deepStrictEqual(messages, ["exited 143", "ok"]);
  deepStrictEqual([status, restartCount, isStopped], ["running", 0, false]);
  ok(pid !== oldPid && isAlive(oldPid) === false);
  deepStrictEqual(last, ["ok", "exited 137"]);
});

testBoth("restart_init() kills after the timeout, but not the next run", async (context) => {
  const { directory } = context;
  const script = `trap '' TERM; echo >> ${directory}/ready; while :; do sleep 0.02; done`;
  await using monitor = startWatched(context, NEVER, shell(script));
  await monitor.started();
  await eventually(() => isThere(`${directory}/ready`));

  const messages = [await answerTo(monitor, "restart 15 100"), await monitor.receive()];
  await eventually(() => readBytes(`${directory}/ready`) === "\n\n");
  const alive = await answerTo(monitor, "signal 0");
  monitor.send("signal 9");

  deepStrictEqual(messages, ["exited 137", "ok"]);
  strictEqual(alive, "ok");
});

testBoth("restart_init() does not wait for the end of the back-off", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 1"));
  await monitor.finished();
  const { endsAt } = await waitsLong(context);

  const message = await answerTo(monitor, "restart 15 0");
  const answeredAt = Date.now();
  monitor.send("stop 15 0");

  strictEqual(message, "ok");
  ok(answeredAt < endsAt, `${answeredAt - endsAt} ms late`);
});

testBoth("restart_init() tells which step failed, and the monitor ends", async (context) => {
  const { directory } = context;
  const program = `${directory}/program`;
  Deno.copyFileSync("/bin/sleep", program);
  Deno.chmodSync(program, 0o755);
  await using monitor = startWatched(context, NEVER, execute(program, "100"));
  await monitor.started();
  Deno.removeSync(program);

  const messages = [
    await answerTo(monitor, "restart 9 0"),
    await monitor.receive(),
    await monitor.receive(),
  ];

  deepStrictEqual(messages, ["exited 137", "failed 4 2", "end"]);
  const { status, exitCode } = readState(`${directory}/state`);
  deepStrictEqual([status, exitCode], ["exited", 127]);
});

testBoth("end_restarts() refuses a restart that a stop overtakes", async (context) => {
  const { directory } = context;
  const script = `trap '' TERM; : > ${directory}/ready; while :; do sleep 0.02; done`;
  await using monitor = startWatched(context, NEVER, shell(script));
  await monitor.started();
  await eventually(() => isThere(`${directory}/ready`));

  monitor.send("restart 15 -1");
  monitor.send("stop 15 0");
  const messages = [await monitor.receive(), await monitor.receive(), await monitor.receive()];

  deepStrictEqual(messages, [`error ${ECANCELED}`, "exited 137", "end"]);
});

testBoth("request_restart_policy() makes a running container start again", async (context) => {
  await using monitor = startWatched(context, NEVER, SLEEP);
  await monitor.started();

  const messages = [
    await answerTo(monitor, "restart-policy on-failure 1"),
    await answerTo(monitor, "signal 1"),
    await monitor.receive(),
  ];
  await runs(context.directory, 2);
  monitor.send("signal 9");

  deepStrictEqual(messages, ["ok", "ok", "exited 129"]);
});

testBoth("request_restart_policy() of `no` ends a container that waits", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 6"));
  await monitor.finished();
  await waitsLong(context);

  const messages = [await answerTo(monitor, "restart-policy no 0"), await monitor.receive()];

  deepStrictEqual(messages, ["ok", "end"]);
  const { status, exitCode, isStopped } = readState(`${context.directory}/state`);
  deepStrictEqual([status, exitCode, isStopped], ["exited", 6, false]);
});

for (
  const words of ["restart-policy sometimes 0", "restart-policy always", "restart-policy no x"]
) {
  testBoth(`request_restart_policy() refuses "${words}"`, async (context) => {
    await using monitor = startWatched(context, NEVER, SLEEP);
    await monitor.started();

    const answer = await answerTo(monitor, words);
    monitor.send("signal 9");

    strictEqual(answer, "error 22");
  });
}

testBoth("run_init() of a later run dies with the monitor too", async (context) => {
  const { directory } = context;
  const once = shell(`[ -e ${directory}/once ] && exec sleep 100; : > ${directory}/once`);
  await using monitor = startWatched(context, ALWAYS, DIES_WITH_MONITOR, once);
  await monitor.started();
  await runs(directory, 2);
  const { pid } = readState(`${directory}/state`);

  Deno.kill(monitor.pid, "SIGKILL");

  await eventually(() => !isAlive(Number(pid)));
});

testBoth("wait_for_turn() leaves nothing behind when the monitor is killed", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 1"));
  await monitor.finished();
  await waitsLong(context);
  const before = readEvents(`${context.directory}/events`).length;

  Deno.kill(monitor.pid, "SIGKILL");
  await eventually(() => !isAlive(monitor.pid));

  strictEqual(readState(`${context.directory}/state`).status, "restarting");
  strictEqual(readEvents(`${context.directory}/events`).length, before);
});

testBoth("run_init() opens a new terminal for each run", async ({ start, directory }) => {
  const log = `${directory}/log`;
  await using monitor = start(plan(
    ["stdio", "terminal"],
    ["log", log, "cri", "0", "1"],
    ["restart", "on-failure", "1", "15"],
    ["clone", String(0x20000)],
    ["mount", "", "/", "", String(0x4000 + 0x80000), ""],
    ["terminal", "24", "80"],
    shell("stty size; exit 1"),
  ));
  await monitor.finished();

  strictEqual(await monitor.receive(), "end");
  strictEqual(readBytes(log).match(/24 80/g)?.length, 2);
});

testRelease("run_again() leaks neither descriptors nor memory", async (context) => {
  const { start, directory } = context;
  await using monitor = start(plan(
    ["stdio", "pipe"],
    ["log", `${directory}/log`, "cri", "0", "1"],
    ["listen", directory],
    ["record", `${directory}/state`, "volatile"],
    NEVER,
    ["clone", NEW_PID],
    SLEEP,
  ));
  await monitor.started();
  const descriptors = (): number => [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length;
  const before = descriptors();
  strictEqual(await answerTo(monitor, "restart 9 0"), "exited 137");
  strictEqual(await monitor.receive(), "ok");
  for (let run = 0; run < 20; run++) strictEqual(await answerTo(monitor, "restart 9 0"), "ok");
  await eventually(() => descriptors() <= before);
  const after = descriptors();
  const pss = /^Pss:\s+(\d+) kB$/m.exec(readBytes(`/proc/${monitor.pid}/smaps_rollup`))?.[1];
  monitor.send("signal 9");

  strictEqual(after, before);
  ok(Number(pss) < 92, `${pss} kB`);
});
