import { strictEqual } from "node:assert/strict";
import { formatTable } from "./table.ts";

Deno.test("formatTable() aligns columns with docker's gap and narrowest width", () => {
  const table = formatTable([
    ["CONTAINER ID", "NAMES", "SIZE"],
    ["aaaaaaaaaaaa", "web", "0B"],
  ]);

  strictEqual(table, "CONTAINER ID   NAMES     SIZE\naaaaaaaaaaaa   web       0B\n");
});

Deno.test("formatTable() does not pad the last cell", () => {
  strictEqual(
    formatTable([["A", "LONG HEADER"], ["1", "2"]]),
    "A         LONG HEADER\n1         2\n",
  );
});

Deno.test("formatTable() counts a wide character as two columns", () => {
  strictEqual(
    formatTable([["日本語日本", "x"], ["abc", "y"]]),
    "日本語日本   x\nabc          y\n",
  );
});

Deno.test("formatTable() makes a column as wide as its neighbours above and below need", () => {
  const table = formatTable([["a long cell", "x"], ["b", "y"], ["no cells"], ["c", "z"]]);

  strictEqual(table, "a long cell   x\nb             y\nno cells\nc         z\n");
});

Deno.test("formatTable() escapes control characters in cells", () => {
  strictEqual(formatTable([["\u001b[2Jx\n", "y"]]), "\\x1b[2Jx\\n   y\n");
});

Deno.test("formatTable() gives nothing for no rows", () => {
  strictEqual(formatTable([]), "");
});

Deno.test("formatTable() accepts rows of different lengths", () => {
  strictEqual(formatTable([["A", "B", "C"], ["1"]]), "A         B         C\n1\n");
});
