import { strictEqual } from "node:assert/strict";
import { RenameStorm } from "../../tests/fakes/rename_storm.ts";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { findInRoot, openForReading } from "./open.ts";

Deno.test("findInRoot() follows .. while others rename files", async () => {
  using directory = new TemporaryDirectory();
  await using _storm = await RenameStorm.begin(directory.path);
  Deno.mkdirSync(directory.join("inner"));
  Deno.writeTextFileSync(directory.join("file"), "");
  using root = openForReading(directory.path);

  let found = 0;
  for (let count = 0; count < 5000; count++) {
    using file = findInRoot(root, "inner/../file");
    if (file !== undefined) found++;
  }

  strictEqual(found, 5000);
});
