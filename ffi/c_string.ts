/** Text and lists of text as C sees them. @module */

const encoder = new TextEncoder();

/**
 * Encodes `text` as UTF-8 with one terminating NUL byte.
 *
 * Sized from the encoded bytes, not `text.length`, which counts UTF-16 units
 * and is too small for any non-ASCII path.
 *
 * @param text Must not contain U+0000, which C would take for the end.
 * @returns A buffer that must stay referenced until the native call returns.
 * @throws {TypeError} If `text` contains U+0000.
 *
 * @example A non-ASCII path keeps its terminator
 * ```ts
 * import { deepStrictEqual } from "node:assert";
 *
 * deepStrictEqual(cString("é"), new Uint8Array([0xc3, 0xa9, 0x00]));
 * ```
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(`Cannot pass text to the kernel: it contains a NUL byte: ${quote(text)}`);
  }
  return encoder.encode(text + "\0");
}

/**
 * Encodes `items` one after the other, each ended by a NUL byte.
 *
 * The reader must know how many there are: an empty item is just its NUL.
 *
 * @param items Any text without U+0000.
 * @throws {TypeError} If an item contains U+0000.
 */
export function cStringBlock(items: readonly string[]): Uint8Array<ArrayBuffer> {
  const text = items.length === 0 ? "" : items.join("\0") + "\0";
  const bytes = encoder.encode(text);
  let count = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) count++;
  if (count === items.length) return bytes;
  const item = items.find((item) => item.includes("\0")) ?? "";
  throw new TypeError(`Cannot pass text to the kernel: it contains a NUL byte: ${quote(item)}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? text.slice(0, 80) + "…" : text);
}
