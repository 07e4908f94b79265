import { strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { treeBytes } from "./tree_size.ts";

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  strictEqual(success, true, new TextDecoder().decode(stderr));
}

Deno.test("treeBytes() adds up the files of a tree", () => {
  using top = new TemporaryDirectory();
  const directory = top.path;
  Deno.mkdirSync(`${directory}/below`);
  Deno.writeTextFileSync(`${directory}/a`, "12345");
  Deno.writeTextFileSync(`${directory}/below/b`, "123");

  strictEqual(treeBytes(directory), 8);
});

Deno.test("treeBytes() counts a hard link once, and of a symbolic link no more than its text", () => {
  using top = new TemporaryDirectory();
  const directory = top.path;
  Deno.writeTextFileSync(`${directory}/a`, "12345");
  Deno.linkSync(`${directory}/a`, `${directory}/b`);
  Deno.symlinkSync("/", `${directory}/root`);

  strictEqual(treeBytes(directory), 6);
});

Deno.test("treeBytes() counts nothing of what is mounted in a tree, which may be a mount itself", () => {
  using top = new TemporaryDirectory();
  using other = new TemporaryDirectory();
  Deno.mkdirSync(top.join("below/mounted"), { recursive: true });
  Deno.writeTextFileSync(top.join("below/a"), "12345");
  Deno.writeTextFileSync(other.join("b"), "123");
  run("mount", "--bind", other.path, top.join("below/mounted"));
  try {
    strictEqual(treeBytes(top.path), 5);
    strictEqual(treeBytes(top.join("below/mounted")), 3);
  } finally {
    run("umount", top.join("below/mounted"));
  }
});

Deno.test("treeBytes() is 0 where there is nothing", () => {
  using top = new TemporaryDirectory();

  strictEqual(treeBytes(top.join("missing")), 0);
});

Deno.test("treeBytes() counts what lies deep, down to 512 levels", () => {
  using top = new TemporaryDirectory();
  const directory = top.path;
  const below = (depth: number): string => `${directory}/${"d/".repeat(depth)}`;
  Deno.mkdirSync(below(513), { recursive: true });
  Deno.writeTextFileSync(`${below(512)}counted`, "12345");
  Deno.writeTextFileSync(`${below(513)}too_deep`, "123");

  strictEqual(treeBytes(directory), 5);
});
