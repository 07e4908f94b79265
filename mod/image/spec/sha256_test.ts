import { strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256Hex } from "./sha256.ts";

Deno.test("sha256Hex() agrees with node:crypto at every length around a block", () => {
  const lengths = [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 143, 1000];

  for (const length of lengths) {
    const message = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
    strictEqual(sha256Hex(message), createHash("sha256").update(message).digest("hex"));
  }
});
