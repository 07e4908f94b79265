import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { cStringBlock } from "../ffi/c_string.ts";
import { STEP_ARGUMENTS } from "../mod/container/launch/plan.ts";
import { plan, shell, testBoth } from "./testing.ts";

const EINVAL = 22;
const MONITOR = new URL("build/wherry-monitor", import.meta.url).pathname;

const CLONE = ["clone", "0"] as const;
const HEALTH = ["health", "1", "1", "0", "1", "1", "none", "15", "0", "/health"];

/** A pseudo-random number generator with a fixed start, so that a failure can be repeated. */
function makeRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

Deno.test("wherry-monitor --list-steps prints the words of plan.ts with their argument counts", async () => {
  const { stdout } = await new Deno.Command(MONITOR, { args: ["--list-steps"] }).output();

  const expected = Object.entries(STEP_ARGUMENTS)
    .map(([word, [minimum, maximum]]) => `${word} ${minimum} ${maximum ?? "-"}\n`);
  strictEqual(new TextDecoder().decode(stdout), expected.join(""));
});

/** Plans that are refused, and the index of the wrong step. */
const MALFORMED: Record<string, [index: number, plan: Uint8Array<ArrayBuffer>]> = {
  "an empty plan": [0, new Uint8Array()],
  "a header alone": [0, plan()],
  "a wrong header": [0, cStringBlock(["wherry-plan", "2", "clone", "1", "0"])],
  "a plan without final NUL": [0, plan(CLONE, shell("true")).slice(0, -1)],
  "a word without argument count": [
    1,
    cStringBlock(["wherry-plan", "1", "clone", "1", "0", "exec"]),
  ],
  "an unknown word": [1, plan(CLONE, ["exac", "1", "/bin/true"])],
  "too few arguments": [0, plan(["log", "/log", "cri", "0"], CLONE, shell("true"))],
  "too many arguments": [1, plan(CLONE, ["fork", "now"], shell("true"))],
  "a count beyond the end": [
    1,
    cStringBlock(["wherry-plan", "1", "clone", "1", "0", "exec", "9", "1"]),
  ],
  "a huge count": [0, cStringBlock(["wherry-plan", "1", "clone", "18446744073709551615", "0"])],
  "a number that is none": [0, plan(["log", "/log", "cri", "1k", "3"], CLONE, shell("true"))],
  "a number above 32 bits": [1, plan(CLONE, ["user", "4294967296", "0"], shell("true"))],
  "a number above 64 bits": [
    0,
    plan(["log", "/l", "cri", "18446744073709551616", "3"], CLONE, shell("true")),
  ],
  "an empty number": [1, plan(CLONE, ["umask", ""], shell("true"))],
  "a mode that is not octal": [1, plan(CLONE, ["umask", "28"], shell("true"))],
  "a signal above 64": [1, plan(CLONE, ["parent-death", "65"], shell("true"))],
  "a signal 0": [1, plan(CLONE, ["parent-death", "0"], shell("true"))],
  "an adjustment below -1000": [1, plan(CLONE, ["oom-score-adj", "-1001"], shell("true"))],
  "clone flags that make no namespace": [0, plan(["clone", "256"], shell("true"))],
  "a device filter of nothing": [0, plan(["device-filter", ""], CLONE, shell("true"))],
  "a device filter of half an instruction": [
    0,
    plan(["device-filter", "b7000000"], CLONE, shell("true")),
  ],
  "a device filter of odd digits": [
    0,
    plan(["device-filter", "b70000000000000"], CLONE, shell("true")),
  ],
  "a device filter with a letter that is no digit": [
    0,
    plan(["device-filter", "b70000000000000g"], CLONE, shell("true")),
  ],
  "an empty path": [1, plan(CLONE, ["chdir", ""], shell("true"))],
  "a path of 4,096 bytes": [1, plan(CLONE, ["chdir", "/".repeat(4096)], shell("true"))],
  "an unknown kind of stdio": [0, plan(["stdio", "socket"], CLONE, shell("true"))],
  "a plan without clone": [0, plan(shell("true"))],
  "a second clone": [1, plan(CLONE, CLONE, shell("true"))],
  "a monitor's word in the child": [1, plan(CLONE, ["stdio", "null"], shell("true"))],
  "a child's word in the monitor": [0, plan(["umask", "022"], CLONE, shell("true"))],
  "a plan that ends without exec": [1, plan(CLONE, ["umask", "022"])],
  "a step after exec": [2, plan(CLONE, shell("true"), ["umask", "022"])],
  "a check before clone": [0, plan(["check", "0"], CLONE, shell("true"))],
  "a check in place of a child's step": [1, plan(CLONE, ["check", "0"], shell("true"))],
  "a check without exec": [3, plan(CLONE, shell("true"), ["check", "0"], ["umask", "022"])],
  "a second check": [
    4,
    plan(CLONE, shell("true"), ["check", "0"], shell("true"), ["check", "0"], shell("true")),
  ],
  "a health step without a check": [0, plan(HEALTH, CLONE, shell("true"))],
  "an interval of 0": [
    0,
    plan(HEALTH.with(1, "0"), CLONE, shell("true"), ["check", "0"], shell("true")),
  ],
  "an exec without argv": [1, plan(CLONE, ["exec", "0", "A=1"])],
  "an exec with more argv than strings": [1, plan(CLONE, ["exec", "2", "/bin/true"])],
  "8,193 steps": [8192, plan(CLONE, ...Array(8192).fill(["umask", "022"]), shell("true"))],
};

for (const [what, [index, bytes]] of Object.entries(MALFORMED)) {
  testBoth(`plan_check() refuses ${what}`, async ({ start }) => {
    await using monitor = start(bytes);

    strictEqual(await monitor.receive(), `failed ${index} ${EINVAL}`);
    strictEqual(await monitor.receive(), "end");
  });
}

testBoth(
  "plan_check() refuses a wrong step before an earlier one has run",
  async ({ start, directory }) => {
    await using monitor = start(plan(["listen", directory], CLONE, ["nonsense"], shell("true")));

    strictEqual(await monitor.receive(), `failed 2 ${EINVAL}`);
    deepStrictEqual([...Deno.readDirSync(directory)], []);
  },
);

testBoth(
  "plan_load() answers every mutated plan with one message",
  async ({ start, directory }) => {
    const random = makeRandom(20261120);
    const original = plan(
      ["stdio", "pipe"],
      ["log", `${directory}/log`, "cri", "4096", "2"],
      ["record", `${directory}/state`, "volatile"],
      ["clone", "0"],
      ["rlimit", "7", "64", "-1"],
      ["umask", "022"],
      ["bounding", "00000000a80425fb"],
      ["oom-score-adj", "10"],
      ["exec", "1", "/nonexistent", "A=1", "B=2"],
    );
    const answers: string[] = [];

    for (let round = 0; round < 250; round++) {
      const mutant = original.slice(0, original.length - (round % 5 === 0 ? random(40) : 0));
      for (let edits = random(3); edits >= 0; edits--) {
        // behind the paths of log and record, so that no mutant writes anywhere else
        const at = original.length - 150 + random(150);
        if (at < mutant.length) mutant[at] = round % 2 === 0 ? random(256) : random(2) * 48;
      }
      await using monitor = start(mutant);
      answers.push(await monitor.receive());
    }

    for (const answer of answers) match(answer, /^failed \d+ \d+$/);
  },
);
