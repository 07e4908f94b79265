import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { HOST_FILES, readNumber } from "./host_files.ts";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";

Deno.test("HOST_FILES reads nothing that is missing, or no file", () => {
  strictEqual(HOST_FILES.read("/nowhere/at/all"), undefined);
  strictEqual(HOST_FILES.read("/proc"), undefined);
  strictEqual(HOST_FILES.read("/proc/version/x"), undefined);
  deepStrictEqual(HOST_FILES.list("/nowhere/at/all"), []);
  deepStrictEqual(HOST_FILES.list("/proc/version"), []);
});

Deno.test("HOST_FILES does not wait for a writer of a FIFO", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    await new Deno.Command("mkfifo", { args: [`${directory}/fifo`] }).output();

    strictEqual(HOST_FILES.read(`${directory}/fifo`), undefined);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("readNumber() takes whole numbers alone", () => {
  const files = fakeHostFiles({ "/a": "42\n", "/b": "max\n", "/c": "" });

  deepStrictEqual(["/a", "/b", "/c", "/d"].map((path) => readNumber(files, path)), [
    42,
    undefined,
    undefined,
    undefined,
  ]);
});
