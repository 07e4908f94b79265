import { strictEqual } from "node:assert/strict";
import { formatPage } from "./live_screen.ts";

const SIZE = { rows: 5, columns: 10 };

Deno.test("formatPage() clears the screen for the first page alone", () => {
  strictEqual(formatPage(["a"], SIZE, { isFirst: true }), "\x1b[2J\x1b[Ha\x1b[K\n\x1b[J");
  strictEqual(formatPage(["a"], SIZE, { isFirst: false }), "\x1b[Ha\x1b[K\n\x1b[J");
});

Deno.test("formatPage() counts lines that do not fit", () => {
  const page = formatPage(["a", "b", "c", "d", "e"], SIZE, { isFirst: false });

  strictEqual(
    page,
    "\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\n... and 2 more lines\x1b[K\n\x1b[J",
  );
});

Deno.test("formatPage() shows as many lines as there are rows above the cursor", () => {
  const page = formatPage(["a", "b", "c", "d"], SIZE, { isFirst: false });

  strictEqual(page, "\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\nd\x1b[K\n\x1b[J");
});

Deno.test("formatPage() counts the rows of lines that are wider than the screen", () => {
  const page = formatPage(["a".repeat(11), "b", "c", "d"], SIZE, { isFirst: false });

  strictEqual(
    page,
    `\x1b[H${"a".repeat(11)}\x1b[K\nb\x1b[K\n... and 2 more lines\x1b[K\n\x1b[J`,
  );
});

Deno.test("formatPage() leaves out nothing on a terminal that does not say its size", () => {
  const lines = Array.from({ length: 99 }, (_, index) => `${index}`);

  const page = formatPage(lines, { rows: 0, columns: 0 }, { isFirst: false });

  strictEqual(page.split("\n").length, 100);
});
