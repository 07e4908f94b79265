/** Compresses streams with gzip, the same way every time. @module */

import { OUTPUT_SIZE, throughZlib, type ZlibStream } from "./zlib_stream.ts";

/** What gzip and docker take: a layer is compressed once and downloaded often. */
const LEVEL = 6;

/** A stream that compresses. Its header has no name and no time: the same bytes give the same stream. */
export async function openCompressor(): Promise<ZlibStream> {
  const { createGzip } = await import("node:zlib");
  return createGzip({ level: LEVEL, chunkSize: OUTPUT_SIZE });
}

/**
 * Compresses with gzip.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @throws {Error} While iterating, what `source` throws.
 */
export async function* gzipped(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield* throughZlib(source, await openCompressor());
}
