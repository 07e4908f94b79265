import { deepStrictEqual, throws } from "node:assert/strict";
import { parseDetachKeys } from "./detach_keys.ts";

Deno.test("parseDetachKeys() gives ctrl-p ctrl-q when nothing is asked for", () => {
  deepStrictEqual([parseDetachKeys(undefined), parseDetachKeys("")], [[16, 17], [16, 17]]);
});

Deno.test("parseDetachKeys() reads characters and control keys", () => {
  deepStrictEqual(parseDetachKeys("ctrl-p,ctrl-q"), [16, 17]);
  deepStrictEqual(parseDetachKeys("ctrl-a,d"), [1, 100]);
  deepStrictEqual(parseDetachKeys("a,b"), [97, 98]);
  deepStrictEqual(parseDetachKeys("DEL"), [127]);
  deepStrictEqual(
    parseDetachKeys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"),
    [0, 27, 28, 29, 30, 31],
  );
});

Deno.test("parseDetachKeys() names the key that it does not know", () => {
  for (const key of ["ctrl-", "ctrl-A", "ctrl-1", "ctrl-aa", "foo", "", "ü", "del"]) {
    throws(() => parseDetachKeys(`a,${key}`), {
      name: "WherryError",
      kind: "invalid_argument",
      message: `Cannot use the detach keys "a,${key}": there is no key "${key}"`,
    });
  }
});

Deno.test("parseDetachKeys() refuses more keys than the monitor keeps", () => {
  deepStrictEqual(parseDetachKeys(Array(16).fill("a").join(",")).length, 16);
  throws(() => parseDetachKeys(Array(17).fill("a").join(",")), { kind: "invalid_argument" });
});
