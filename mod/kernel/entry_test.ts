import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { isPresent, listNames } from "./entry.ts";

Deno.test("isPresent() sees a link that leads nowhere", () => {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync("nowhere", `${directory}/link`);

    strictEqual(isPresent(`${directory}/link`), true);
    strictEqual(isPresent(`${directory}/nowhere`), false);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("listNames() gives none for a missing directory, and fails for a file", () => {
  const file = Deno.makeTempFileSync();
  try {
    deepStrictEqual(listNames(`${file}.missing`), []);
    throws(() => listNames(file), Deno.errors.NotADirectory);
  } finally {
    Deno.removeSync(file);
  }
});
