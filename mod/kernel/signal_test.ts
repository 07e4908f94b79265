import { strictEqual } from "node:assert/strict";
import { parseSignal } from "./signal.ts";

const cases: [text: string, number: number | undefined][] = [
  ["TERM", 15],
  ["SIGTERM", 15],
  ["sigterm", 15],
  ["9", 9],
  ["64", 64],
  ["RTMIN", 34],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
  ["RTMIN+31", undefined],
  ["0", undefined],
  ["65", undefined],
  ["", undefined],
  ["FOO", undefined],
];
for (const [text, number] of cases) {
  Deno.test(`parseSignal() of "${text}" is ${number}`, () => {
    strictEqual(parseSignal(text), number);
  });
}
