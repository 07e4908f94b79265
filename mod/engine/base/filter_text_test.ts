import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { parseLabelFilter, splitFilter } from "./filter_text.ts";

Deno.test("splitFilter() takes the first equals sign and no blanks", () => {
  deepStrictEqual(splitFilter(" Label = a=b "), ["label", "a=b"]);
});

Deno.test("splitFilter() refuses text without a name", () => {
  for (const text of ["label", "=value", ""]) {
    throws(
      () => splitFilter(text),
      new WherryError("invalid_argument", `Cannot filter by "${text}": it is not name=value`, {
        exitCode: 125,
      }),
    );
  }
});

Deno.test("parseLabelFilter() compares the value only if there is one", () => {
  const labels = { stage: "live", empty: "" };

  strictEqual(parseLabelFilter("stage")(labels), true);
  strictEqual(parseLabelFilter("stage=live")(labels), true);
  strictEqual(parseLabelFilter("stage=")(labels), false);
  strictEqual(parseLabelFilter("empty=")(labels), true);
  strictEqual(parseLabelFilter("toString")(labels), false);
});
