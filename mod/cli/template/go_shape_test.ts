import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { formatValue } from "./go_format.ts";
import { formatGoJson } from "./go_json.ts";
import {
  ANY,
  arrayOf,
  BOOL,
  embedded,
  type GoShape,
  INT,
  keyed,
  listOf,
  mapOf,
  own,
  pointerTo,
  STRING,
  stringerOf,
  structOf,
} from "./go_shape.ts";
import { GoStruct } from "./go_value.ts";

const INNER = structOf("Inner", { Size: INT });
const OUTER = structOf("Outer", {
  ID: keyed("Id", STRING),
  Inner: embedded(pointerTo(INNER)),
  Names: listOf(STRING),
  Extra: own("Extra", INT),
});

const READ: [shape: GoShape, json: unknown, text: string][] = [
  [STRING, "a", "a"],
  [STRING, null, ""],
  [BOOL, undefined, "false"],
  [INT, "not a number", "0"],
  [ANY, { a: 1 }, "map[a:1]"],
  [listOf(STRING), null, "[]"],
  [listOf(INT), [1, 2], "[1 2]"],
  [arrayOf(INT, 2), undefined, "[0 0]"],
  [mapOf(STRING), null, "map[]"],
  [mapOf(structOf("struct {}", {})), { "80/tcp": {} }, "map[80/tcp:{}]"],
  [pointerTo(INT), null, "<nil>"],
  [pointerTo(INT), 0, "0"],
  [stringerOf("T", 0, (json) => `<${json}>`), 5, "<5>"],
  [stringerOf("T", 0, (json) => `<${json}>`), null, "<0>"],
  [OUTER, { Id: "x", Size: 3, Names: ["a"], Extra: 9 }, "{x &{3} [a]}"],
  [OUTER, undefined, "{ <nil> []}"],
];

for (const [shape, json, text] of READ) {
  Deno.test(`${shape.typeName} reads ${JSON.stringify(json)} as ${text}`, () => {
    strictEqual(formatValue(shape.read(json)), text);
  });
}

Deno.test("structOf() finds fields by Go's names, of embedded structs, and of its own", () => {
  const value = OUTER.read({ Id: "x", Size: 3, Extra: 9 });

  deepStrictEqual(
    ["ID", "Size", "Extra", "Id"].map((name) =>
      value instanceof GoStruct ? value.get(name) : undefined
    ),
    ["x", 3, 9, undefined],
  );
});

Deno.test("formatGoJson() gives the JSON that a struct was read from", () => {
  const json = { Id: "x", Names: null, Unknown: [1, "<"] };

  strictEqual(formatGoJson(OUTER.read(json)), '{"Id":"x","Names":null,"Unknown":[1,"<"]}');
});
