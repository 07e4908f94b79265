import { deepStrictEqual, throws } from "node:assert/strict";
import { parseCsvLine } from "./csv.ts";

const good: [text: string, fields: string[]][] = [
  ["", [""]],
  ["a", ["a"]],
  ["a,b=c", ["a", "b=c"]],
  ["a,,b,", ["a", "", "b", ""]],
  [" a , b", [" a ", " b"]],
  ['"a,b",c', ["a,b", "c"]],
  ['"a""b"', ['a"b']],
  ['"",""', ["", ""]],
  ['""""', ['"']],
  ['a,"volume-opt=o=addr=1,rw"', ["a", "volume-opt=o=addr=1,rw"]],
  ['"a\nb",c', ["a\nb", "c"]],
];
for (const [text, fields] of good) {
  Deno.test(`parseCsvLine() reads ${JSON.stringify(text)}`, () => {
    deepStrictEqual(parseCsvLine(text), fields);
  });
}

const bad: [text: string, message: string][] = [
  ['a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'],
  ['é,a"b', 'parse error on line 1, column 5: bare " in non-quoted-field'],
  ['"a"b', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
  ['"a', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
  ["a\nb", "there is more than one line"],
  ["a\n", "there is more than one line"],
];
for (const [text, message] of bad) {
  Deno.test(`parseCsvLine() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parseCsvLine(text), { kind: "invalid_argument", message });
  });
}
