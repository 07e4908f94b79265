import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { gzipped } from "./compress.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Gives pieces one after the other, and fails then if there is a failure. */
async function* piecesOf(pieces: readonly Bytes[], failure?: Error): AsyncGenerator<Bytes> {
  for (const piece of pieces) yield await Promise.resolve(piece);
  if (failure !== undefined) throw failure;
}

async function compress(pieces: readonly Bytes[], failure?: Error): Promise<Bytes> {
  const blob = new Blob(await Array.fromAsync(gzipped(piecesOf(pieces, failure))));
  return new Uint8Array(await blob.arrayBuffer());
}

const CONTENT = crypto.getRandomValues(new Uint8Array(60_000));

Deno.test("gzipped() gives what gunzip gives back", async () => {
  const compressed = await compress([CONTENT, CONTENT, CONTENT.subarray(0, 7)]);

  const expected = Uint8Array.of(...CONTENT, ...CONTENT, ...CONTENT.subarray(0, 7));
  deepStrictEqual(new Uint8Array(gunzipSync(compressed)), expected);
});

Deno.test("gzipped() gives a stream for nothing", async () => {
  strictEqual(gunzipSync(await compress([])).length, 0);
});

Deno.test("gzipped() gives the same bytes whenever and in whatever pieces they come", async () => {
  const pieces = [CONTENT.subarray(0, 1), CONTENT.subarray(1, 30_000), CONTENT.subarray(30_000)];

  deepStrictEqual(await compress(pieces), await compress([CONTENT]));
});

Deno.test("gzipped() names neither a file nor a time in the header", async () => {
  const [magic, ...header] = (await compress([CONTENT])).subarray(0, 8);

  deepStrictEqual([magic, ...header], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
});

Deno.test("gzipped() throws what its source throws", async () => {
  await rejects(compress([CONTENT], new RangeError("Cannot go on")), /^RangeError: Cannot go on$/);
});

Deno.test("gzipped() ends its source when nobody reads on", async () => {
  const ended = Promise.withResolvers<void>();
  async function* endless(): AsyncGenerator<Bytes> {
    try {
      for (;;) yield await Promise.resolve(CONTENT);
    } finally {
      ended.resolve();
    }
  }

  for await (const _piece of gzipped(endless())) break;

  await ended.promise;
});
