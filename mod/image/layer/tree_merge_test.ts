import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import { textOf } from "../tar/byte_string.ts";
import { mergeTree } from "./tree_merge.ts";

/** Two trees, made by scripts of the shell. */
class Trees implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly from: string;
  readonly to: string;

  constructor({ from, to }: { from: string; to: string }) {
    this.from = this.#make("from", from);
    this.to = this.#make("to", to);
    Deno.mkdirSync(this.replaced);
  }

  get replaced(): string {
    return this.#directory.join("replaced");
  }

  #make(name: string, script: string): string {
    const path = this.#directory.join(name);
    Deno.mkdirSync(path);
    shell(script, path);
    return path;
  }

  merge(...described: readonly string[]): void {
    mergeTree(this.from, this.to, {
      replaced: this.replaced,
      isDescribed: (path) => described.includes(textOf(path)),
    });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function shell(script: string, cwd: string): string {
  const command = new Deno.Command("sh", { args: ["-ec", script], cwd });
  const { success, stdout, stderr } = command.outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

function test(name: string, body: () => void): void {
  Deno.test({ name, ignore: !needs("root"), fn: body });
}

test("mergeTree() moves everything into an empty directory", () => {
  using trees = new Trees({
    from: "mkdir -p a/b; echo 1 >a/b/file; ln a/b/file link; ln -s nowhere sym; mkfifo fifo",
    to: ":",
  });

  trees.merge();

  strictEqual(shell("find . | sort", trees.to), ".\n./a\n./a/b\n./a/b/file\n./fifo\n./link\n./sym");
  strictEqual(shell("stat -c %h link", trees.to), "2");
  strictEqual(shell("ls -A", trees.from), "");
});

test("mergeTree() merges directories, replaces files and leaves the rest", () => {
  using trees = new Trees({
    from: "mkdir -p d/e; echo new >d/file; echo deep >d/e/x",
    to: "mkdir -p d/e; echo old >d/file; echo kept >d/other; echo kept >d/e/y",
  });

  trees.merge();

  strictEqual(shell("cat d/file d/other d/e/x d/e/y", trees.to), "new\nkept\ndeep\nkept");
});

for (
  const [what, from, to] of [
    ["a directory by a file", "echo new >x", "mkdir x; echo >x/old"],
    ["a directory by a link", "ln -s target x", "mkdir x"],
    ["a file by a directory", "mkdir x; echo new >x/file", "echo old >x"],
    ["a link by a directory, and does not follow it", "mkdir x; echo new >x/file", "ln -s / x"],
  ] as const
) {
  test(`mergeTree() replaces ${what}`, () => {
    using trees = new Trees({ from, to });
    const before = shell("stat -c %F x; find x | sort", trees.from);

    trees.merge();

    strictEqual(shell("stat -c %F x; find x | sort", trees.to), before);
    strictEqual(shell("ls", trees.replaced), "0");
  });
}

test("mergeTree() describes those directories that are described", () => {
  const dirs = "mkdir one two";
  using trees = new Trees({
    from: `${dirs}; chmod 2750 one two; chown 7:8 one two; touch -d @1000 one two .; chmod 700 .`,
    to: `${dirs}; touch -d @2000 two; chmod 755 .`,
  });
  Deno.writeTextFileSync(`${trees.from}/one/file`, "");
  shell("touch -d @1000 one", trees.from);

  trees.merge("one");

  strictEqual(
    shell("stat -c '%n %a %u %g %Y' one two; stat -c %a .", trees.to),
    "one 2750 7 8 1000\ntwo 755 0 0 2000\n755",
  );
});

test("mergeTree() describes the top directory after all has been moved", () => {
  using trees = new Trees({
    from: "echo >file; chmod 1777 .; chown 9:9 .; touch -d @1000 .",
    to: ":",
  });

  trees.merge("");

  strictEqual(shell("stat -c '%a %u %g %Y' .", trees.to), "1777 9 9 1000");
});

test("mergeTree() names what is mounted in the way", () => {
  using trees = new Trees({
    from: "mkdir d; echo new >d/x",
    to: "mkdir d; echo old >d/x; echo >y",
  });
  shell("mount --bind y d/x", trees.to);
  try {
    throws(() => trees.merge(), { code: "EBUSY", message: /d\/x/ });
  } finally {
    shell("umount d/x", trees.to);
  }
  strictEqual(shell("cat d/x", trees.to), "old");
});

test("mergeTree() takes names that are not UTF-8", () => {
  const make = "mkdir \"$(printf 'a\\377')\"; echo >\"$(printf 'a\\377/f')\"";
  using trees = new Trees({ from: make, to: make });

  trees.merge();

  deepStrictEqual(shell("ls | od -An -tx1", trees.to), "61 ff 0a");
});
