/**
 * Writes small ustar archives with fixed times and owners, for tests and comparisons.
 *
 * The program's own reader is `mod/image/`; this writer shares nothing with it,
 * so that one cannot hide a mistake of the other.
 *
 * @module
 */

const BLOCK_BYTES = 512;
const encoder = new TextEncoder();

/** One member of an archive. */
export interface TarEntry {
  /** Path without a leading slash; a directory's ends with one. At most 100 bytes of UTF-8. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** Bytes of a file, or where a symbolic link points; nothing for a directory. */
  content?: Uint8Array | { linkTarget: string };
}

/** Header block of one member. Every time is the epoch and every owner is root. */
function formatHeader({ path, mode, content }: TarEntry): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (offset: number, text: string): void => header.set(encoder.encode(text), offset);
  const octal = (value: number, digits: number): string =>
    value.toString(8).padStart(digits, "0") + "\0";
  const isFile = content instanceof Uint8Array;
  put(0, path);
  put(100, octal(mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(isFile ? content.length : 0, 11));
  put(136, octal(0, 11));
  put(148, " ".repeat(8));
  put(156, content === undefined ? "5" : isFile ? "0" : "2");
  if (content !== undefined && !isFile) put(157, content.linkTarget);
  put(257, "ustar\x0000");
  put(148, octal(header.reduce((sum, byte) => sum + byte, 0), 6) + " ");
  return header;
}

/**
 * Writes an archive.
 *
 * @param path File to write; it is replaced.
 * @param entries Members in order. They are read one by one, so a large archive needs little memory.
 * @see {@link https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html} (ustar)
 */
export async function writeTar(path: string, entries: Iterable<TarEntry>): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (const entry of entries) {
    await writeAll(file, formatHeader(entry));
    if (!(entry.content instanceof Uint8Array)) continue;
    await writeAll(file, entry.content);
    const padding = (BLOCK_BYTES - entry.content.length % BLOCK_BYTES) % BLOCK_BYTES;
    await writeAll(file, new Uint8Array(padding));
  }
  await writeAll(file, new Uint8Array(2 * BLOCK_BYTES));
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
