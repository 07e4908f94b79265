/** Compresses streams with gzip, the same way every time. @module */

/** A stream of `node:zlib`, as far as it is used here. */
interface Compressor extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(): void;
  destroy(error?: Error): void;
  on(event: "error" | "close", listener: () => void): void;
}

/** Size of the pieces that come out. */
const OUTPUT_SIZE = 1 << 18;
/** What gzip and docker take: a layer is compressed once and downloaded often. */
const LEVEL = 6;

async function openCompressor(): Promise<Compressor> {
  const zlib = await import("node:zlib");
  return zlib.createGzip({ level: LEVEL, chunkSize: OUTPUT_SIZE }) as unknown as Compressor;
}

/**
 * Compresses with gzip. The header has no name and no time: the same bytes give the same stream.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @throws {Error} While iterating, what `source` throws.
 */
export async function* gzipped(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const compressor = await openCompressor();
  let sourceError: unknown;
  const feeding = feed(source, compressor).catch((error) => {
    sourceError = error;
    compressor.destroy(new Error("Cannot compress: the source failed"));
  });
  try {
    yield* compressor;
  } catch (error) {
    throw sourceError ?? error;
  } finally {
    compressor.destroy();
    await feeding;
  }
  if (sourceError !== undefined) throw sourceError;
}

async function feed(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  compressor: Compressor,
): Promise<void> {
  // An error is reported to whoever iterates; here it only ends the feeding
  const over = Promise.withResolvers<"over">();
  compressor.on("error", () => over.resolve("over"));
  compressor.on("close", () => over.resolve("over"));
  for await (const chunk of source) {
    const written = new Promise<void>((resolve) => compressor.write(chunk, () => resolve()));
    if (await Promise.race([over.promise, written]) === "over") return;
  }
  compressor.end();
}
