import { strictEqual, throws } from "node:assert/strict";
import { parseReference } from "./reference.ts";
import { parseReferencePattern } from "./reference_pattern.ts";

/** As docker's `images PATTERN` has it. */
const CASES: ReadonlyArray<readonly [pattern: string, reference: string, isMatch: boolean]> = [
  ["busybox", "busybox:1", true],
  ["busybox:1", "busybox:1", true],
  ["busybox:2", "busybox:1", false],
  ["busybox:?", "busybox:1", true],
  ["busy*", "busybox:1", true],
  ["busy*:*", "busybox:1", true],
  ["*", "busybox:1", true],
  ["*", "team/app:1", false],
  ["*/*", "team/app:1", true],
  ["localhost:5000/team/*:v1", "localhost:5000/team/web:v1", true],
  ["docker.io/library/busybox", "busybox:1", false],
  ["Busybox", "busybox:1", false],
  ["busybo[w-y]", "busybox", true],
  ["busybo[^w-y]", "busybox", false],
  ["busybox[:]1", "busybox:1", true],
  ["busybo[&[^x]", "busybox", true],
  ["busybo[a\\-z]", "busybox", false],
  ["busy[a\\-z]box", "busy-box", true],
  ["busy\\box", "busybox", true],
  ["busy\\*", "busybox", false],
  ["a.c", "abc", false],
  [`busybox@sha256:${"a".repeat(64)}`, `busybox@sha256:${"a".repeat(64)}`, true],
];

for (const [pattern, reference, isMatch] of CASES) {
  Deno.test(`parseReferencePattern() has ${pattern} ${isMatch ? "suit" : "not suit"} ${reference}`, () => {
    strictEqual(parseReferencePattern(pattern)(parseReference(reference)), isMatch);
  });
}

for (const pattern of ["[", "a[b", "[]", "a\\", "[a\\", "[z-a]"]) {
  Deno.test(`parseReferencePattern() refuses ${pattern}`, () => {
    throws(() => parseReferencePattern(pattern), {
      kind: "invalid_argument",
      message: /syntax error in pattern$/,
    });
  });
}
