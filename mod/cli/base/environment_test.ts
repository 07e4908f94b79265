import { deepStrictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { WherryError } from "../../errors.ts";
import { readEnvironment } from "./environment.ts";

Deno.test("readEnvironment() keeps values exactly, with = and spaces in them", () => {
  deepStrictEqual(readEnvironment([], ["A=b=c d", "E="]), ["A=b=c d", "E="]);
});

Deno.test("readEnvironment() passes a variable of the caller on by name", () => {
  Deno.env.set("ENVIRONMENT_TEST", "mine");

  deepStrictEqual(readEnvironment([], ["ENVIRONMENT_TEST", "ENVIRONMENT_TEST_UNSET"]), [
    "ENVIRONMENT_TEST=mine",
  ]);
});

Deno.test("readEnvironment() passes on a variable that the launcher keeps from the runtime", () => {
  Deno.env.set("WHERRY_CALLER_NODE_OPTIONS", "--inspect");

  deepStrictEqual(readEnvironment([], ["NODE_OPTIONS"]), ["NODE_OPTIONS=--inspect"]);
});

Deno.test("readEnvironment() reads files before entries, without comments and empty lines", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("variables");
  Deno.writeTextFileSync(path, '\uFEFF# comment\n\n  A=1\r\nB="quoted" # kept\n');

  deepStrictEqual(readEnvironment([path], ["C=3"]), ["A=1", 'B="quoted" # kept', "C=3"]);
});

for (const entry of ["", "=x", "A B=c", "A\tB"]) {
  Deno.test(`readEnvironment() refuses ${JSON.stringify(entry)} and names it`, () => {
    throws(
      () => readEnvironment([], [entry]),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message === `Cannot set the variable "${entry}": its name is not valid`,
    );
  });
}

Deno.test("readEnvironment() names a file that is missing", () => {
  throws(
    () => readEnvironment(["/nonexistent"], []),
    (error: unknown) => error instanceof WherryError && error.kind === "not_found",
  );
});
