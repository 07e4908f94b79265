/** Streams of bytes that images come in. @module */

/** Something to read from; `Deno.FsFile`, `Deno.stdin` and connections are. */
export interface ByteSource {
  /** Fills some of `buffer`; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Bytes read at once: twice as fast as 64 KiB (measured). */
const CHUNK_SIZE = 1 << 20;

/** How many chunks of {@linkcode chunksOf} are valid at a time: what a slow consumer may be behind by. */
export const VALID_CHUNKS = 16;

/**
 * Reads all of `source`, always one chunk ahead of the consumer.
 *
 * @returns Full chunks of 1 MiB, but for the last; each is valid until {@linkcode VALID_CHUNKS} more have been
 * asked for.
 */
export async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const ring: Uint8Array<ArrayBuffer>[] = [];
  const from = isRegularFile(source) ? readingAtOnce(source) : source;
  let current = new Uint8Array(CHUNK_SIZE);
  let reading = readAhead(from, current);
  try {
    for (;;) {
      const length = await reading;
      if (length < CHUNK_SIZE) {
        if (length > 0) yield current.subarray(0, length);
        return;
      }
      ring.push(current);
      const oldest = ring.length > VALID_CHUNKS ? ring.shift() : undefined;
      const next = oldest ?? new Uint8Array(CHUNK_SIZE);
      reading = readAhead(from, next);
      yield current;
      current = next;
    }
  } finally {
    // The consumer may give up: then nobody else waits for the chunk that is being read
    await reading.catch(() => undefined);
  }
}

/** Whether reads wait for a disk at most, and not for somebody who writes. */
function isRegularFile(source: ByteSource): source is Deno.FsFile {
  return source instanceof Deno.FsFile && source.statSync().isFile;
}

/**
 * Reads a file on this thread: its bytes are mostly in the page cache, or the kernel has begun to fetch them, and the
 * threads that hash them need the other processor for themselves.
 */
function readingAtOnce(file: Deno.FsFile): ByteSource {
  return { read: (buffer) => Promise.resolve(file.readSync(buffer)) };
}

/** Starts to fill a chunk. A failure is thrown when the chunk is asked for; it must not count as unhandled before. */
function readAhead(source: ByteSource, buffer: Uint8Array): Promise<number> {
  const reading = fill(source, buffer);
  reading.catch(() => undefined);
  return reading;
}

/** Reads until `buffer` is full or the source ends. */
async function fill(source: ByteSource, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const count = await source.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}

/** A stream whose first bytes have been looked at. */
export interface PeekedStream {
  /** The first chunk; empty if there is none. */
  start: Uint8Array<ArrayBuffer>;
  /** The whole stream, the first chunk included. Iterate once. */
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Looks at the first chunk of a stream without taking it away. */
export async function peek(
  chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>,
): Promise<PeekedStream> {
  const first = await chunks.next();
  if (first.done === true) return { start: new Uint8Array(0), chunks };
  return { start: first.value, chunks: startingWith(first.value, chunks) };
}

async function* startingWith(
  start: Uint8Array<ArrayBuffer>,
  rest: AsyncGenerator<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield start;
    yield* rest;
  } finally {
    // A consumer that stops at the first chunk must still end the reading ahead
    await rest.return(undefined);
  }
}
