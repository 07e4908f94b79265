import { doesNotThrow, throws } from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { ZstdFrameScanner } from "./zstd_frames.ts";

const FRAME = new Uint8Array(zstdCompressSync(crypto.getRandomValues(new Uint8Array(5000))));
const SKIPPABLE = Uint8Array.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

function scan(...parts: readonly Uint8Array[]): void {
  const scanner = new ZstdFrameScanner();
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 7) scanner.push(part.subarray(at, at + 7));
  }
  scanner.end();
}

Deno.test("ZstdFrameScanner accepts frames and skippable frames in a row", () => {
  doesNotThrow(() => scan(SKIPPABLE, FRAME, FRAME, SKIPPABLE));
});

Deno.test("ZstdFrameScanner notices a frame cut anywhere", () => {
  for (let length = 1; length < FRAME.length; length += 97) {
    throws(() => scan(FRAME, FRAME.subarray(0, length)), /truncated zstd stream/);
  }
});

Deno.test("ZstdFrameScanner refuses what is not a frame after a frame", () => {
  throws(() => scan(FRAME, Uint8Array.from([1, 2, 3, 4])), /something that is not zstd follows/);
});
