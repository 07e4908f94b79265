/** The xz format, undone by xz-embedded as WebAssembly. @module */

import { ArchiveError } from "../tar/archive_error.ts";

/** What `enum xz_ret` of xz-embedded says, by number. @see `xz.h` there */
const FAILURES: Readonly<Record<string, () => ArchiveError>> = {
  "2": () => unsupported("an integrity check other than CRC32 and CRC64"),
  "3": () => unsupported("more memory than there is"),
  "4": () => unsupported("a dictionary of more than 64 MiB"),
  "5": () => new ArchiveError("damaged xz stream: something that is not xz follows"),
  "6": () => unsupported("an integrity check or filter other than those of the presets"),
  "8": () => new ArchiveError("truncated xz stream"),
};

function unsupported(what: string): ArchiveError {
  return new ArchiveError(`the xz stream needs ${what}`, "unsupported", {
    hint: "Compress it with gzip, zstd, or xz without further options instead",
  });
}

/**
 * Undoes xz. Several streams in a row, with padding between them, count as one.
 *
 * Checks each block's CRC32 or CRC64. Takes 64 MiB of memory at most, whatever the stream asks for: as much as
 * `xz -9` needs. One stream is undone at a time in a process; others wait for it.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @throws {ArchiveError} While iterating: `corrupt` if the stream is damaged or truncated, `unsupported` if it is of
 * a kind that the presets of `xz` do not make.
 */
export async function* decompressXz(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const XzReadableStream = await loadXz();
  const input = new SourceStream(source);
  const output = new XzReadableStream(input.stream).getReader();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await output.read();
      isOver = done;
      if (done) return;
      // Copied out of WebAssembly's memory, which nobody shares
      if (value.length > 0) yield value as Uint8Array<ArrayBuffer>;
    }
  } catch (error) {
    isOver = true;
    throw input.failure?.cause ?? explain(error);
  } finally {
    // The next stream waits for the end of this one
    if (!isOver) await output.cancel();
    await input.close();
  }
}

/** @returns The library's class: a CommonJS module is the default import for Deno, and not so in a bundle. */
async function loadXz(): Promise<typeof import("xz-decompress").XzReadableStream> {
  const library = await import("xz-decompress");
  return (library.default ?? library).XzReadableStream;
}

/** A source as a web stream that reads nothing ahead, and remembers why the source failed. */
class SourceStream {
  readonly #chunks: AsyncIterator<Uint8Array<ArrayBuffer>>;
  /** Set if the source itself failed. */
  failure: { cause: unknown } | undefined;
  /** Pull from it. */
  readonly stream: ReadableStream<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array<ArrayBuffer>>) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller) },
      { highWaterMark: 0 },
    );
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const { done, value } = await this.#chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    } catch (cause) {
      this.failure = { cause };
      throw cause;
    }
  }
}

function explain(cause: unknown): ArchiveError {
  const [, code = ""] = /error code (\d+)$/.exec(cause instanceof Error ? cause.message : "") ?? [];
  return FAILURES[code]?.() ?? new ArchiveError("damaged xz stream", "corrupt", { cause });
}
