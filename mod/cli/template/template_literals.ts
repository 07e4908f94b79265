/** Numbers, characters and strings as Go writes them. @module */

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
]);

const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.?))/gs;
const MAX_CODE_POINT = 0x10ffff;

/**
 * Reads a quoted string: `"a\n"`, or between back quotes as it stands.
 *
 * @returns Undefined if an escape is malformed.
 */
export function unquote(literal: string): string | undefined {
  const body = literal.slice(1, -1);
  if (literal.startsWith("`")) return body;
  let isValid = true;
  const text = body.replace(ESCAPE, (_whole, hex2, hex4, hex8, octal, simple) => {
    const digits: string | undefined = hex2 ?? hex4 ?? hex8;
    const code = digits === undefined ? parseInt(octal, 8) : parseInt(digits, 16);
    const char = Number.isNaN(code) ? SIMPLE_ESCAPES.get(simple) : fromCodePoint(code);
    isValid &&= char !== undefined;
    return char ?? "";
  });
  return isValid ? text : undefined;
}

function fromCodePoint(code: number): string | undefined {
  return code <= MAX_CODE_POINT ? String.fromCodePoint(code) : undefined;
}

const INTEGER = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0[0-7_]*|[1-9][\d_]*)$/;
const FLOAT = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?$/;

/**
 * Reads a number (`10`, `0x1f`, `1_000`, `1.5e3`) or a character (`'a'`, its code point).
 *
 * @returns What is wrong, in Go's words, if it is neither.
 */
export function parseNumberLiteral(literal: string): number | string {
  if (literal.startsWith("'")) return parseCharacter(literal);
  const integer = INTEGER.exec(literal);
  const digits = integer?.[2]?.replaceAll("_", "");
  if (digits !== undefined) {
    const magnitude = Number(digits.replace(/^0(?=[0-7]+$)/, "0o"));
    if (Number.isNaN(magnitude)) return badNumber(literal);
    if (!Number.isSafeInteger(magnitude)) return `integer overflow: "${literal}"`;
    return integer?.[1] === "-" ? 0 - magnitude : magnitude;
  }
  // Go takes it for an integer that only a float can hold
  if (/^[+-]?[\d_]+$/.test(literal)) return `integer overflow: "${literal}"`;
  const value = FLOAT.test(literal) ? Number(literal.replaceAll("_", "")) : NaN;
  return Number.isFinite(value) ? value : badNumber(literal);
}

function parseCharacter(literal: string): number | string {
  const [char, ...others] = unquote(literal) ?? "";
  if (char === undefined || others.length > 0) return `malformed character constant: ${literal}`;
  return char.codePointAt(0) ?? 0;
}

function badNumber(literal: string): string {
  return `illegal number syntax: "${literal}"`;
}
