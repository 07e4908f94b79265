import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type HealthcheckConfig, parseHealthInstruction } from "./health_instruction.ts";

function parseList(text: string): string[] | undefined {
  return text.startsWith("[") ? JSON.parse(text) : undefined;
}

const cases: [text: string, check: HealthcheckConfig][] = [
  ["NONE", { "Test": ["NONE"] }],
  ["CMD curl -f /", { "Test": ["CMD-SHELL", "curl -f /"] }],
  ['cmd ["curl", "/"]', { "Test": ["CMD", "curl", "/"] }],
  ["--interval=1m30s --timeout=1.5s --retries=4 CMD true", {
    "Test": ["CMD-SHELL", "true"],
    "Interval": 90_000_000_000,
    "Timeout": 1_500_000_000,
    "Retries": 4,
  }],
  ["--start-period=0 --start-interval=1ms CMD true", {
    "Test": ["CMD-SHELL", "true"],
    "StartPeriod": 0,
    "StartInterval": 1_000_000,
  }],
];
for (const [text, check] of cases) {
  Deno.test(`parseHealthInstruction() takes ${text}`, () => {
    deepStrictEqual(parseHealthInstruction(text, parseList), check);
  });
}

const refused = [
  "",
  "CMD",
  "true",
  "--interval=1 CMD true",
  "--interval=1us CMD true",
  "--x=1s CMD x",
];
for (
  const text of [...refused, "--retries=x CMD true", "--interval=1s", "--constructor=1s CMD true"]
) {
  Deno.test(`parseHealthInstruction() refuses "${text}"`, () => {
    strictEqual(parseHealthInstruction(text, parseList), undefined);
  });
}
