import { strictEqual } from "node:assert/strict";
import { isStaticProgram } from "./elf.ts";

const PROGRAM_HEADER_OFFSET = 64;

/** The start of a 64-bit ELF file with one program header of this type. */
function elfWithHeader(type: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(PROGRAM_HEADER_OFFSET + 56));
  view.setUint32(0, 0x7f454c46);
  view.setBigUint64(32, BigInt(PROGRAM_HEADER_OFFSET), true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(PROGRAM_HEADER_OFFSET, type, true);
  return new Uint8Array(view.buffer);
}

Deno.test("isStaticProgram() is true when no header names an interpreter", () => {
  strictEqual(isStaticProgram(elfWithHeader(1)), true);
});

Deno.test("isStaticProgram() is false when a header names an interpreter", () => {
  strictEqual(isStaticProgram(elfWithHeader(3)), false);
});

Deno.test("isStaticProgram() is false for what is no ELF file", () => {
  strictEqual(isStaticProgram(new TextEncoder().encode("#!/bin/sh\n")), false);
});
