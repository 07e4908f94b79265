import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ALWAYS, answerTo, runs, startWatched, waitsLong } from "./restarting.ts";
import { eventually, execute, isThere, readState, shell, testBoth } from "./testing.ts";

const SLEEP = execute("/bin/sleep", "100");

testBoth("stop_init() during the back-off ends at once", async (context) => {
  const { directory } = context;
  await using monitor = startWatched(context, ALWAYS, shell("exit 5"));
  await monitor.finished();
  const { state, endsAt } = await waitsLong(context);

  monitor.send("wait");
  monitor.send("stop 15 10000");
  const messages = [await monitor.receive(), await monitor.receive()];

  ok(Date.now() < endsAt);
  deepStrictEqual(messages, ["exited 5", "end"]);
  const { status, exitCode, isStopped, restartCount } = readState(`${directory}/state`);
  deepStrictEqual([status, exitCode, isStopped], ["exited", 5, true]);
  strictEqual(restartCount, state.restartCount);
});

testBoth("shut_down_init() ends the row of restarts and is not remembered", async (context) => {
  const { directory } = context;
  await using monitor = startWatched(context, ALWAYS, shell("exit 5"));
  await monitor.finished();
  await waitsLong(context);

  monitor.send("wait");
  monitor.send("shutdown 15 10000");
  const messages = [await monitor.receive(), await monitor.receive()];

  deepStrictEqual(messages, ["exited 5", "end"]);
  const { status, isStopped } = readState(`${directory}/state`);
  deepStrictEqual([status, isStopped], ["exited", false]);
});

testBoth("stop_init() ends the row of restarts and is remembered at once", async (context) => {
  const { directory } = context;
  const deaf = shell(`trap '' TERM; : > ${directory}/ready; while :; do sleep 0.02; done`);

  await using monitor = startWatched(context, ["restart", "unless-stopped", "0", "15"], deaf);
  await monitor.started();
  await eventually(() => isThere(`${directory}/ready`));
  monitor.send("stop 15 -1");
  await eventually(() => readState(`${directory}/state`).isStopped === true);
  const { status } = readState(`${directory}/state`);
  monitor.send("stop 15 0");
  const messages = [await monitor.receive(), await monitor.receive()];

  strictEqual(status, "running");
  deepStrictEqual(messages, ["exited 137", "end"]);
});

for (
  const { what, signal } of [{ what: "SIGKILL", signal: 9 }, { what: "STOP_SIGNAL", signal: 15 }]
) {
  testBoth(`signal_init() with ${what} ends the row of restarts`, async (context) => {
    await using monitor = startWatched(context, ALWAYS, SLEEP);
    await monitor.started();

    const messages = [await answerTo(monitor, `signal ${signal}`), await monitor.receive()];

    deepStrictEqual(messages, ["ok", `exited ${128 + signal}`]);
    strictEqual(await monitor.receive(), "end");
    strictEqual(readState(`${context.directory}/state`).isStopped, true);
  });
}

testBoth("signal_init() with any other signal lets the policy decide", async (context) => {
  await using monitor = startWatched(context, ALWAYS, SLEEP);
  await monitor.started();

  const messages = [await answerTo(monitor, "signal 1"), await monitor.receive()];
  await runs(context.directory, 2);
  monitor.send("signal 9");

  deepStrictEqual(messages, ["ok", "exited 129"]);
});

testBoth(
  "signal_init() between two runs finds nobody, but SIGKILL ends the row",
  async (context) => {
    await using monitor = startWatched(context, ALWAYS, shell("exit 1"));
    await monitor.finished();
    await waitsLong(context);

    const messages = [await answerTo(monitor, "signal 1"), await answerTo(monitor, "signal 9")];

    deepStrictEqual(messages, ["error 3", "ok"]);
    strictEqual(await monitor.receive(), "exited 1");
    strictEqual(await monitor.receive(), "end");
  },
);

testBoth("take_termination() ends the row without its being remembered", async (context) => {
  await using monitor = startWatched(context, ALWAYS, SLEEP);
  await monitor.started();

  Deno.kill(monitor.pid, "SIGTERM");

  strictEqual(await monitor.receive(), "exited 143");
  strictEqual(await monitor.receive(), "end");
  strictEqual(readState(`${context.directory}/state`).isStopped, false);
});

testBoth("take_termination() ends a container that waits for its next run", async (context) => {
  await using monitor = startWatched(context, ALWAYS, shell("exit 1"));
  await monitor.finished();
  await waitsLong(context);

  Deno.kill(monitor.pid, "SIGTERM");

  strictEqual(await monitor.receive(), "end");
  strictEqual(readState(`${context.directory}/state`).status, "exited");
});
