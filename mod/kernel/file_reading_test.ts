import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { AT_FDCWD, closeDescriptor, openDirectoryAt } from "./file.ts";
import {
  findAttribute,
  findDirectoryBeneath,
  findLocationAt,
  listAttributes,
  listDirectory,
  openLocation,
  readLink,
  readSome,
  readStatus,
} from "./file_reading.ts";

const decoder = new TextDecoder();

/** Descriptors that are closed at the end of a test. */
class Opened implements Disposable {
  readonly #open: number[] = [];

  take(fd: number | undefined | string): number {
    if (typeof fd !== "number") throw new Error(`Cannot use a descriptor: ${fd}`);
    this.#open.push(fd);
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open) closeDescriptor(fd);
  }
}

Deno.test("listDirectory() gives every name of a large directory", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  const names = Array.from({ length: 3000 }, (_, index) => `${index}-${"n".repeat(50)}`);
  for (const name of names) Deno.writeTextFileSync(directory.join(name), "");

  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));
  const listed = listDirectory(opened.take(findDirectoryBeneath(root, ".")));

  deepStrictEqual(listed.map((name) => decoder.decode(name)).sort(), names.sort());
});

Deno.test("listDirectory() gives names that begin with dots", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  for (const name of [".a", "..a", "..."]) Deno.writeTextFileSync(directory.join(name), "");

  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));
  const listed = listDirectory(opened.take(findDirectoryBeneath(root, ".")));

  deepStrictEqual(listed.map((name) => decoder.decode(name)).sort(), ["...", "..a", ".a"]);
});

Deno.test("listDirectory() gives nothing of a directory that has been removed", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  Deno.mkdirSync(directory.join("gone"));
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));
  const gone = opened.take(findDirectoryBeneath(root, "gone"));

  Deno.removeSync(directory.join("gone"));

  deepStrictEqual(listDirectory(gone), []);
});

const WHAT_THERE_IS: [path: string, found: string][] = [
  ["directory", "directory"],
  ["directory/inner", "directory"],
  ["missing", "missing"],
  ["file", "other"],
  ["file/below", "other"],
  ["link", "other"],
  ["link/inner", "other"],
];
for (const [path, found] of WHAT_THERE_IS) {
  Deno.test(`findDirectoryBeneath() finds "${path}" to be ${found}`, () => {
    using directory = new TemporaryDirectory();
    using opened = new Opened();
    Deno.mkdirSync(directory.join("directory/inner"), { recursive: true });
    Deno.writeTextFileSync(directory.join("file"), "");
    Deno.symlinkSync("directory", directory.join("link"));
    const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));

    const result = findDirectoryBeneath(root, path);

    strictEqual(typeof result === "number" ? "directory" : result, found);
    if (typeof result === "number") closeDescriptor(result);
  });
}

Deno.test("findDirectoryBeneath() never leads out", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));

  for (const path of ["..", "/etc", "a/../.."]) {
    Deno.mkdirSync(directory.join("a"), { recursive: true });
    throws(() => findDirectoryBeneath(root, path), { name: "SystemError", code: "EXDEV" });
  }
});

Deno.test("readStatus() tells what lstat tells, of a link itself", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  Deno.writeTextFileSync(directory.join("file"), "12345");
  Deno.linkSync(directory.join("file"), directory.join("other"));
  Deno.chmodSync(directory.join("file"), 0o4711);
  Deno.utimeSync(directory.join("file"), 1, 1.5);
  Deno.symlinkSync("nowhere", directory.join("link"));
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));
  const [file, other, link] = ["file", "other", "link"].map((name) =>
    readStatus(opened.take(findLocationAt(root, name)))
  );

  deepStrictEqual(
    [file?.type, file?.mode, file?.size, file?.linkCount, file?.modifiedAt],
    ["file", 0o4711, 5, 2, { seconds: 1n, nanoseconds: 500_000_000n }],
  );
  strictEqual(file?.identity, other?.identity);
  deepStrictEqual([link?.type, link?.linkCount], ["symlink", 1]);
});

Deno.test("findLocationAt() finds nothing where there is nothing", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));

  strictEqual(findLocationAt(root, "missing"), undefined);
});

Deno.test("readLink() keeps the bytes of a link", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  const target = "é/".repeat(1000);
  Deno.symlinkSync(target, directory.join("link"));
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));

  strictEqual(decoder.decode(readLink(opened.take(findLocationAt(root, "link")))), target);
});

Deno.test("openLocation() reads the file that was found, whatever has its name by now", () => {
  using directory = new TemporaryDirectory();
  using opened = new Opened();
  Deno.writeTextFileSync(directory.join("file"), "first");
  const root = opened.take(openDirectoryAt(AT_FDCWD, directory.path));
  const location = opened.take(findLocationAt(root, "file"));
  Deno.removeSync(directory.join("file"));
  Deno.writeTextFileSync(directory.join("file"), "other");
  const buffer = new Uint8Array(10);

  const fd = opened.take(openLocation(location));

  strictEqual(decoder.decode(buffer.subarray(0, readSome(fd, buffer))), "first");
  strictEqual(readSome(fd, buffer), 0);
});

Deno.test("listAttributes() gives nothing where nothing is kept", () => {
  using opened = new Opened();
  const root = opened.take(openDirectoryAt(AT_FDCWD, "/proc"));

  deepStrictEqual(listAttributes(root), []);
  strictEqual(findAttribute(root, "user.note"), undefined);
});
