import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { bzip2 } from "../../../tests/fakes/host_compression.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { decompressBzip2 } from "./bzip2.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const SHORT: Bytes = new TextEncoder().encode("short");
const COMPRESSED: Bytes = await bzip2(SHORT);

const CONTENTS: readonly (readonly [what: string, content: Bytes])[] = [
  ["nothing", new Uint8Array(0)],
  ["a byte", Uint8Array.of(7)],
  ["a byte 3 times", new Uint8Array(3)],
  ["a byte 4 times", new Uint8Array(4)],
  ["a byte 260 times", new Uint8Array(260)],
  ["a byte a million times", new Uint8Array(1_000_000).fill(0xff)],
  ["all bytes", new Uint8Array(256).map((_, i) => i)],
  ["runs of all lengths", new Uint8Array(80_000).map((_, i) => Math.sqrt(i))],
  ["a square", new Uint8Array(1_300_000).map((_, i) => (i * i) >> (i % 7))],
  ["noise", new Uint8Array(300_000).map((_, i) => Math.imul(i, 2654435761) >>> 21)],
];

for (const [what, content] of CONTENTS) {
  for (const level of ["-1", "-9"]) {
    Deno.test(`decompressBzip2() undoes bzip2 ${level} of ${what}`, async () => {
      deepStrictEqual(await decompress(await bzip2(content, level)), content);
    });
  }
}

async function* piecesOf(bytes: Bytes, size: number): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function decompress(bytes: Bytes, pieceSize = 65_536): Promise<Bytes> {
  const chunks = await Array.fromAsync(decompressBzip2(piecesOf(bytes, pieceSize)));
  return await new Blob(chunks).bytes();
}

Deno.test("decompressBzip2() takes streams in a row for one", async () => {
  const rows = new Uint8Array([...COMPRESSED, ...COMPRESSED]);

  deepStrictEqual(await decompress(rows, 1), new TextEncoder().encode("shortshort"));
});

Deno.test("decompressBzip2() takes no memory for each of many streams of nothing", async () => {
  const empty = await bzip2(new Uint8Array(0), "-9");
  const { external: before } = Deno.memoryUsage();

  const rest = await decompress(
    new Uint8Array(20_000 * empty.length).map((_, i) => empty[i % empty.length] ?? 0),
  );

  strictEqual(rest.length, 0);
  // A block at a time is 3.6 MB
  strictEqual(Deno.memoryUsage().external - before < 50 << 20, true);
});

Deno.test("decompressBzip2() notices a cut at every byte", async () => {
  for (let length = 1; length < COMPRESSED.length; length++) {
    await rejects(decompress(COMPRESSED.slice(0, length)), {
      kind: "corrupt",
      message: /truncated bzip2 stream$/,
    }, `cut after ${length} bytes`);
  }
});

Deno.test("decompressBzip2() notices a change of any byte that counts", async () => {
  // The last byte ends with bits that nobody reads
  for (let at = 0; at < COMPRESSED.length - 1; at++) {
    // A block may have been made with any larger level, too
    if (at === 3) continue;
    const damaged = COMPRESSED.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    await rejects(decompress(damaged), ArchiveError, `byte ${at}`);
  }
});

Deno.test("decompressBzip2() refuses what follows the stream", async () => {
  await rejects(decompress(new Uint8Array([...COMPRESSED, ...SHORT])), {
    kind: "corrupt",
    message: /something that is not bzip2 follows$/,
  });
});

Deno.test("decompressBzip2() lets go of the source when nobody wants the rest", async () => {
  let isClosed = false;
  async function* source(): AsyncGenerator<Bytes> {
    try {
      yield* piecesOf(await bzip2(new Uint8Array(3_000_000)), 10);
    } finally {
      isClosed = true;
    }
  }

  for await (const _chunk of decompressBzip2(source())) break;

  strictEqual(isClosed, true);
});
