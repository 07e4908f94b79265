import { deepStrictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import { byteStringOfText, textOf } from "../tar/byte_string.ts";
import { treeChanges } from "./tree_changes.ts";
import type { WalkOptions } from "./tree_walk.ts";

/** What is below, for every test. */
const LOWER = `
  mkdir -p kept/deep changed old gone; echo x > changed/file; touch kept/file old/a old/b gone/f
  touch time mode; mkdir owner; ln -s a link
  find . -exec touch -h -d @1000 {} +
`;

const MOUNT = "mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged";
const COPY = "cp -a lower/. merged";

/** Changes that `script` makes on an overlay of {@linkcode LOWER}, or in a copy of it, a line each. */
async function changesOf(
  script: string,
  { isWhole = false, ...options }: WalkOptions & { isWhole?: boolean } = {},
): Promise<string[]> {
  const base = Deno.makeTempDirSync();
  try {
    const commands = `
      cd ${base}; mkdir lower upper work merged; (cd lower; ${LOWER})
      ${isWhole ? COPY : MOUNT}
      cd merged; ${script}`;
    const { success, stderr } = await new Deno.Command("unshare", {
      args: ["-m", "sh", "-e", "-c", commands],
    }).output();
    if (!success) throw new Error(`Cannot make the tree: ${new TextDecoder().decode(stderr)}`);
    const lower = [{ path: `${base}/lower`, mayHoldMounts: false }];
    const after = { path: `${base}/${isWhole ? "merged" : "upper"}`, isWhole };
    return treeChanges(after, lower, options)
      .map(({ kind, path }) => `${kind} ${textOf(path)}`);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

const cases: [what: string, script: string, changes: string[]][] = [
  ["nothing", "true", []],
  ["a new file", "touch kept/deep/new", [
    "changed kept",
    "changed kept/deep",
    "added kept/deep/new",
  ]],
  ["a new directory", "mkdir -p new/sub; touch new/sub/f", [
    "added new",
    "added new/sub",
    "added new/sub/f",
  ]],
  ["another content", "echo y >> changed/file", ["changed changed", "changed changed/file"]],
  ["another time", "touch time", ["changed time"]],
  ["another mode", "chmod 600 mode", ["changed mode"]],
  ["another owner", "chown 5 owner", ["changed owner"]],
  ["a file that is gone", "rm changed/file", ["changed changed", "deleted changed/file"]],
  ["a directory that is gone", "rm -r gone", ["deleted gone"]],
  ["a file that came and went", "touch kept/x; rm kept/x", []],
  ["a file that was opened to be written only", ": >> kept/file", []],
  ["a directory that is another one now", "rm -r old; mkdir old; touch -d @1000 old/a old/c", [
    "changed old",
    "deleted old/b",
    "added old/c",
  ]],
  ["a directory that is a file now", "rm -r old; touch old", ["changed old"]],
  ["a file that is a directory now", "rm time; mkdir time; touch time/f", [
    "changed time",
    "added time/f",
  ]],
  ["a link that leads elsewhere", "ln -sf b2 link", ["changed link"]],
];

for (const [what, script, changes] of cases) {
  Deno.test({
    name: `treeChanges() tells of ${what}`,
    ignore: !needs("root"),
    fn: async () => deepStrictEqual(await changesOf(script), changes),
  });
  Deno.test({
    name: `treeChanges() tells of ${what} in a copy`,
    ignore: !needs("root"),
    fn: async () => deepStrictEqual(await changesOf(script, { isWhole: true }), changes),
  });
}

Deno.test({
  name: "treeChanges() does not call a directory changed for what is excluded",
  ignore: !needs("root"),
  fn: async () => {
    const excluded = byteStringOfText("kept/hosts");

    const changes = await changesOf("touch kept/hosts", {
      isExcluded: (path) => path === excluded,
    });

    deepStrictEqual(changes, []);
  },
});

Deno.test({
  name: "treeChanges() does not call a directory new for what is excluded",
  ignore: !needs("root"),
  fn: async () => {
    const excluded = byteStringOfText("etc/hosts");

    const changes = await changesOf("mkdir etc empty; touch etc/hosts", {
      isExcluded: (path) => path === excluded,
    });

    deepStrictEqual(changes, ["added empty"]);
  },
});

Deno.test("treeChanges() goes down as far as paths lead", () => {
  using directory = new TemporaryDirectory();
  const depth = 1900;
  Deno.mkdirSync(directory.join("lower"));
  Deno.mkdirSync(directory.join(`upper/${"d/".repeat(depth)}`), { recursive: true });

  const lower = [{ path: directory.join("lower"), mayHoldMounts: false }];
  const changes = treeChanges({ path: directory.join("upper"), isWhole: false }, lower);

  deepStrictEqual([changes.length, changes.at(-1)?.path.length], [depth, 2 * depth - 1]);
});
