import { strictEqual } from "node:assert/strict";
import { BLOCK_SIZE, isChecksumRight } from "./tar_header.ts";

const FIELD = { offset: 148, length: 8 };

/** A block at an odd place of its buffer, with a checksum in its field. */
function blockOf(byte: number, checksum: number): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE + 3).fill(byte).subarray(3);
  const digits = `${checksum.toString(8).padStart(6, "0")}\0 `;
  block.set(new TextEncoder().encode(digits), FIELD.offset);
  return block;
}

/** The sum of a block whose bytes all count `value`, but for the field, which counts as spaces. */
function sumOf(value: number): number {
  return (BLOCK_SIZE - FIELD.length) * value + FIELD.length * 0x20;
}

Deno.test("isChecksumRight() sums the bytes, whatever they are", () => {
  for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
    strictEqual(isChecksumRight(blockOf(byte, sumOf(byte))), true, `bytes ${byte}`);
    strictEqual(isChecksumRight(blockOf(byte, sumOf(byte) + 1)), false, `bytes ${byte}`);
  }
});

Deno.test("isChecksumRight() takes the sum of old tars, which had signed bytes", () => {
  const block = blockOf(0x20, sumOf(0x20) - 0x20 + 0xf0 - 0x100);
  block[0] = 0xf0;

  strictEqual(isChecksumRight(block), true);
});
