/** Compression of layers and archives: recognised by content, undone while streaming. @module */

import { ArchiveError } from "../tar/archive_error.ts";
import { decompressBzip2 } from "./bzip2.ts";
import { decompressXz } from "./xz.ts";
import { OUTPUT_SIZE, throughZlib, type ZlibStream } from "./zlib_stream.ts";
import { ZstdFrameScanner } from "./zstd_frames.ts";

/** How a stream is compressed. */
export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

/** Bytes that {@linkcode detectCompression} wants to see. */
export const MAGIC_LENGTH = 6;

/** What formats start with. */
const MAGICS: ReadonlyArray<readonly [format: Compression, magic: readonly number[]]> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];
/** A zstd stream may also start with a skippable frame; the first byte's low half is free. */
const SKIPPABLE_ZSTD = [0x2a, 0x4d, 0x18] as const;

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * Tells by its first bytes how a stream is compressed.
 *
 * @param start At least {@linkcode MAGIC_LENGTH} bytes, or all there are.
 */
export function detectCompression(start: Uint8Array): Compression {
  if ((start[0] ?? 0) >> 4 === 5 && startsWith(start.subarray(1), SKIPPABLE_ZSTD)) return "zstd";
  const [format] = MAGICS.find(([, magic]) => startsWith(start, magic)) ?? ["none"];
  return format;
}

/** What `node:zlib` undoes. */
type NodeCompression = "gzip" | "zstd";

async function openDecompressor(compression: NodeCompression): Promise<ZlibStream> {
  const { createGunzip, createZstdDecompress } = await import("node:zlib");
  const options = { chunkSize: OUTPUT_SIZE };
  return compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
}

/**
 * Undoes `compression`. Several gzip members, zstd frames, xz or bzip2 streams in a row count as one stream.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @returns Chunks that stay valid while `VALID_CHUNKS` (source.ts) more are asked for, if those of `source` do.
 * @throws {ArchiveError} While iterating, if the stream is damaged or truncated.
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  compression: Compression,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (compression === "none") {
    yield* source;
    return;
  }
  if (compression === "xz") {
    yield* decompressXz(source);
    return;
  }
  if (compression === "bzip2") {
    yield* decompressBzip2(source);
    return;
  }
  const frames = compression === "zstd" ? new ZstdFrameScanner() : undefined;
  yield* throughZlib(source, await openDecompressor(compression), {
    cut: (chunk) => splitAt(chunk, frames?.push(chunk) ?? []),
    onEnd: () => frames?.end(),
    explain: (error) => damage(compression, error),
  });
}

/** Cuts at the given positions; there are no empty pieces. */
function splitAt(chunk: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const starts = [0, ...positions];
  const ends = [...positions, chunk.length];
  return starts.map((start, i) => chunk.subarray(start, ends[i])).filter(({ length }) =>
    length > 0
  );
}

function damage(compression: NodeCompression, cause: unknown): ArchiveError {
  const isTruncated = cause instanceof Error && "code" in cause && cause.code === "Z_BUF_ERROR";
  const state = isTruncated ? `truncated ${compression} stream` : `damaged ${compression} stream`;
  return new ArchiveError(state, "corrupt", { cause });
}
