/** Prints JSON-like values as Go's fmt package prints them. @module */

/** Go's name for the type of a value that came from JSON. */
export function goTypeName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int" : "float64";
    case "object":
      if (value === null) return "nil";
      return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
    default:
      return "nil";
  }
}

/** Names of the fields of an object that hold data, sorted; functions are methods, not data. */
export function sortedKeys(object: object): string[] {
  return Object.entries(object)
    .filter(([, value]) => typeof value !== "function")
    .map(([key]) => key)
    .toSorted();
}

/** Deepest nesting that is printed; what is below shows as `...`. */
const MAX_DEPTH = 100;

/** Prints a value as `%v` does: `map[a:1 b:[x y]]`, `<nil>`. */
export function formatValue(value: unknown): string {
  return formatWith(value, formatScalar);
}

function formatWith(value: unknown, formatOne: (value: unknown) => string, depth = 0): string {
  if (typeof value !== "object" || value === null) return formatOne(value);
  if (depth >= MAX_DEPTH) return "...";
  const inner = (item: unknown): string => formatWith(item, formatOne, depth + 1);
  if (Array.isArray(value)) return `[${value.map(inner).join(" ")}]`;
  const fields: Record<string, unknown> = { ...value };
  const entries = sortedKeys(value).map((key) => `${formatOne(key)}:${inner(fields[key])}`);
  return `map[${entries.join(" ")}]`;
}

function formatScalar(value: unknown): string {
  if (typeof value === "number") return formatNumber(value);
  if (value === null || value === undefined) return "<nil>";
  return String(value);
}

/** Go switches to an exponent below 1e-4 and from 1e21, and writes two digits of it. */
function formatNumber(value: number): string {
  const isTiny = value !== 0 && Math.abs(value) < 1e-4;
  return padExponent(isTiny ? value.toExponential() : String(value));
}

function padExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Prints operands as `fmt.Sprint` does: a space between two that are both no strings. */
export function sprint(operands: readonly unknown[]): string {
  return operands.map((operand, index) => {
    const previous = operands[index - 1];
    const isSpaced = index > 0 && typeof operand !== "string" && typeof previous !== "string";
    return (isSpaced ? " " : "") + formatValue(operand);
  }).join("");
}

/** Prints operands as `fmt.Sprintln` does: spaces between all, a newline at the end. */
export function sprintln(operands: readonly unknown[]): string {
  return `${operands.map(formatValue).join(" ")}\n`;
}

/** Go refuses wider fields, and so bounds the memory that a format can ask for. */
const MAX_WIDTH = 1_000_000;
const DIRECTIVE = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:\[(\d+)\])?([^%]|%)?/gsu;

interface Directive {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly verb: string;
}

/**
 * Formats operands as `fmt.Sprintf` does, mistakes included: `%!d(string=a)`, `%!d(MISSING)`.
 *
 * Verbs: `v s q d x X o O b c U t T e E f F g G %`; flags `- + # 0` and space; width and
 * precision, also `*`; argument indexes (`%[2]d`).
 *
 * @see {@link https://pkg.go.dev/fmt}
 */
export function sprintf(format: string, operands: readonly unknown[]): string {
  let next = 0;
  let isReordered = false;
  const takeSize = (text: string | undefined): number | undefined => {
    if (text !== "*") return text === undefined ? undefined : Number(text);
    const operand = operands[next++];
    return typeof operand === "number" && Number.isInteger(operand) ? operand : NaN;
  };
  const printed = format.replace(
    DIRECTIVE,
    (whole: string, flags: string, width, precision, index, verb) => {
      const directive = {
        flags,
        width: takeSize(width),
        precision: whole.includes(".") && precision === undefined ? 0 : takeSize(precision),
        verb,
      };
      if (verb === undefined || Number(width) > MAX_WIDTH) return "%!(NOVERB)";
      if (verb === "%") return "%";
      if (index !== undefined) {
        isReordered = true;
        next = Number(index) - 1;
      }
      if (next < 0 || next >= operands.length) {
        return index === undefined ? `%!${verb}(MISSING)` : `%!${verb}(BADINDEX)`;
      }
      return formatDirective(directive, operands[next++]);
    },
  );
  const extra = isReordered ? [] : operands.slice(next);
  if (extra.length === 0) return printed;
  return `${printed}%!(EXTRA ${extra.map(describeOperand).join(", ")})`;
}

function describeOperand(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  return `${goTypeName(value)}=${formatValue(value)}`;
}

function formatDirective(directive: Directive, value: unknown): string {
  const { width = 0, precision = 0, flags, verb } = directive;
  if (!(Math.abs(width) <= MAX_WIDTH)) return `%!(BADWIDTH)${formatValue(value)}`;
  if (!(precision <= MAX_WIDTH)) return `%!(BADPREC)${formatValue(value)}`;
  const isLeft = flags.includes("-") || width < 0;
  const pad = (text: string): string => padText(text, { ...directive, width, isLeft });
  if (verb === "T") return pad(value === null ? "<nil>" : goTypeName(value));
  if (verb === "v") return formatWith(value, (one) => pad(formatOneV(directive, one)));
  return formatWith(value, (one) => {
    const text = formatVerb(directive, one);
    return text === undefined ? `%!${verb}(${describeOperand(one)})` : pad(text);
  });
}

function formatOneV({ flags, precision }: Directive, value: unknown): string {
  if (typeof value === "string") {
    return flags.includes("#") ? quoteText(value) : truncateText(value, precision);
  }
  if (typeof value !== "number" || precision === undefined) return formatScalar(value);
  return Number.isInteger(value) ? formatScalar(value) : formatShortest(value, precision);
}

function padText(
  text: string,
  { flags, width, isLeft }: { flags: string; width: number; isLeft: boolean },
): string {
  const missing = Math.abs(width) - [...text].length;
  if (missing <= 0) return text;
  if (isLeft) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const [sign = ""] = /^[+-](?=\d)|^ ?/.exec(text) ?? [];
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

/** Text of one scalar, or undefined if the verb does not suit its type. */
function formatVerb(directive: Directive, value: unknown): string | undefined {
  if (typeof value === "string") return formatStringVerb(directive, value);
  if (typeof value === "number") return formatNumberVerb(directive, value);
  return typeof value === "boolean" && directive.verb === "t" ? String(value) : undefined;
}

function formatStringVerb(directive: Directive, value: string): string | undefined {
  const text = truncateText(value, directive.precision);
  switch (directive.verb) {
    case "s":
      return text;
    case "q":
      return quoteText(text);
    case "x":
      return formatHex(text, directive.flags);
    case "X":
      return formatHex(text, directive.flags).toUpperCase();
    default:
      return undefined;
  }
}

function truncateText(text: string, precision: number | undefined): string {
  return precision === undefined ? text : [...text].slice(0, precision).join("");
}

function formatHex(text: string, flags: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  const separator = flags.includes(" ") ? " " : "";
  const prefix = flags.includes("#") ? "0x" : "";
  return prefix + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(separator);
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e…]*$/;

/** Quotes as Go's `%q`: printable Unicode as it is, all else escaped. */
export function quoteText(text: string): string {
  // Spares most texts the classes below, which take milliseconds to compile
  if (PLAIN.test(text)) return `"${text}"`;
  const body = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
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

const RADIXES: ReadonlyMap<string, readonly [radix: number, prefix: string]> = new Map([
  ["d", [10, ""]],
  ["x", [16, "0x"]],
  ["X", [16, "0X"]],
  ["o", [8, "0"]],
  ["O", [8, ""]],
  ["b", [2, "0b"]],
]);

function formatNumberVerb(directive: Directive, value: number): string | undefined {
  const { verb, flags } = directive;
  const sign = value < 0 ? "-" : signFlag(flags);
  const radix = RADIXES.get(verb);
  if (radix !== undefined) {
    if (!Number.isInteger(value)) return undefined;
    const prefix = verb === "O" ? "0o" : flags.includes("#") ? radix[1] : "";
    const digits = Math.abs(value).toString(radix[0]).padStart(directive.precision ?? 0, "0");
    return sign + prefix + (verb === "X" ? digits.toUpperCase() : digits);
  }
  if (verb === "c" || verb === "q" || verb === "U") return formatCodePoint(verb, value);
  const text = formatFloat(directive, Math.abs(value));
  return text === undefined ? undefined : sign + text;
}

function signFlag(flags: string): string {
  if (flags.includes("+")) return "+";
  return flags.includes(" ") ? " " : "";
}

function formatCodePoint(verb: string, value: number): string | undefined {
  const isCodePoint = Number.isInteger(value) && value >= 0 && value <= 0x10ffff;
  if (!isCodePoint) return undefined;
  if (verb === "U") return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
  const char = String.fromCodePoint(value);
  return verb === "c" ? char : `'${char === "'" ? "\\'" : quoteText(char).slice(1, -1)}'`;
}

/** What JavaScript's number formatting can do at most. */
const MAX_PRECISION = 100;

function formatFloat({ verb, precision }: Directive, value: number): string | undefined {
  const digits = Math.min(precision ?? 6, MAX_PRECISION);
  switch (verb) {
    case "f":
    case "F":
      return value.toFixed(digits);
    case "e":
      return padExponent(value.toExponential(digits));
    case "E":
      return padExponent(value.toExponential(digits)).toUpperCase();
    case "g":
      return formatShortest(value, precision);
    case "G":
      return formatShortest(value, precision).toUpperCase();
    default:
      return undefined;
  }
}

function formatShortest(value: number, precision: number | undefined): string {
  if (precision === undefined) return formatNumber(value);
  const digits = Math.min(Math.max(precision, 1), MAX_PRECISION);
  const rounded = Number(value.toPrecision(digits));
  const exponent = rounded === 0 ? 0 : Math.floor(Math.log10(rounded));
  const isPlain = exponent >= -4 && exponent < digits;
  return isPlain ? String(rounded) : padExponent(rounded.toExponential());
}
