import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { needs } from "../../tests/needs.ts";
import { attributeNames, isEmptyDirectory } from "./directory.ts";
import { setAttributeAt } from "./file.ts";
import { openForReading } from "./open.ts";

Deno.test("isEmptyDirectory() is true where there are no names", () => {
  using directory = new TemporaryDirectory();

  strictEqual(isEmptyDirectory(directory.path), true);
});

Deno.test("isEmptyDirectory() is false for names of any length, and those that begin with dots", () => {
  for (const name of ["a", "x".repeat(255), ".a", "..a", "..."]) {
    using directory = new TemporaryDirectory();
    Deno.writeTextFileSync(directory.join(name), "");

    strictEqual(isEmptyDirectory(directory.path), false, name);
  }
});

Deno.test("isEmptyDirectory() refuses what is missing or no directory", () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "");

  throws(() => isEmptyDirectory(directory.join("missing")), { code: "ENOENT" });
  throws(() => isEmptyDirectory(directory.join("file")), { code: "ENOTDIR" });
});

Deno.test(
  "attributeNames() lists what a file has",
  { ignore: !needs("root") },
  () => {
    using directory = new TemporaryDirectory();
    for (const name of ["some", "none"]) Deno.mkdirSync(directory.join(name));
    using parent = openForReading(directory.path);
    for (const name of ["trusted.a", "user.b"]) {
      setAttributeAt(parent.number, "some", name, new Uint8Array([1]));
    }

    deepStrictEqual(attributeNames(directory.join("some")).toSorted(), ["trusted.a", "user.b"]);
    deepStrictEqual(attributeNames(directory.join("none")), []);
  },
);
