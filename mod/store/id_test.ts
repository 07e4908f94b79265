import { match, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../errors.ts";
import { findByPrefix, newId, shortId } from "./id.ts";

Deno.test("newId() is 64 hexadecimal digits, not all decimal in the short form", () => {
  const id = newId();

  match(id, /^[0-9a-f]{64}$/);
  match(shortId(id), /[a-f]/);
});

Deno.test("findByPrefix() finds the only id that starts so", () => {
  strictEqual(findByPrefix(["abc1", "abd2"], "abc"), "abc1");
});

Deno.test("findByPrefix() finds nothing when none starts so", () => {
  strictEqual(findByPrefix(["abc1"], "b"), undefined);
});

Deno.test("findByPrefix() refuses to guess when several start so", () => {
  throws(
    () => findByPrefix(["abc1", "abd2"], "ab"),
    (error: unknown) =>
      error instanceof WherryError && error.kind === "invalid_argument" &&
      error.message === 'Cannot find container "ab": Multiple IDs found with provided prefix',
  );
});
