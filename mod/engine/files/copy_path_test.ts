import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { absolutePath, baseOf, type CopyTo, planCopy, splitEntry } from "./copy_path.ts";

for (
  const [path, directory, expected] of [
    ["/a/b", "/cwd", "/a/b"],
    ["a", "/cwd", "/cwd/a"],
    ["a/", "/cwd", "/cwd/a/"],
    ["a/.", "/cwd", "/cwd/a/."],
    ["a/./", "/cwd", "/cwd/a/."],
    [".", "/cwd", "/cwd/."],
    ["..", "/cwd", "/"],
    ["../x//y/../z", "/a/b", "/a/x/z"],
    ["/", "/cwd", "/"],
    ["/.", "/cwd", "/."],
    ["/../..", "/cwd", "/"],
  ] as const
) {
  Deno.test(`absolutePath() makes ${expected} of ${path} in ${directory}`, () => {
    strictEqual(absolutePath(path, directory), expected);
  });
}

for (
  const [path, expected] of [
    ["/a/b", "b"],
    ["/a/b/", "b"],
    ["/a/.", "."],
    ["/", "/"],
    ["//", "/"],
    ["", "."],
  ] as const
) {
  Deno.test(`baseOf() is ${expected} for "${path}"`, () => {
    strictEqual(baseOf(path), expected);
  });
}

for (
  const [path, expected] of [
    ["/a/b", ["/a", "b"]],
    ["/a", ["/", "a"]],
    ["/a/b/", ["/a", "b"]],
    ["/a/.", ["/a", "."]],
    ["/", ["/", "/"]],
  ] as const
) {
  Deno.test(`splitEntry() splits ${path}`, () => {
    deepStrictEqual(splitEntry(path), [...expected]);
  });
}

const HERE = "/to/here";
const DIRECTORY: CopyTo = { path: HERE, type: "directory" };
const OTHER: CopyTo = { path: HERE, type: "other" };
const MISSING: CopyTo = { path: HERE, type: "missing" };

for (
  const [what, path, isDirectory, to, expected] of [
    ["a file into a directory", "/from/file", false, DIRECTORY, [HERE, "file"]],
    ["a file in place of a file", "/from/file", false, OTHER, ["/to", "here"]],
    ["a file by a new name", "/from/file", false, MISSING, ["/to", "here"]],
    ["a directory into a directory", "/from/dir", true, DIRECTORY, [HERE, "dir"]],
    ["a directory with a slash into a directory", "/from/dir/", true, DIRECTORY, [HERE, "dir"]],
    ["a directory by a new name", "/from/dir", true, MISSING, ["/to", "here"]],
    [
      "a directory by a new name with a slash",
      "/from/dir",
      true,
      { path: `${HERE}/`, type: "missing" },
      ["/to", "here"],
    ],
    ["a directory's content into a directory", "/from/dir/.", true, DIRECTORY, [HERE, "."]],
    ["a directory's content by a new name", "/from/dir/.", true, MISSING, ["/to", "here"]],
    ["the whole of a root into a directory", "/", true, DIRECTORY, [HERE, "."]],
  ] as const
) {
  Deno.test(`planCopy() copies ${what}`, () => {
    const [directory, name] = expected;
    deepStrictEqual(planCopy({ path, isDirectory }, to), { directory, name });
  });
}

Deno.test("planCopy() refuses a directory in place of a file", () => {
  throws(() => planCopy({ path: "/from/dir", isDirectory: true }, OTHER), {
    kind: "conflict",
    message: "cannot copy directory",
  });
});

for (const path of [`${HERE}/`, `${HERE}/.`]) {
  Deno.test(`planCopy() makes no directory ${path} for a file`, () => {
    throws(() => planCopy({ path: "/from/file", isDirectory: false }, { path, type: "missing" }), {
      kind: "not_found",
      message: "no such directory",
    });
  });
}
