import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { SystemError } from "../../ffi/errno.ts";
import { removeTree } from "./tree.ts";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false; // the only failure that a path of the test itself can have is that it is missing
  }
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  strictEqual(success, true, new TextDecoder().decode(stderr));
}

Deno.test("removeTree() removes files, links, FIFOs and nested directories", () => {
  const top = Deno.makeTempDirSync();
  run(
    "sh",
    "-c",
    `cd ${top} && mkdir -p a/b/c a/d && touch a/f a/b/c/g && ln -s / a/l && mkfifo a/p`,
  );

  removeTree(top);

  strictEqual(exists(top), false);
});

Deno.test("removeTree() takes a missing path for removed", () => {
  removeTree("/nonexistent/tree");
});

Deno.test("removeTree() never follows a link", () => {
  using outsider = new TemporaryDirectory();
  const outside = outsider.path;
  Deno.writeTextFileSync(`${outside}/canary`, "alive");
  const top = Deno.makeTempDirSync();
  Deno.symlinkSync(outside, `${top}/link`);

  removeTree(top);
  removeTree(`${outside}/nothing`);

  strictEqual(Deno.readTextFileSync(`${outside}/canary`), "alive");
});

Deno.test("removeTree() removes a tree deeper than any path, with names in its way", () => {
  const top = Deno.makeTempDirSync();
  run(
    "perl",
    "-e",
    'chdir $ARGV[0]; mkdir "~$_" for 0..9; for (1..30000) { mkdir "d"; chdir "d"; mkdir "e"; }',
    top,
  );

  removeTree(top);

  strictEqual(exists(top), false);
});

Deno.test("removeTree() removes names that are not UTF-8, and a thousand entries", () => {
  const top = Deno.makeTempDirSync();
  run(
    "perl",
    "-e",
    'chdir $ARGV[0]; for (1..1000) { mkdir "\\xff$_"; mkdir "\\xff$_/\\xfe"; }',
    top,
  );

  removeTree(top);

  strictEqual(exists(top), false);
});

Deno.test("removeTree() refuses to go into a mount point", () => {
  const top = Deno.makeTempDirSync();
  using outsider = new TemporaryDirectory();
  const outside = outsider.path;
  Deno.writeTextFileSync(`${outside}/canary`, "alive");
  Deno.mkdirSync(`${top}/a/mounted`, { recursive: true });
  run("mount", "--bind", outside, `${top}/a/mounted`);
  try {
    throws(
      () => removeTree(top),
      (error: unknown) => error instanceof SystemError && error.code === "EBUSY",
    );
    deepStrictEqual(Deno.readTextFileSync(`${outside}/canary`), "alive");
  } finally {
    run("umount", `${top}/a/mounted`);
  }
  removeTree(top);
});

Deno.test("removeTree() removes a tree that lies on another file system than the root", () => {
  const mountPoint = Deno.makeTempDirSync();
  run("mount", "-t", "tmpfs", "none", mountPoint);
  try {
    Deno.mkdirSync(`${mountPoint}/top/below`, { recursive: true });

    removeTree(`${mountPoint}/top`);

    strictEqual(exists(`${mountPoint}/top`), false);
  } finally {
    run("umount", mountPoint);
    Deno.removeSync(mountPoint);
  }
});
