import { strictEqual } from "node:assert/strict";
import { formatJson } from "./json.ts";

Deno.test("formatJson() escapes what a terminal could obey, and stays JSON", () => {
  const hostile = { a: "\x1b[2J\x7f\x9b2J\u202e\u2028é" };

  const json = formatJson(hostile, { indentation: 0 });

  strictEqual(json, '{"a":"\\u001b[2J\\u007f\\u009b2J\\u202e\\u2028é"}');
  strictEqual(JSON.parse(json).a, hostile.a);
});
