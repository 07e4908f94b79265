import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { WherryError } from "../errors.ts";
import { readRecord, removeAbandonedFiles, writeRecord } from "./record.ts";

const asIs = (json: unknown): unknown => json;

Deno.test("readRecord() returns what writeRecord() wrote", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("record.json");

  writeRecord(path, { name: "é", list: [1, 2] }, { isDurable: true });

  deepStrictEqual(readRecord(path, asIs), { name: "é", list: [1, 2] });
});

Deno.test("writeRecord() leaves nothing but the record behind", () => {
  using directory = new TemporaryDirectory();

  writeRecord(directory.join("record.json"), 1, { isDurable: false });
  writeRecord(directory.join("record.json"), 2, { isDurable: true });

  deepStrictEqual(Array.from(Deno.readDirSync(directory.path), ({ name }) => name), [
    "record.json",
  ]);
});

Deno.test("writeRecord() leaves no temporary file when it fails", () => {
  using directory = new TemporaryDirectory();
  Deno.mkdirSync(directory.join("record.json/in-the-way"), { recursive: true });

  throws(() => writeRecord(directory.join("record.json"), 1, { isDurable: false }));

  deepStrictEqual(Array.from(Deno.readDirSync(directory.path), ({ name }) => name), [
    "record.json",
  ]);
});

Deno.test("readRecord() finds nothing when there is no file", () => {
  strictEqual(readRecord("/nonexistent/record.json", asIs), undefined);
});

Deno.test("readRecord() takes an empty file, which a power loss leaves, for none", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("record.json");
  Deno.writeTextFileSync(path, "");

  strictEqual(readRecord(path, asIs), undefined);
});

Deno.test("readRecord() throws corrupt and names the file when it is half a record", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("record.json");
  Deno.writeTextFileSync(path, '{"id":"12');

  throws(
    () => readRecord(path, asIs),
    (error: unknown) =>
      error instanceof WherryError && error.kind === "corrupt" && error.message.includes(path),
  );
});

for (
  const [what, make] of [
    ["a link", (path: string) => Deno.symlinkSync("/etc/hostname", path)],
    ["a directory", (path: string) => Deno.mkdirSync(path)],
  ] as const
) {
  Deno.test(`readRecord() throws corrupt when ${what} is in the place of the file`, () => {
    const path = `${Deno.makeTempDirSync()}/record.json`;
    make(path);

    throws(
      () => readRecord(path, asIs),
      (error: unknown) => error instanceof WherryError && error.kind === "corrupt",
    );
  });
}

Deno.test("removeAbandonedFiles() removes what dead processes were replacing, and nothing else", () => {
  using directory = new TemporaryDirectory();
  const names = ["a.json", "a.json.5000000.1.tmp", `a.json.${Deno.pid}.1.tmp`, "b.tmp"];
  for (const name of names) Deno.writeTextFileSync(directory.join(name), "");

  removeAbandonedFiles(directory.path);

  const left = Array.from(Deno.readDirSync(directory.path), ({ name }) => name).toSorted();
  deepStrictEqual(left, names.filter((name) => !name.includes("5000000")).toSorted());
});

Deno.test("removeAbandonedFiles() does nothing in a directory that is missing", () => {
  removeAbandonedFiles("/no/such/directory");
});
