import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { UnnamedFile } from "./unnamed_file.ts";

const names = (path: string): string[] => Array.from(Deno.readDirSync(path), ({ name }) => name);

Deno.test("UnnamedFile is gone when it gets no name", () => {
  using directory = new TemporaryDirectory();
  {
    using unnamed = UnnamedFile.open(directory.path);
    unnamed?.file.writeSync(new Uint8Array(100));

    ok(unnamed !== undefined);
    deepStrictEqual(names(directory.path), []);
  }
  deepStrictEqual(names(directory.path), []);
});

Deno.test("linkAs() gives what was written a name that its owner alone can read", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("é");
  {
    using unnamed = UnnamedFile.open(directory.path);
    unnamed?.file.writeSync(new TextEncoder().encode("content"));
    unnamed?.linkAs(path);
  }

  strictEqual(Deno.readTextFileSync(path), "content");
  strictEqual((Deno.statSync(path).mode ?? 0) & 0o7777, 0o600);
});

Deno.test("linkAs() takes no name away", () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "old");
  using unnamed = UnnamedFile.open(directory.path);

  throws(() => unnamed?.linkAs(directory.join("file")), { code: "EEXIST" });
  strictEqual(Deno.readTextFileSync(directory.join("file")), "old");
});

Deno.test("open() complains about a directory that is not there", () => {
  throws(() => UnnamedFile.open("/nowhere/at/all"), { code: "ENOENT" });
});

Deno.test("open() gives nothing where the file system has no such files", () => {
  strictEqual(UnnamedFile.open("/proc"), undefined);
});
