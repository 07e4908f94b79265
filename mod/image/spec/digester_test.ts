import { strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Digester, hasher } from "./digester.ts";

/** Long enough for another thread, and not a whole number of blocks. */
const PIECE = new Uint8Array(65_537);
crypto.getRandomValues(PIECE.subarray(1));
const PIECES = 100;
const EXPECTED = expectedHex(Array(PIECES).fill(PIECE));

function expectedHex(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

async function digest(digester: Digester): Promise<string> {
  for (let i = 0; i < PIECES; i++) await digester.update(PIECE);
  return await digester.hex();
}

Deno.test("Digester.hex() is right for every length around the ends of blocks", async () => {
  for (let length = 0; length < 1200; length++) {
    const digester = hasher.open();
    const message = PIECE.subarray(0, length);

    await digester.update(message);

    strictEqual(await digester.hex(), expectedHex([message]), `${length} bytes`);
  }
});

Deno.test("Digester.hex() does not depend on how the bytes are cut into pieces", async () => {
  for (const cut of [1, 7, 63, 64, 65, 127, 513]) {
    const digester = hasher.open();

    for (let at = 0; at < PIECE.length; at += cut) {
      await digester.update(PIECE.subarray(at, at + cut));
    }

    strictEqual(await digester.hex(), expectedHex([PIECE]), `pieces of ${cut} bytes`);
  }
});

Deno.test("Digester hashes several long streams at a time", async () => {
  const found = await Promise.all([1, 2, 3].map(() => digest(hasher.open())));

  strictEqual(found.join(), [EXPECTED, EXPECTED, EXPECTED].join());
});

Deno.test("Digester.update() keeps the order of pieces that nobody waits for", async () => {
  const digester = hasher.open();
  const small = PIECE.subarray(1, 100);

  const updates = [PIECE, small, PIECE, small].map((piece) => digester.update(piece));

  strictEqual(await digester.hex(), expectedHex([PIECE, small, PIECE, small]));
  await Promise.all(updates);
});

Deno.test("Digester.update() keeps the order when the thread runs out of pieces again and again", async () => {
  const digester = hasher.open();
  const pieces = Array.from({ length: 300 }, (_, index) => PIECE.slice().fill(index % 251));

  for (const [index, piece] of pieces.entries()) {
    const update = digester.update(piece);
    if (index % 3 === 2) await update;
  }

  strictEqual(await digester.hex(), expectedHex(pieces));
});

Deno.test("Digester.update() keeps the order of more pieces than the queue holds", async () => {
  const digester = hasher.open();
  const pieces = Array.from(
    { length: 70 },
    (_, index) => PIECE.slice(0, PIECE.length - index).fill(index),
  );

  await Promise.all(pieces.map((piece) => digester.update(piece)));

  strictEqual(await digester.hex(), expectedHex(pieces));
});

Deno.test("Digester lets the caller use its buffer again after update()", async () => {
  const digester = hasher.open();
  const buffer = PIECE.slice();

  for (let i = 0; i < PIECES; i++) {
    buffer.set(PIECE);
    await digester.update(buffer);
    buffer.fill(0);
  }

  strictEqual(await digester.hex(), EXPECTED);
});
