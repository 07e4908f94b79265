import { strictEqual } from "node:assert/strict";
import { parseNumberLiteral, unquote } from "./template_literals.ts";

const STRINGS: [literal: string, text: string | undefined][] = [
  ['"a\\tb"', "a\tb"],
  ["`a\\tb`", "a\\tb"],
  ['"\\x41\\u00e9\\101\\U0001f600"', "AéA😀"],
  ['"\\\\n"', "\\n"],
  ['"\\z"', undefined],
  ['"\\x4"', undefined],
  ['"\\U00110000"', undefined],
];

for (const [literal, text] of STRINGS) {
  Deno.test(`unquote() ${text === undefined ? "refuses" : "reads"} ${literal}`, () => {
    strictEqual(unquote(literal), text);
  });
}

const NUMBERS: [literal: string, value: number | string][] = [
  ["10", 10],
  ["-5", -5],
  ["0x1F", 31],
  ["0b11", 3],
  ["017", 15],
  ["0o17", 15],
  ["1_000", 1000],
  ["1.5e3", 1500],
  [".5", 0.5],
  ["'a'", 97],
  ["'\\n'", 10],
  ["''", "malformed character constant: ''"],
  ["'ab'", "malformed character constant: 'ab'"],
  ["1x", 'illegal number syntax: "1x"'],
  ["0b2", 'illegal number syntax: "0b2"'],
  ["99999999999999999999", 'integer overflow: "99999999999999999999"'],
];

for (const [literal, value] of NUMBERS) {
  Deno.test(`parseNumberLiteral() gives ${value} for ${literal}`, () => {
    strictEqual(parseNumberLiteral(literal), value);
  });
}
