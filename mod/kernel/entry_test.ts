import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { isPresent, listNames } from "./entry.ts";

Deno.test("isPresent() sees a link that leads nowhere", () => {
  using directory = new TemporaryDirectory();
  Deno.symlinkSync("nowhere", directory.join("link"));

  strictEqual(isPresent(directory.join("link")), true);
  strictEqual(isPresent(directory.join("nowhere")), false);
});

Deno.test("listNames() gives none for a missing directory", () => {
  using directory = new TemporaryDirectory();

  deepStrictEqual(listNames(directory.join("missing")), []);
});

Deno.test("listNames() fails for a file", () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "");

  throws(() => listNames(directory.join("file")), Deno.errors.NotADirectory);
});
