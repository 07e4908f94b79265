/** Quoting as Go does it. @module */

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e…]*$/;

/**
 * Quotes as Go's `%q`: printable Unicode as it is, all else escaped.
 *
 * @param options `isAscii`: also escapes all that is not ASCII, as `%+q`.
 */
export function quoteText(text: string, { isAscii = false } = {}): string {
  // Spares most texts the classes below, which take milliseconds to compile
  if (PLAIN.test(text) && !(isAscii && text.includes("…"))) return `"${text}"`;
  const escaped = isAscii ? /["\\]|[^\x20-\x7e]/gu : /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
  const body = text.replace(escaped, (char) => {
    const named = QUOTED_ESCAPES.get(char);
    if (named !== undefined) return named;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
    return `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${body}"`;
}

const QUOTED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
]);
