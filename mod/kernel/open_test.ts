import { strictEqual } from "node:assert/strict";
import { RenameStorm } from "../../tests/fakes/rename_storm.ts";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { deviceNumber, makeNodeAt, NODE_TYPE } from "./file.ts";
import { findInRoot, openDirectory, openForReading } from "./open.ts";

/** A number that no driver has: opening such a device gives ENXIO. */
const NO_DRIVER = deviceNumber(4000, 1);

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

Deno.test("findInRoot() opens no device, which could do something then", () => {
  using directory = new TemporaryDirectory();
  using root = openDirectory(directory.path);
  makeNodeAt(root.number, "device", NODE_TYPE.character | 0o600, NO_DRIVER);

  using device = findInRoot(root, "device");

  strictEqual(Deno.statSync(`/proc/self/fd/${device?.number}`).isCharDevice, true);
});
