import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { xz } from "../../../tests/fakes/host_compression.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { decompressXz } from "./xz.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Compressible to about a half. */
const CONTENT: Bytes = new Uint8Array(300_000).map((_, i) => (i * i) >> (i % 7));
const SHORT: Bytes = new TextEncoder().encode("short");
const COMPRESSED: Bytes = await xz(SHORT);

async function* piecesOf(bytes: Bytes, size: number): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function decompress(bytes: Bytes, pieceSize = 65_536): Promise<Bytes> {
  const chunks = await Array.fromAsync(decompressXz(piecesOf(bytes, pieceSize)));
  return await new Blob(chunks).bytes();
}

const FORMS: readonly (readonly string[])[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((preset) => [`-${preset}`]),
  ["-9e"],
  ["--check=none"],
  ["--check=crc32"],
  ["--check=crc64"],
  ["--block-size=50000"],
  ["--lzma2=lc=0,lp=4,pb=0,dict=4KiB"],
];

for (const options of FORMS) {
  Deno.test(`decompressXz() undoes xz ${options.join(" ")}`, async () => {
    deepStrictEqual(await decompress(await xz(CONTENT, ...options)), CONTENT);
  });
}

Deno.test("decompressXz() takes streams in a row, with padding, for one", async () => {
  const rows = new Uint8Array([...COMPRESSED, 0, 0, 0, 0, ...COMPRESSED, 0, 0, 0, 0, 0, 0, 0, 0]);

  deepStrictEqual(await decompress(rows), new TextEncoder().encode("shortshort"));
});

Deno.test("decompressXz() takes single bytes", async () => {
  deepStrictEqual(await decompress(COMPRESSED, 1), SHORT);
});

Deno.test("decompressXz() gives nothing for a stream of nothing", async () => {
  strictEqual((await decompress(await xz(new Uint8Array(0)))).length, 0);
});

Deno.test("decompressXz() notices a cut at every byte", async () => {
  for (let length = 1; length < COMPRESSED.length; length++) {
    await rejects(decompress(COMPRESSED.slice(0, length)), {
      kind: "corrupt",
      message: /truncated xz stream$/,
    }, `cut after ${length} bytes`);
  }
});

Deno.test("decompressXz() notices a change of any byte", async () => {
  for (let at = 0; at < COMPRESSED.length; at++) {
    const damaged = COMPRESSED.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    await rejects(decompress(damaged), ArchiveError, `byte ${at}`);
  }
});

Deno.test("decompressXz() refuses what follows the stream", async () => {
  await rejects(decompress(new Uint8Array([...COMPRESSED, ...SHORT, ...SHORT, ...SHORT])), {
    kind: "corrupt",
    message: /something that is not xz follows$/,
  });
});

Deno.test("decompressXz() refuses a dictionary that takes more memory than xz -9 needs", async () => {
  await rejects(decompress(await xz(SHORT, "--lzma2=dict=512MiB")), {
    kind: "unsupported",
    message: /needs a dictionary of more than 64 MiB$/,
  });
});

Deno.test("decompressXz() refuses what the presets do not make", async () => {
  const message = /needs an integrity check or filter other than those of the presets$/;

  await rejects(decompress(await xz(SHORT, "--check=sha256")), { kind: "unsupported", message });
  await rejects(decompress(await xz(SHORT, "--x86", "--lzma2")), { kind: "unsupported", message });
});

Deno.test("decompressXz() passes on why the source failed", async () => {
  async function* failing(): AsyncGenerator<Bytes> {
    yield COMPRESSED.slice(0, 20);
    throw new RangeError("Cannot read: the network is gone");
  }

  await rejects(Array.fromAsync(decompressXz(failing())), RangeError);
});

Deno.test("decompressXz() lets go of the source when nobody wants the rest", async () => {
  let isClosed = false;
  async function* source(): AsyncGenerator<Bytes> {
    try {
      yield* piecesOf(await xz(CONTENT), 4096);
    } finally {
      isClosed = true;
    }
  }

  for await (const _chunk of decompressXz(source())) break;

  strictEqual(isClosed, true);
  deepStrictEqual(await decompress(COMPRESSED), SHORT);
});
