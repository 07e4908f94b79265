import { strictEqual } from "node:assert/strict";
import { quoteText } from "./go_quote.ts";

Deno.test("quoteText() escapes what is not printable", () => {
  strictEqual(
    quoteText('a"\\\u0007\u001b\u200b\u{e0001}日'),
    '"a\\"\\\\\\a\\x1b\\u200b\\U000e0001日"',
  );
});

Deno.test("quoteText() escapes all that is not ASCII when asked to", () => {
  strictEqual(quoteText("é…a", { isAscii: true }), '"\\u00e9\\u2026a"');
});
