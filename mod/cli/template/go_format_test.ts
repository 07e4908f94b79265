import { strictEqual } from "node:assert/strict";
import { formatValue, sprint, sprintf } from "./go_format.ts";
import {
  GoFloat,
  GoJsonNumber,
  GoMap,
  GoPointer,
  GoStringer,
  GoStruct,
  goValueOf,
} from "./go_value.ts";

const VALUES: [value: unknown, text: string][] = [
  [null, "<nil>"],
  [true, "true"],
  [104857600, "104857600"],
  [new GoFloat(0.00001), "1e-05"],
  [new GoFloat(1e6), "1e+06"],
  [new GoFloat(123456.5), "123456.5"],
  [new GoFloat(1.5), "1.5"],
  [new GoJsonNumber("42"), "42"],
  [new GoStringer("time.Duration", { text: "1s", json: 1e9 }), "1s"],
  [["a", 1, null], "[a 1 <nil>]"],
  [{ b: { c: [] }, a: 1 }, "map[a:1 b:map[c:[]]]"],
  [{ method: (): number => 1, a: 1 }, "map[a:1]"],
];

for (const [value, text] of VALUES) {
  Deno.test(`formatValue() gives ${text}`, () => {
    strictEqual(formatValue(goValueOf(value)), text);
  });
}

Deno.test("formatValue() ends when a map contains itself", () => {
  const entries = new Map<string, unknown>();
  const loop = new GoMap({ typeName: "map[string]interface {}", zero: undefined }, entries);
  entries.set("a", loop);

  strictEqual(formatValue(loop).includes("..."), true);
});

const STATE = new GoStruct("State", new Map<string, unknown>([["Status", "up"], ["Pid", 1]]));

Deno.test("formatValue() gives the fields of a struct, and shows a pointer to it as one", () => {
  strictEqual(formatValue(STATE), "{up 1}");
  strictEqual(formatValue(new GoPointer("*State", STATE)), "&{up 1}");
  strictEqual(formatValue(new GoPointer("*State", undefined)), "<nil>");
});

Deno.test("sprintf() names the fields of a struct for %+v", () => {
  strictEqual(sprintf("%+v", [STATE]), "{Status:up Pid:1}");
});

const FORMATTED: [format: string, operands: unknown[], text: string][] = [
  ["%5s|%-5s|%05d|%+d|%6.2f|%x", ["a", "b", 42, 7, 3.14159, 255], "    a|b    |00042|+7|  3.14|ff"],
  ["%05d|%x|%#x|%#o|%O|% d", [-42, -255, 255, 8, 8, 5], "-0042|-ff|0xff|010|0o10| 5"],
  [
    "%08.3f %+.1e %g %.3g",
    [3.14159, 12345.678, 0.000001, 1234.5],
    "0003.142 +1.2e+04 1e-06 1.23e+03",
  ],
  ["%q %q %v %s", ["a\n", ["x"], [1], [["y"]]], '"a\\n" ["x"] [1] [[y]]'],
  ["%d %s %d", ["a", 1], "%!d(string=a) %!s(int=1) %!d(MISSING)"],
  ["x", [1, null], "x%!(EXTRA int=1, <nil>)"],
  ["%z %!", [1], "%!z(int=1) %!!(MISSING)"],
  ["%", [], "%!(NOVERB)"],
  ["%[2]d %[1]d", [1, 2], "2 1"],
  ["%[5]d", [1], "%!d(BADINDEX)"],
  ["%*d|%.*f", [5, 1, 1, 2.55], "    1|2.5"],
  ["%99999999d", [1], "%!(NOVERB)%!(EXTRA int=1)"],
  ["%*d", [99999999, 1], "%!(BADWIDTH)1"],
  ["%c %U %t %T %%", [0x65e5, 0x65e5, true, null], "日 U+65E5 true <nil> %"],
  ["%5t|%-7v|%.2s|%6s", [true, [1], "日本語", "日本"], " true|[1      ]|日本|    日本"],
  ["%05s|%.5d|%6.3v|%#x", ["ab", 42, 3.14159, "hi"], "000ab|00042|  3.14|0x6869"],
  ["%#v %+v %x %X", ["a", 1, "hi", "hi"], '"a" 1 6869 6869'],
];

for (const [format, operands, text] of FORMATTED) {
  Deno.test(`sprintf() gives ${text}`, () => {
    strictEqual(sprintf(format, operands.map((operand) => goValueOf(operand))), text);
  });
}

Deno.test("sprint() puts spaces only between operands that are both no strings", () => {
  strictEqual(sprint([1, 2, "a", "b", 3, null]), "1 2ab3 <nil>");
});
