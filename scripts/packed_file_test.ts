import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  type PackedParts,
  SECTION_ALIGNMENT,
  TRAILER_BYTES,
  writePackedFile,
} from "./packed_file.ts";

/** Parts of which each is filled with its own byte. */
function makeParts(libraries: number): PackedParts {
  const fill = (byte: number): Uint8Array => new Uint8Array(100 + byte).fill(byte);
  return {
    launcher: fill(1),
    deno: fill(2),
    mainModule: fill(3),
    bundle: fill(4),
    library: fill(5),
    monitor: fill(6),
    loader: fill(7),
    libraries: Array.from({ length: libraries }, (_, index) => fill(8 + index)),
    codeCache: fill(14),
    base: 0x5a00_0000_0000n,
    relocations: 0x1234n,
    relocationCount: 56n,
    hasSnapshots: true,
    build: "0123456789abcdef",
  };
}

async function pack(parts: PackedParts): Promise<{ bytes: Uint8Array; mode: number | null }> {
  const path = await Deno.makeTempFile();
  try {
    await writePackedFile(path, parts);
    return { bytes: await Deno.readFile(path), mode: (await Deno.stat(path)).mode };
  } finally {
    await Deno.remove(path);
  }
}

/** The numbers of the trailer. */
function trailerNumbers(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.slice(-TRAILER_BYTES).buffer);
  return Array.from({ length: 31 }, (_, index) => Number(view.getBigUint64(8 * index, true)));
}

Deno.test("writePackedFile() puts each section where the trailer says", async () => {
  const { bytes } = await pack(makeParts(6));
  const numbers = trailerNumbers(bytes);
  for (let section = 0; section < 13; section++) {
    const [offset, size] = numbers.slice(2 * section);
    const byte = section + 2;
    strictEqual(offset, (section + 1) * SECTION_ALIGNMENT);
    strictEqual(size, 100 + byte);
    deepStrictEqual(bytes.slice(offset, offset + size), new Uint8Array(size).fill(byte));
  }
});

Deno.test("writePackedFile() begins with the launcher", async () => {
  const { bytes } = await pack(makeParts(0));
  deepStrictEqual(bytes.slice(0, 101), new Uint8Array(101).fill(1));
});

Deno.test("writePackedFile() marks library slots that are not used with size 0", async () => {
  const { bytes } = await pack(makeParts(4));
  deepStrictEqual([21, 23].map((index) => trailerNumbers(bytes)[index]), [0, 0]);
});

Deno.test("writePackedFile() ends with the numbers, the file's size, whether it has snapshots, the build id and the magic", async () => {
  const { bytes } = await pack(makeParts(6));
  deepStrictEqual(trailerNumbers(bytes).slice(26), [0x5a00_0000_0000, 0x1234, 56, bytes.length, 1]);
  strictEqual(
    new TextDecoder().decode(bytes.slice(-32)),
    "0123456789abcdef\0\0\0\0\0\0\0\0wherry-3",
  );
});

Deno.test("writePackedFile() makes the file executable for everybody", async () => {
  const { mode } = await pack(makeParts(0));
  strictEqual((mode ?? 0) & 0o777, 0o755);
});

Deno.test("writePackedFile() refuses a seventh library", async () => {
  await rejects(pack(makeParts(7)), RangeError);
});

Deno.test("writePackedFile() refuses a build id that does not fit", async () => {
  await rejects(pack({ ...makeParts(0), build: "0".repeat(24) }), RangeError);
});
