/**
 * File names as the kernel has them: bytes, in no encoding.
 *
 * A byte string is a JavaScript string whose every UTF-16 unit is one byte,
 * 0 to 255. It survives names that are not UTF-8, and can be split, compared
 * and used as a key of a `Map`, which a `Uint8Array` cannot.
 *
 * @module
 */

declare const brand: unique symbol;

/** Text in which each unit stands for one byte. */
export type ByteString = string & { readonly [brand]: "ByteString" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Takes the bytes from `start` to before `end`. */
export function byteStringOf(bytes: Uint8Array, start: number, end: number): ByteString {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text as ByteString;
}

/** Encodes ordinary text as UTF-8. */
export function byteStringOfText(text: string): ByteString {
  const bytes = encoder.encode(text);
  return byteStringOf(bytes, 0, bytes.length);
}

/** The bytes themselves. */
export function bytesOf(value: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) bytes[i] = value.charCodeAt(i);
  return bytes;
}

/** The value as text for people; bytes that are not UTF-8 become U+FFFD. */
export function textOf(value: ByteString): string {
  return decoder.decode(bytesOf(value));
}

/** The value in quotes and cut at 200 bytes, for error messages. */
export function quoted(value: ByteString): string {
  const cut = value.length > 200 ? `${textOf(value.slice(0, 200) as ByteString)}…` : textOf(value);
  return JSON.stringify(cut);
}
