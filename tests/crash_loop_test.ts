/** Commands, monitors and clean-ups that are killed at random moments, many times over. @module */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { killUnlessGone, listNames, pause, type TestEngine, testWhole } from "./harness.ts";
import { isInOtherPidNamespace, listDescendants, reapAdopted } from "./surroundings.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const KILL_COUNT = 200;
/** Longer than any of the commands takes on its own. */
const MAX_DELAY_MS = 120;
/** How long a command may take that was not killed itself, however slow the machine. */
const MAX_WAIT_MS = 120_000;
/** Two files of at most 1 MiB and a little more than a line. */
const MAX_EVENT_BYTES = 3 * 1024 * 1024;

/** Whom to kill: the command, or any monitor or clean-up that is alive at that moment, or one of each. */
const VICTIMS = ["command", "monitor", "both"] as const;

testWhole(
  `${KILL_COUNT} kills of commands and monitors at random moments (seed ${SEED}) leave nothing behind`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    const commands = await commandsOf(wherry);
    await wherry.runBusybox([], ["true"]);
    await wherry.run(["system", "prune", "-f"]);
    const before = filesOf(wherry);

    for (let count = 0; count < KILL_COUNT; count++) {
      const command = pick(random, commands);
      await killDuring(wherry, command, pick(random, VICTIMS), random);
      reapAdopted();
    }

    await assertUsable(wherry);
    strictEqual((await wherry.run(["system", "prune", "-f"])).code, 0);
    deepStrictEqual(filesOf(wherry), before);
    ok(eventBytes(wherry) < MAX_EVENT_BYTES);
  },
);

/** What is done to two containers, `box` and `crate`, and to others that nobody names. */
async function commandsOf(wherry: TestEngine): Promise<string[][]> {
  const image = await wherry.busybox(["--stop-timeout", "0"]);
  const health = ["--health-interval", "10ms", "--health-timeout", "50ms", "--health-retries", "2"];
  const log = ["--log-opt", "max-size=4k", "--log-opt", "max-file=2"];
  const chatter = ["sh", "-c", "while echo $RANDOM $RANDOM $RANDOM; do sleep 0.001; done"];
  const always = ["--restart", "always"];
  return [
    ["run", "--rm", ...image, "sleep", "0.02"],
    ["run", "-d", "--rm", ...image, "sleep", "0.02"],
    ["run", "-d", "--name", "box", ...always, ...log, ...image, ...chatter],
    ["run", "-d", "--name", "crate", ...always, ...image, "false"],
    ["run", "-d", "--name", "box", ...health, "--health-cmd", "true", ...image, "sleep", "100"],
    [
      ...["run", "-d", "--name", "crate", ...health, "--health-on-failure", "restart"],
      ...["--health-cmd", "false", ...image, "sleep", "100"],
    ],
    ["create", "--name", "crate", ...always, ...image, "sleep", "100"],
    ["exec", "box", "sleep", "0.02"],
    ["exec", "-d", "box", "sleep", "100"],
    ["stop", "box"],
    ["kill", "box", "crate"],
    ["restart", "box"],
    ["restart", "crate"],
    ["start", "box", "crate"],
    ["pause", "box"],
    ["unpause", "box"],
    ["rename", "box", "crate"],
    ["rename", "crate", "box"],
    ["update", "--restart", "no", "box"],
    ["update", "--restart", "always", "box"],
    ["ps", "-a"],
    ["rm", "box", "crate"],
    ["rm", "-f", "box"],
    ["rm", "-f", "crate"],
  ];
}

/** Kills while a command is at work; what it leaves running is not waited for. */
async function killDuring(
  wherry: TestEngine,
  args: readonly string[],
  victim: typeof VICTIMS[number],
  random: () => number,
): Promise<void> {
  // Nobody reads a pipe to its end that a monitor may hold for as long as its container runs
  const child = wherry.spawn(args, { redirect: ">/dev/null 2>&1" });
  const status = child.status;
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  await Promise.race([status, pause(random() * MAX_DELAY_MS)]);
  if (victim !== "monitor") killUnlessGone(child.pid);
  if (victim !== "command") killOneOf(random, helpersOf(child.pid));
  const isOver = await Promise.race([status.then(() => true), pause(MAX_WAIT_MS)]);
  ok(isOver, `wherry ${args.join(" ")} hangs after the kill of ${victim}`);
}

/** Monitors and what cleans up after them: all that was started outside containers but for the command. */
function helpersOf(command: number): number[] {
  return listDescendants().map(({ pid }) => pid)
    .filter((pid) => pid !== command && !isInOtherPidNamespace(pid));
}

function killOneOf(random: () => number, pids: readonly number[]): void {
  if (pids.length > 0) killUnlessGone(pick(random, pids));
}

/** Everything can be listed and removed, and names that were in use can be used again. */
async function assertUsable(wherry: TestEngine): Promise<void> {
  strictEqual((await wherry.run(["ps", "-a"])).code, 0);
  const ids = (await wherry.run(["ps", "-aq"])).stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) strictEqual((await wherry.run(["rm", "-f", ...ids])).stderr, "");
  for (const name of ["box", "crate"]) {
    const fresh = await wherry.runBusybox(["--name", name], ["echo", "works"]);
    deepStrictEqual(fresh, { code: 0, stdout: "works\n", stderr: "" });
  }
}

/** All files of the engine, but for contents of containers; after `system prune` the same as of a new one. */
function filesOf({ root, runRoot }: TestEngine): string[] {
  return [root, runRoot].flatMap((place) => listNames(place).map((name) => `${place}/${name}`))
    .filter((path) => !MAY_COME.some((name) => path === `${runRoot}/${name}`));
}

/** Locks, which stay, and the log of events that was put aside. */
const MAY_COME = ["names.lock", "events.lock", "events.1"];

function eventBytes({ runRoot }: TestEngine): number {
  return listNames(runRoot).filter((name) => name.startsWith("events"))
    .reduce((sum, name) => sum + Deno.statSync(`${runRoot}/${name}`).size, 0);
}

/** `seed` gives the same row of numbers from 0 to 1 every time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<T>(random: () => number, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError("Cannot pick one of none");
  return item;
}
