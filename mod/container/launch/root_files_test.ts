import { strictEqual } from "node:assert/strict";
import { openDirectory } from "../../kernel/open.ts";
import { makeNodeAt, NODE_TYPE } from "../../kernel/file.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { readRootFile } from "./root_files.ts";

function makeNode(directory: string, name: string, type: number, device: number): void {
  using parent = openDirectory(directory);
  makeNodeAt(parent.number, name, type | 0o600, device);
}

Deno.test("readRootFile() takes the topmost layer's file", () => {
  using directory = new TemporaryDirectory();
  for (const layer of ["top", "base"]) {
    Deno.mkdirSync(directory.join(layer));
    Deno.writeTextFileSync(directory.join(`${layer}/passwd`), layer);
  }

  strictEqual(readRootFile([directory.join("top"), directory.join("base")], "passwd"), "top");
});

Deno.test("readRootFile() follows links inside the layer", () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "inside");
  Deno.symlinkSync("/../file", directory.join("passwd"));

  strictEqual(readRootFile([directory.path], "passwd"), "inside");
});

Deno.test("readRootFile() has nothing below a whiteout", () => {
  using directory = new TemporaryDirectory();
  for (const layer of ["top", "base"]) Deno.mkdirSync(directory.join(layer));
  makeNode(directory.join("top"), "passwd", NODE_TYPE.character, 0);
  Deno.writeTextFileSync(directory.join("base/passwd"), "deleted");

  strictEqual(readRootFile([directory.join("top"), directory.join("base")], "passwd"), "");
});

Deno.test("readRootFile() does not wait for a FIFO", () => {
  using directory = new TemporaryDirectory();
  makeNode(directory.path, "passwd", NODE_TYPE.fifo, 0);

  strictEqual(readRootFile([directory.path], "passwd"), "");
});
