import { strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Digester, openHasher } from "./digester.ts";

const PIECE = crypto.getRandomValues(new Uint8Array(60_000));
const PIECES = 300;
const EXPECTED = (() => {
  const hash = createHash("sha256");
  for (let i = 0; i < PIECES; i++) hash.update(PIECE);
  return hash.digest("hex");
})();

async function digest(digester: Digester): Promise<string> {
  for (let i = 0; i < PIECES; i++) await digester.update(PIECE);
  return await digester.hex();
}

Deno.test("openHasher() hashes several long streams at a time in its worker", async () => {
  using hasher = await openHasher(undefined);

  const found = await Promise.all([1, 2, 3].map(() => digest(hasher.open())));

  strictEqual(found.join(), [EXPECTED, EXPECTED, EXPECTED].join());
});

Deno.test("openHasher() hashes without a worker what is short", async () => {
  using hasher = await openHasher(1000);

  strictEqual(await digest(hasher.open()), EXPECTED);
});

Deno.test("Digester lets the caller use its buffer again after update()", async () => {
  using hasher = await openHasher(undefined);
  const digester = hasher.open();
  const buffer = PIECE.slice();

  for (let i = 0; i < PIECES; i++) {
    buffer.set(PIECE);
    await digester.update(buffer);
    buffer.fill(0);
  }

  strictEqual(await digester.hex(), EXPECTED);
});
