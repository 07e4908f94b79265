import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { Output } from "./output.ts";
import { writeOutput } from "./output_file.ts";

const encoder = new TextEncoder();
const OUTPUT = new Output();

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const text of texts) yield await Promise.resolve(encoder.encode(text));
}

async function* failing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield await Promise.resolve(encoder.encode("start"));
  throw new Error("Cannot go on");
}

const names = (path: string): string[] => Array.from(Deno.readDirSync(path), ({ name }) => name);

Deno.test("writeOutput() makes a file of all chunks", async () => {
  using directory = new TemporaryDirectory();

  await writeOutput(OUTPUT, directory.join("file"), chunks("a", "b", "c"));

  strictEqual(Deno.readTextFileSync(directory.join("file")), "abc");
  deepStrictEqual(names(directory.path), ["file"]);
});

Deno.test("writeOutput() replaces a file as a whole", async () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "something longer");

  await writeOutput(OUTPUT, directory.join("file"), chunks("new"));

  strictEqual(Deno.readTextFileSync(directory.join("file")), "new");
  deepStrictEqual(names(directory.path), ["file"]);
});

Deno.test("writeOutput() leaves the old file alone when it fails", async () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "old");

  await rejects(writeOutput(OUTPUT, directory.join("file"), failing()), /^Error: Cannot go on$/);

  strictEqual(Deno.readTextFileSync(directory.join("file")), "old");
  deepStrictEqual(names(directory.path), ["file"]);
});

Deno.test("writeOutput() refuses a directory", async () => {
  using directory = new TemporaryDirectory();

  await rejects(writeOutput(OUTPUT, directory.path, chunks("a")), {
    kind: "invalid_argument",
    message: `Cannot write "${directory.path}": it is a directory`,
  });
});

const NOWHERE: [path: string, problem: string][] = [
  ["/nowhere/file", 'there is no directory "/nowhere"'],
  ["/dev/null/file", 'there is only a file "/dev/null"'],
  ["/dev/null/a/file", 'no directory can be "/dev/null/a"'],
];
for (const [path, problem] of NOWHERE) {
  Deno.test(`writeOutput() says of ${path} that ${problem}`, async () => {
    await rejects(writeOutput(OUTPUT, path, chunks("a")), {
      kind: "not_found",
      message: `Cannot write "${path}": ${problem}`,
    });
  });
}

Deno.test("writeOutput() writes to what is no file", async () => {
  await writeOutput(OUTPUT, "/dev/null", chunks("a"));

  strictEqual(Deno.statSync("/dev/null").isCharDevice, true);
});

Deno.test("writeOutput() writes to the file that a link leads to", async () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "something longer");
  Deno.symlinkSync("file", directory.join("link"));

  await writeOutput(OUTPUT, directory.join("link"), chunks("new"));

  strictEqual(Deno.readTextFileSync(directory.join("file")), "new");
  strictEqual(Deno.readLinkSync(directory.join("link")), "file");
});

Deno.test("writeOutput() says that the disk is full", async () => {
  await rejects(writeOutput(OUTPUT, "/dev/full", chunks("a")), {
    kind: "unavailable",
    message: 'Cannot write "/dev/full": no space left on device',
    hint: undefined,
  });
});
