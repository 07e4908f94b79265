import { deepStrictEqual, throws } from "node:assert/strict";
import { encodePlan, type Step, STEP_ARGUMENTS } from "./plan.ts";

Deno.test("encodePlan() writes each word, the number of its arguments, and the arguments", () => {
  const steps: Step[] = [["clone", "0"], ["exec", "1", "é", "A=b"]];

  const text = new TextDecoder().decode(encodePlan(steps));

  deepStrictEqual(
    text.split("\0"),
    ["wherry-plan", "1", "clone", "1", "0", "exec", "3", "1", "é", "A=b", ""],
  );
});

Deno.test("encodePlan() keeps empty arguments", () => {
  const text = new TextDecoder().decode(encodePlan([["exec", "1", ""]]));

  deepStrictEqual(text.split("\0"), ["wherry-plan", "1", "exec", "2", "1", "", ""]);
});

Deno.test("encodePlan() refuses an argument that C would take for two", () => {
  throws(() => encodePlan([["chdir", "/a\0/b"]]), TypeError);
});

Deno.test("wherry-monitor knows exactly the words and numbers of arguments of STEP_ARGUMENTS", () => {
  const program = new URL("../../../native/build/wherry-monitor", import.meta.url).pathname;
  const { stdout } = new Deno.Command(program, { args: ["--list-steps"] }).outputSync();

  const ours = Object.entries(STEP_ARGUMENTS)
    .map(([word, [least, most]]) => `${word} ${least} ${most ?? "-"}`);
  const theirs = new TextDecoder().decode(stdout).trim().split("\n");
  deepStrictEqual(theirs.sort(), ours.sort());
});
