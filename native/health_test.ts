import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { findCgroupHierarchies, findWritableCgroup2 } from "../mod/kernel/proc.ts";
import {
  eventually,
  execute,
  isAlive,
  type Monitor,
  pause,
  plan,
  readBytes,
  shell,
  testBoth,
  type TestContext,
  testRelease,
} from "./testing.ts";

interface HealthOptions {
  timeoutMs?: number;
  startPeriodMs?: number;
  startIntervalMs?: number;
  retries?: number;
  onFailure?: "none" | "restart" | "stop" | "kill";
  /** What init does. */
  init?: string;
  /** Where it and its checks are. @default {the monitor's} */
  cgroup?: string;
}

/** A plan with a check every 20 ms, and files for what comes of it in `directory`. */
function checkedPlan(
  directory: string,
  check: readonly string[],
  options: HealthOptions = {},
): Uint8Array<ArrayBuffer> {
  const { timeoutMs = 100_000, startPeriodMs = 0, startIntervalMs = 20, retries = 1 } = options;
  const numbers = [20, timeoutMs, startPeriodMs, startIntervalMs, retries].map(String);
  const stop = [options.onFailure ?? "none", "15", "10000"];
  return plan(
    ["record", `${directory}/state`, "volatile"],
    ...(options.cgroup === undefined ? [] : [["cgroup", options.cgroup]]),
    ["restart", "no", "0", "15"],
    ["events", `${directory}/events`, '"ID"', '"IMAGE"', '{"image":"i"', "box", "container"],
    ["health", ...numbers, ...stop, `${directory}/health`],
    ["clone", "0"],
    shell(options.init ?? "exec sleep 100"),
    ["check", "0"],
    [...check],
  );
}

/** A check that waits until init has made the file `ready`, and then takes it away and fails. */
function failOnceReady(directory: string): string[] {
  const ready = `${directory}/ready`;
  return shell(`until [ -e ${ready} ]; do sleep 0.01; done; rm ${ready}; exit 1`);
}

interface Check {
  beganAt: bigint;
  endedAt: bigint;
  code: string;
  output: string;
}

function readChecks(directory: string): Check[] {
  const lines = readIfPresent(`${directory}/health`).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [beganAt = "", endedAt = "", code = "", hex = ""] = line.split(" ");
    const output = String.fromCharCode(...Uint8Array.fromHex(hex));
    return { beganAt: BigInt(beganAt), endedAt: BigInt(endedAt), code, output };
  });
}

function readIfPresent(path: string): string {
  try {
    return readBytes(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function readHealth(directory: string): [health: string, failingStreak: number] {
  const { health, failingStreak } = JSON.parse(Deno.readTextFileSync(`${directory}/state`));
  return [health, failingStreak];
}

function healthEvents(directory: string): string[] {
  const actions = readIfPresent(`${directory}/events`).matchAll(/"Action":"(health[^"]*)"/g);
  return Array.from(actions, ([, action = ""]) => action);
}

/** Starts, waits until `isEnough()`, and ends init. */
async function runUntil(
  { start }: TestContext,
  bytes: Uint8Array<ArrayBuffer>,
  isEnough: () => boolean,
): Promise<void> {
  await using monitor = start(bytes);
  await monitor.started();
  await eventually(isEnough);
  await end(monitor);
}

/** Kills init, and waits until that is recorded. */
async function end(monitor: Monitor): Promise<void> {
  monitor.send("signal 9");
  strictEqual(await monitor.receive(), "ok");
  strictEqual(await monitor.receive(), "exited 137");
}

testBoth("health_begin() starts with the state starting", async ({ start, directory }) => {
  await using monitor = start(
    checkedPlan(directory, shell("exec sleep 100")),
  );
  await monitor.started();

  deepStrictEqual(readHealth(directory), ["starting", 0]);
  await end(monitor);
});

testBoth("a check that succeeds makes the container healthy", async (context) => {
  const { directory } = context;
  const before = BigInt(Date.now()) * 1_000_000n;

  await runUntil(
    context,
    checkedPlan(directory, shell("echo fine; echo really >&2")),
    () => readHealth(directory)[0] === "healthy",
  );

  const [first] = readChecks(directory);
  deepStrictEqual([first?.code, first?.output], ["0", "fine\nreally\n"]);
  ok(first !== undefined && first.beganAt > before && first.endedAt > first.beganAt);
  deepStrictEqual(healthEvents(directory), ["health_status: healthy"]);
});

testBoth("checks that fail in a row make it unhealthy", async (context) => {
  const { directory } = context;
  let states = "";
  // The fifth does not end, so that nothing comes after what is waited for
  const script =
    `echo x >>${directory}/count; [ $(wc -l <${directory}/count) -lt 5 ] || sleep 100; exit 3`;

  await runUntil(context, checkedPlan(directory, shell(script), { retries: 3 }), () => {
    const [health, streak] = readHealth(directory);
    if (!states.endsWith(`${health} ${streak};`)) states += `${health} ${streak};`;
    return streak === 4;
  });

  match(states, /^(starting 0;)?(starting 1;)?(starting 2;)?(unhealthy 3;)?unhealthy 4;$/);
  strictEqual(readChecks(directory)[0]?.code, "3");
  deepStrictEqual(healthEvents(directory), ["health_status: unhealthy"]);
});

testBoth("a check that succeeds again ends the row of failures", async (context) => {
  const { directory } = context;
  const script = `test -e ${directory}/well`;

  await runUntil(context, checkedPlan(directory, shell(script)), () => {
    const [health] = readHealth(directory);
    if (health === "unhealthy") Deno.writeTextFileSync(`${directory}/well`, "");
    return health === "healthy";
  });

  deepStrictEqual(healthEvents(directory), [
    "health_status: unhealthy",
    "health_status: healthy",
  ]);
});

testBoth("failures in the start period do not count", async (context) => {
  const { directory } = context;
  const options = { startPeriodMs: 600_000 };

  await using monitor = context.start(checkedPlan(directory, shell("exit 1"), options));
  await monitor.started();
  await eventually(() => readChecks(directory).length === 5);

  deepStrictEqual(readHealth(directory), ["starting", 0]);
  await end(monitor);
});

testBoth("a success in the start period ends it", async (context) => {
  const { directory } = context;
  const script = `test -e ${directory}/ill || { touch ${directory}/ill; exit 0; }; exit 1`;

  await runUntil(
    context,
    checkedPlan(directory, shell(script), { startPeriodMs: 600_000 }),
    () => readHealth(directory)[0] === "unhealthy",
  );

  deepStrictEqual(healthEvents(directory), [
    "health_status: healthy",
    "health_status: unhealthy",
  ]);
});

testBoth("a check that takes too long is killed with its children", async (context) => {
  const { directory } = context;
  const script = "trap '' TERM INT HUP; echo $$; sleep 100 & echo $!; wait";
  const pidsOf = ({ output }: Check): number[] => output.trim().split("\n").map(Number);
  // The time may be over before the shell has said both, which tells nothing of its children
  const hasBoth = (check: Check): boolean => /^\d+\n\d+\n$/.test(check.output);

  await runUntil(
    context,
    checkedPlan(directory, shell(script), { timeoutMs: 500 }),
    () => readChecks(directory).some(hasBoth),
  );

  const checks = readChecks(directory);
  deepStrictEqual(new Set(checks.map(({ code }) => code)), new Set(["timeout"]));
  const pids = checks.filter(hasBoth).flatMap(pidsOf);
  await eventually(() => !pids.some(isAlive));
  ok(checks.every(({ beganAt, endedAt }) => endedAt - beganAt >= 500_000_000n));
});

testBoth("a check that cannot be executed says why", async (context) => {
  const { directory } = context;

  await runUntil(
    context,
    checkedPlan(directory, execute("/no/such/program")),
    () => readChecks(directory).length > 0,
  );

  strictEqual(readChecks(directory)[0]?.code, "exec:2");
  strictEqual(readHealth(directory)[0], "unhealthy");
});

testBoth("of a flood of output the first 4,096 bytes are kept", async (context) => {
  const { directory } = context;

  await runUntil(
    context,
    checkedPlan(directory, shell("yes | head -c 10000000")),
    () => readChecks(directory).length > 0,
  );

  const [first] = readChecks(directory);
  deepStrictEqual([first?.code, first?.output], ["0", "y\n".repeat(2048) + "..."]);
});

testBoth("the last five checks are kept", async (context) => {
  const { directory } = context;
  const script = `echo x >>${directory}/count; wc -l <${directory}/count`;

  await runUntil(
    context,
    checkedPlan(directory, shell(script)),
    () => Number(readChecks(directory).at(-1)?.output ?? 0) >= 7,
  );

  const numbers = readChecks(directory).map(({ output }) => Number(output));
  const [first = 0] = numbers;
  deepStrictEqual(numbers, [0, 1, 2, 3, 4].map((index) => first + index));
});

testBoth("a check is over when its process is, whoever holds its output", async (context) => {
  const { directory } = context;
  const script = "sleep 100 & echo $!";

  await runUntil(
    context,
    checkedPlan(directory, shell(script)),
    () => readHealth(directory)[0] === "healthy",
  );

  for (const { output } of readChecks(directory)) Deno.kill(Number(output), "SIGKILL");
});

testBoth("a check may close its output", async (context) => {
  const { directory } = context;

  await runUntil(
    context,
    checkedPlan(directory, shell("exec >&- 2>&-; sleep 0.05; exit 0")),
    () => readHealth(directory)[0] === "healthy",
  );

  strictEqual(readChecks(directory)[0]?.output, "");
});

testBoth("checks leave no zombies and no descriptors", async (context) => {
  const { directory } = context;
  const script = `echo x >>${directory}/count`;

  await using monitor = context.start(checkedPlan(directory, shell(script)));
  await monitor.started();
  const before = [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length;
  await eventually(() => readIfPresent(`${directory}/count`).length >= 20);

  await eventually(() => [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length <= before);
  await eventually(() => {
    const path = `/proc/${monitor.pid}/task/${monitor.pid}/children`;
    return readBytes(path).trim().split(" ").length === 1;
  });
  await end(monitor);
});

testBoth("a container is served while a check runs", async (context) => {
  const { directory } = context;

  await using monitor = context.start(
    checkedPlan(directory, shell(`touch ${directory}/begun; sleep 100`)),
  );
  await monitor.started();
  await eventually(() => readIfPresent(`${directory}/health`) === "" && exists(directory, "begun"));

  await end(monitor);
});

testBoth("an unhealthy container is killed when asked for", async ({ start, directory }) => {
  await using monitor = start(checkedPlan(directory, shell("exit 1"), { onFailure: "kill" }));

  strictEqual(await monitor.finished(), "exited 137");
});

testBoth("an unhealthy container is stopped when asked for", async ({ start, directory }) => {
  const init = `trap 'exit 7' TERM; : >${directory}/ready; while :; do sleep 0.05; done`;

  await using monitor = start(
    checkedPlan(directory, failOnceReady(directory), { onFailure: "stop", init }),
  );

  strictEqual(await monitor.finished(), "exited 7");
});

testBoth("an unhealthy container is restarted when asked for", async ({ start, directory }) => {
  const init = `echo run >>${directory}/runs; : >${directory}/ready; exec sleep 100`;

  await using monitor = start(
    checkedPlan(directory, failOnceReady(directory), { onFailure: "restart", init }),
  );
  await monitor.started();
  await eventually(() => readIfPresent(`${directory}/runs`).length >= "run\nrun\nrun\n".length);

  monitor.send("signal 9");
  await eventually(() => !isAlive(monitor.pid));
  match(healthEvents(directory).join(), /^health_status: unhealthy,health_status: unhealthy/);
});

/** A cgroup that does not exist yet; the monitor removes it. */
function newCgroup(): string {
  const hierarchies = findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo"));
  return `${findWritableCgroup2(hierarchies)}/wherry-test-${crypto.randomUUID()}/child`;
}

testBoth("a check runs in the container's cgroup", async (context) => {
  const { directory } = context;
  const cgroup = newCgroup();

  await runUntil(
    context,
    checkedPlan(directory, shell("cat /proc/self/cgroup"), { cgroup }),
    () => readHealth(directory)[0] === "healthy",
  );

  const own = readChecks(directory)[0]?.output.split("\n").find((line) => line.startsWith("0::"));
  ok(own !== undefined && cgroup.endsWith(own.slice("0::".length)), own);
});

testBoth("there are no checks while a container is paused", async ({ start, directory }) => {
  const script = `echo x >>${directory}/count; exec sleep 100`;
  const count = (): number => readIfPresent(`${directory}/count`).length;

  await using monitor = start(
    checkedPlan(directory, shell(script), { cgroup: newCgroup() }),
  );
  await monitor.started();
  await eventually(() => count() > 0);
  monitor.send("pause");
  strictEqual(await monitor.receive(), "ok");
  const paused = count();
  await pause(200);
  const stillPaused = count();
  monitor.send("unpause");
  strictEqual(await monitor.receive(), "ok");
  await eventually(() => count() > paused);

  strictEqual(stillPaused, paused);
  deepStrictEqual(readChecks(directory), []);
  deepStrictEqual(readHealth(directory), ["starting", 0]);
  await end(monitor);
});

testRelease("a monitor with checks stays small", async ({ start, directory }) => {
  await using monitor = start(checkedPlan(directory, shell("yes | head -c 100000; exit 1")));
  await monitor.started();
  await eventually(() => readChecks(directory).length === 5);

  const rollup = Deno.readTextFileSync(`/proc/${monitor.pid}/smaps_rollup`);
  const [, residentKib] = /^Pss:\s+(\d+) kB/m.exec(rollup) ?? [];
  ok(Number(residentKib) < 200, `${residentKib} KiB`);
  await end(monitor);
});

function exists(directory: string, name: string): boolean {
  return [...Deno.readDirSync(directory)].some((entry) => entry.name === name);
}
