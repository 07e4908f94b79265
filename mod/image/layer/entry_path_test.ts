import { strictEqual, throws } from "node:assert/strict";
import { ArchiveError } from "../tar/archive_error.ts";
import { byteStringOfText } from "../tar/byte_string.ts";
import type { TarEntry } from "../tar/tar_entry.ts";
import { normaliseName } from "./entry_path.ts";

function normalised(text: string): string {
  const name = byteStringOfText(text);
  return normaliseName({ name } as TarEntry, name);
}

const NAMES: readonly (readonly [name: string, expected: string])[] = [
  ["a", "a"],
  ["a/b/c", "a/b/c"],
  ["a/b/", "a/b"],
  ["./a/b", "a/b"],
  ["./", ""],
  [".", ""],
  ["/a/b", "a/b"],
  ["//a", "a"],
  ["a//b", "a/b"],
  ["a/b//", "a/b"],
  ["././a", "a"],
  ["a/./b", "a/b"],
  ["a/.", "a"],
  ["a/..", ""],
  ["a/../b", "b"],
  ["./a/../b", "b"],
  [".a/.b", ".a/.b"],
  ["a/...", "a/..."],
  ["a./b..", "a./b.."],
  ["a\n/b\n", "a\n/b\n"],
  ["a".repeat(255), "a".repeat(255)],
  [`${"a".repeat(255)}/b`, `${"a".repeat(255)}/b`],
];

Deno.test("normaliseName() takes '.', '..' and doubled slashes out, and leaves all else", () => {
  for (const [name, expected] of NAMES) strictEqual(normalised(name), expected, name);
});

Deno.test("normaliseName() refuses what leads above the root, or is too long", () => {
  for (
    const name of ["..", "./..", "a/../..", "/..", "../a", "a".repeat(256), `b/${"a".repeat(256)}`]
  ) {
    throws(() => normalised(name), ArchiveError, name);
  }
});
