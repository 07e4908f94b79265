import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { chainId, chainIds, parseDiffId, parseDigest } from "./digest.ts";

const A = parseDiffId(`sha256:${"a".repeat(64)}`);
const B = parseDiffId(`sha256:${"b".repeat(64)}`);

Deno.test("parseDigest() refuses upper-case digits", () => {
  throws(() => parseDigest(`sha256:${"A".repeat(64)}`), {
    kind: "invalid_argument",
    message: /64 lower-case hexadecimal digits/,
  });
});

Deno.test("parseDigest() says that another algorithm is unsupported", () => {
  throws(() => parseDigest(`sha512:${"a".repeat(128)}`), {
    kind: "unsupported",
    message: /only sha256 is supported/,
  });
});

Deno.test("chainId() of one layer is its DiffID", () => {
  strictEqual(chainId([A]), A as string);
});

Deno.test("chainId() hashes the chain below and the DiffID", () => {
  // printf 'sha256:aaa… sha256:bbb…' | sha256sum
  strictEqual(
    chainId([A, B]),
    "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c",
  );
});

Deno.test("chainIds() gives each level of the stack", () => {
  deepStrictEqual(chainIds([A, B]), [chainId([A]), chainId([A, B])]);
});

Deno.test("chainId() refuses an empty stack", () => {
  throws(() => chainId([]), RangeError);
});
