/** Commands, monitors and clean-ups that are killed at random moments, many times over. @module */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { listNames, type TestEngine, testWhole } from "./harness.ts";
import { killDuring, pick, randomNumbers, VICTIMS } from "./random_kills.ts";
import { reapAdopted } from "./surroundings.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const KILL_COUNT = 200;
/** Two files of at most 1 MiB and a little more than a line. */
const MAX_EVENT_BYTES = 3 * 1024 * 1024;

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
