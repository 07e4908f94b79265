/** Prints values as Go's fmt package prints them. @module */

import { quoteText } from "./go_quote.ts";
import {
  GoFloat,
  GoJsonNumber,
  GoList,
  GoMap,
  GoPointer,
  GoStringer,
  GoStruct,
  goTypeName,
} from "./go_value.ts";

/** Deepest nesting that is printed; what is below shows as `...`. */
const MAX_DEPTH = 100;

/** Prints a value as `%v` does: `map[a:1 b:[x y]]`, `{running true}`, `<nil>`. */
export function formatValue(value: unknown): string {
  return formatWith(value, { formatOne: formatScalar });
}

/** How parts of a value are printed. */
interface PartFormat {
  readonly formatOne: (value: unknown) => string;
  /** Whether structs show the names of their fields. @default {false} */
  readonly hasNames?: boolean;
}

/**
 * Prints a value part by part.
 *
 * What a pointer points to is printed wherever Go prints the pointer's address, which would differ
 * each time and say nothing.
 */
function formatWith(value: unknown, format: PartFormat, depth = 0): string {
  if (depth >= MAX_DEPTH) return "...";
  const inner = (item: unknown): string =>
    item === null || item === undefined ? "<nil>" : formatWith(item, format, depth + 1);
  if (value instanceof GoList) return `[${value.items.map(inner).join(" ")}]`;
  if (value instanceof GoMap) {
    const { formatOne } = format;
    const entries = value.sortedKeys()
      .map((key) => `${formatOne(key)}:${inner(value.entries.get(key))}`);
    return `map[${entries.join(" ")}]`;
  }
  if (value instanceof GoStruct) {
    const fields = Array.from(value.fields).filter(([, field]) => typeof field !== "function")
      .map(([name, field]) => (format.hasNames === true ? `${name}:` : "") + inner(field));
    return `{${fields.join(" ")}}`;
  }
  if (value instanceof GoPointer) {
    if (value.target === undefined) return format.formatOne(null);
    return (value.target instanceof GoStruct ? "&" : "") + inner(value.target);
  }
  return format.formatOne(value);
}

/** Whether Go's type of the value is a kind of string. */
function isText(value: unknown): boolean {
  return typeof value === "string" || value instanceof GoJsonNumber;
}

function formatScalar(value: unknown): string {
  if (value instanceof GoFloat) return formatFloatShortest(value.value);
  if (value instanceof GoJsonNumber) return value.text;
  if (value instanceof GoStringer) return value.forms.text;
  if (value === null || value === undefined) return "<nil>";
  return String(value);
}

/** Go switches to an exponent below 1e-4 and from 1e6 or, given a precision, from as many digits. */
function formatFloatShortest(value: number, digits = 6): string {
  const [, exponent = 0] = value.toExponential().split("e").map(Number);
  const isPlain = value === 0 || (exponent >= -4 && exponent < digits);
  return isPlain ? String(value) : padExponent(value.toExponential());
}

function padExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Prints operands as `fmt.Sprint` does: a space between two that are both no strings. */
export function sprint(operands: readonly unknown[]): string {
  return operands.map((operand, index) => {
    const previous = operands[index - 1];
    const isSpaced = index > 0 && !isText(operand) && !isText(previous);
    return (isSpaced ? " " : "") + formatValue(operand);
  }).join("");
}

/** Prints operands as `fmt.Sprintln` does: spaces between all, a newline at the end. */
export function sprintln(operands: readonly unknown[]): string {
  return `${operands.map(formatValue).join(" ")}\n`;
}

/** Go refuses wider fields, and so bounds the memory that a format can ask for. */
const MAX_WIDTH = 1_000_000;
const DIRECTIVE =
  /%([-+# 0]*)((?:\[\d+\])?\*|\d+)?(?:\.((?:\[\d+\])?\*|\d+)?)?(?:\[(\d+)\])?([^%]|%)?/gsu;

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
    if (text?.endsWith("*") !== true) return text === undefined ? undefined : Number(text);
    const [, index] = /^\[(\d+)\]/.exec(text) ?? [];
    if (index !== undefined) {
      isReordered = true;
      next = Number(index) - 1;
    }
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
  const hasNames = flags.includes("+") || flags.includes("#");
  if (verb === "v") {
    return formatWith(value, { formatOne: (one) => pad(formatOneV(directive, one)), hasNames });
  }
  const formatOne = (one: unknown): string => {
    const text = formatVerb(directive, one);
    if (text !== undefined) return pad(text);
    if (one === null || one === undefined) return `%!${verb}(<nil>)`;
    return `%!${verb}(${goTypeName(one)}=${pad(formatOneV(directive, withoutMethods(one)))})`;
  };
  return formatWith(value, { formatOne });
}

/** Go does not call a value's own `String` for a verb that does not suit it. */
function withoutMethods(value: unknown): unknown {
  const isNumber = value instanceof GoStringer && typeof value.forms.json === "number";
  return isNumber ? value.forms.json : value;
}

function formatOneV({ flags, precision }: Directive, value: unknown): string {
  if (isText(value)) {
    const text = formatScalar(value);
    return flags.includes("#") ? quoteText(text) : truncateText(text, precision);
  }
  if (typeof value === "number") return padDigits(value, precision);
  if (!(value instanceof GoFloat) || precision === undefined) return formatScalar(value);
  return formatShortest(value.value, precision);
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
  if (isText(value)) return formatStringVerb(directive, formatScalar(value));
  if (typeof value === "number") return formatIntegerVerb(directive, value);
  if (value instanceof GoFloat) return formatFloatVerb(directive, value.value);
  if (value instanceof GoStringer) {
    const { text, json } = value.forms;
    return formatStringVerb(directive, text) ??
      (typeof json === "number" ? formatIntegerVerb(directive, json) : undefined);
  }
  return typeof value === "boolean" && directive.verb === "t" ? String(value) : undefined;
}

function formatStringVerb(directive: Directive, value: string): string | undefined {
  const text = truncateText(value, directive.precision);
  switch (directive.verb) {
    case "s":
      return text;
    case "q":
      return formatQuoted(text, directive.flags);
    case "x":
      return formatHex(text, directive.flags);
    case "X":
      return formatHex(text, directive.flags).toUpperCase();
    default:
      return undefined;
  }
}

function formatQuoted(text: string, flags: string): string {
  // deno-lint-ignore no-control-regex -- Go cannot show them between back quotes either
  if (flags.includes("#") && !/[\x00-\x08\x0a-\x1f\x7f`\ufeff]/.test(text)) return `\`${text}\``;
  return quoteText(text, { isAscii: flags.includes("+") });
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

const RADIXES: ReadonlyMap<string, readonly [radix: number, prefix: string]> = new Map([
  ["d", [10, ""]],
  ["x", [16, "0x"]],
  ["X", [16, "0X"]],
  ["o", [8, "0"]],
  ["O", [8, ""]],
  ["b", [2, "0b"]],
]);

function formatIntegerVerb(directive: Directive, value: number): string | undefined {
  const { verb, flags } = directive;
  if (verb === "c" || verb === "q" || verb === "U") return formatCodePoint(verb, value);
  const radix = RADIXES.get(verb);
  if (radix === undefined) return undefined;
  const prefix = verb === "O" ? "0o" : flags.includes("#") ? radix[1] : "";
  const digits = Math.abs(value).toString(radix[0]).padStart(directive.precision ?? 0, "0");
  return signFlag(flags, value) + prefix + (verb === "X" ? digits.toUpperCase() : digits);
}

function padDigits(value: number, precision = 0): string {
  return (value < 0 ? "-" : "") + String(Math.abs(value)).padStart(precision, "0");
}

function formatFloatVerb(directive: Directive, value: number): string | undefined {
  const text = formatFloat(directive, Math.abs(value));
  return text === undefined ? undefined : signFlag(directive.flags, value) + text;
}

function signFlag(flags: string, value: number): string {
  if (value < 0 || Object.is(value, -0)) return "-";
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
  if (precision === undefined) return formatFloatShortest(value);
  const digits = Math.min(Math.max(precision, 1), MAX_PRECISION);
  return formatFloatShortest(Number(value.toPrecision(digits)), digits);
}
