/** Leads streams through a compressor or decompressor of `node:zlib`. @module */

/** A stream of `node:zlib`, as far as it is used here. */
export interface ZlibStream extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(): void;
  destroy(error?: Error): void;
  on(event: "error" | "close", listener: () => void): void;
}

/** Size of the pieces that come out: larger ones are no faster, smaller ones are slower (measured). */
export const OUTPUT_SIZE = 1 << 18;

/** What to do on the way. */
export interface ZlibOptions {
  /** Cuts a chunk into what is written at a time. @default {whole chunks} */
  cut?: ((chunk: Uint8Array) => readonly Uint8Array[]) | undefined;
  /** Called when the source has ended; what it throws counts as the source's. @default {nothing} */
  onEnd?: (() => void) | undefined;
  /** Words a failure of the stream itself. @default {as it is} */
  explain?: ((error: unknown) => unknown) | undefined;
}

/**
 * Writes all of `source` to `stream` and gives what comes out.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @param stream Fresh; it is used up, however this ends.
 * @throws {Error} While iterating, what `source` throws, or else what the stream does.
 */
export async function* throughZlib(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  stream: ZlibStream,
  options: ZlibOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { explain = (error: unknown): unknown => error } = options;
  let sourceError: unknown;
  const feeding = feed(source, stream, options).catch((error) => {
    sourceError = error;
    stream.destroy(new Error("Cannot go on: the source failed"));
  });
  try {
    yield* stream;
    await feeding;
  } catch (error) {
    throw sourceError ?? explain(error);
  } finally {
    stream.destroy();
    await feeding;
  }
  if (sourceError !== undefined) throw sourceError;
}

async function feed(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  stream: ZlibStream,
  { cut = (chunk) => [chunk], onEnd }: ZlibOptions,
): Promise<void> {
  // An error is reported to whoever iterates; here it only ends the feeding
  const over = Promise.withResolvers<"over">();
  stream.on("error", () => over.resolve("over"));
  stream.on("close", () => over.resolve("over"));
  for await (const chunk of source) {
    for (const piece of cut(chunk)) {
      const written = new Promise<void>((resolve) => stream.write(piece, () => resolve()));
      if (await Promise.race([over.promise, written]) === "over") return;
    }
  }
  onEnd?.();
  stream.end();
}
