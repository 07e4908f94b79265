import { strictEqual } from "node:assert/strict";
import { displayWidth, escapeControls } from "./terminal_text.ts";

const ESCAPED: [text: string, safe: string][] = [
  ["plain", "plain"],
  ["\u001b[31mred", "\\x1b[31mred"],
  ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
  ["\u0000\u007f", "\\x00\\x7f"],
  ["\u009b31m", "\\u009b31m"],
  ["\u202eexe", "\\u202eexe"],
  ["日本 é 👍", "日本 é 👍"],
];

for (const [text, safe] of ESCAPED) {
  Deno.test(`escapeControls() gives ${safe}`, () => {
    strictEqual(escapeControls(text), safe);
  });
}

Deno.test("escapeControls() keeps the characters it is told to keep", () => {
  strictEqual(escapeControls("a\tb\n", "\t"), "a\tb\\n");
});

const WIDTHS: [text: string, width: number][] = [
  ["", 0],
  ["abc", 3],
  ["é", 1],
  ["e\u0301", 1],
  ["日本", 4],
  ["👍", 2],
  ["ﬁ", 1],
  ["한글", 4],
  ["…", 1],
];

for (const [text, width] of WIDTHS) {
  Deno.test(`displayWidth() counts ${width} columns for "${text}"`, () => {
    strictEqual(displayWidth(text), width);
  });
}
