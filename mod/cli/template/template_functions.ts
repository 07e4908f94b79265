/** Functions of Go templates, docker's included. @module */

import { formatValue, sprint, sprintf, sprintln } from "./go_format.ts";
import { formatGoJson } from "./go_json.ts";
import {
  dereference,
  GoFloat,
  GoJsonNumber,
  GoList,
  GoMap,
  GoPointer,
  GoStringer,
  goTypeName,
  isNil,
} from "./go_value.ts";

/** A function cannot do with its arguments what it should; the message is Go's. */
export class FunctionFailure extends Error {
  override readonly name = "FunctionFailure";
}

/** Type of a parameter: a text, an integer, a list of texts, or anything. */
export type ParameterType = "string" | "int" | "[]string" | "any";

/** One function. */
export interface TemplateFunction {
  readonly parameters: readonly ParameterType[];
  /** Whether the last parameter stands for any number of arguments. */
  readonly isVariadic: boolean;
  /**
   * @param args As many as there must be, and of the parameters' types.
   * @param texts What the arguments read in the template.
   * @throws {FunctionFailure}
   */
  readonly call: (args: readonly unknown[], texts: readonly string[]) => unknown;
}

/** Longest text a function may make, in UTF-16 units: 16 Mi. */
const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

/** Whether Go counts `value` as true: not missing, nil, false, 0 or empty. */
export function isTruthy(value: unknown): boolean {
  if (value instanceof GoFloat) return value.value !== 0;
  if (value instanceof GoJsonNumber) return value.text !== "";
  if (value instanceof GoStringer) return value.forms.json !== 0;
  if (value instanceof GoList) return value.items.length > 0;
  if (value instanceof GoMap) return value.sortedKeys().length > 0;
  if (value instanceof GoPointer) return value.target !== undefined;
  return Boolean(value);
}

type Call = TemplateFunction["call"];

function fixed(parameters: readonly ParameterType[], call: Call): TemplateFunction {
  return { parameters, isVariadic: false, call };
}

function variadic(parameters: readonly ParameterType[], call: Call): TemplateFunction {
  return { parameters, isVariadic: true, call };
}

/** Functions by name. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ["not", fixed(["any"], ([value]) => !isTruthy(value))],
  ["ne", fixed(["any", "any"], (args) => !isEqualToAny(args))],
  ["lt", fixed(["any", "any"], ([a, b]) => compare(a, b) < 0)],
  ["le", fixed(["any", "any"], ([a, b]) => compare(a, b) <= 0)],
  ["gt", fixed(["any", "any"], ([a, b]) => compare(a, b) > 0)],
  ["ge", fixed(["any", "any"], ([a, b]) => compare(a, b) >= 0)],
  ["len", fixed(["any"], ([value]) => lengthOf(value))],
  ["json", fixed(["any"], ([value]) => bounded(formatGoJson(value ?? null)))],
  ["join", fixed(["[]string", "string"], ([list, separator]) => join(list, separator))],
  ["split", fixed(["string", "string"], ([value, separator]) => split(value, separator))],
  ["lower", fixed(["string"], ([value]) => textOf(value).toLowerCase())],
  ["upper", fixed(["string"], ([value]) => textOf(value).toUpperCase())],
  ["title", fixed(["string"], ([value]) => formatTitle(textOf(value)))],
  ["truncate", fixed(["string", "int"], ([value, size]) => truncate(textOf(value), Number(size)))],
  ["pad", fixed(["string", "int", "int"], ([value, ...sizes]) => pad(textOf(value), sizes))],
  // The executor gives these two no arguments after the one that decides
  ["and", variadic(["any", "any"], (args) => args.at(-1))],
  ["or", variadic(["any", "any"], (args) => args.at(-1))],
  ["call", variadic(["any", "any"], refuseCall)],
  ["eq", variadic(["any", "any"], isEqualToAny)],
  ["index", variadic(["any", "any"], index)],
  ["slice", variadic(["any", "any"], slice)],
  ["print", variadic(["any"], (args) => bounded(sprint(args)))],
  ["println", variadic(["any"], (args) => bounded(sprintln(args)))],
  [
    "printf",
    variadic(["string", "any"], ([format, ...args]) => bounded(sprintf(`${format}`, args))),
  ],
  ["html", variadic(["any"], (args) => bounded(escapeHtml(printedText(args))))],
  ["js", variadic(["any"], (args) => bounded(escapeJs(printedText(args))))],
  ["urlquery", variadic(["any"], (args) => bounded(escapeQuery(printedText(args))))],
]);

/** Text of an argument whose parameter is a string. */
function textOf(value: unknown): string {
  return String(value);
}

function bounded(value: string): string {
  if (value.length <= MAX_TEXT_LENGTH) return value;
  throw new FunctionFailure(`text longer than ${MAX_TEXT_LENGTH} characters`);
}

/** No value that templates see is a function: methods are called where they are named. */
function refuseCall([callee]: readonly unknown[], [text]: readonly string[]): never {
  if (callee === null || callee === undefined) throw new FunctionFailure("call of nil");
  throw new FunctionFailure(`non-function ${text} of type ${goTypeName(callee)}`);
}

function isEqualToAny([first, ...others]: readonly unknown[]): boolean {
  if (others.length === 0) throw new FunctionFailure("missing argument for comparison");
  return others.some((other) => isEqual(first, other));
}

type BasicKind = "bool" | "int" | "float" | "string";

function basicKindOf(value: unknown): BasicKind | undefined {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "int";
  if (typeof value === "string" || value instanceof GoJsonNumber) return "string";
  if (value instanceof GoStringer) {
    return typeof value.forms.json === "number" ? "int" : undefined;
  }
  return value instanceof GoFloat ? "float" : undefined;
}

/** What values of the same basic kind are compared by. */
function comparableOf(value: unknown): unknown {
  if (value instanceof GoJsonNumber) return value.text;
  if (value instanceof GoStringer) return value.forms.json;
  return value instanceof GoFloat ? value.value : value;
}

function isEqual(a: unknown, b: unknown): boolean {
  const kind = basicKindOf(a);
  if (kind !== basicKindOf(b)) {
    if (isMissing(a) || isMissing(b)) return false;
    throw new FunctionFailure("incompatible types for comparison");
  }
  if (kind !== undefined) return comparableOf(a) === comparableOf(b);
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (a instanceof GoPointer) return a === b;
  throw new FunctionFailure(sprintf("non-comparable type %s: %s", [a, goTypeName(a)]));
}

/** Whether it has no type at all: an untyped nil, or nothing. */
function isMissing(value: unknown): boolean {
  return value === null || value === undefined;
}

function compare(a: unknown, b: unknown): number {
  const [kind, other] = [basicKindOf(a), basicKindOf(b)];
  if (kind === undefined || other === undefined || kind === "bool") {
    const isSame = kind === other || kind === undefined || other === undefined;
    throw new FunctionFailure(
      isSame ? "invalid type for comparison" : "incompatible types for comparison",
    );
  }
  if (kind !== other) throw new FunctionFailure("incompatible types for comparison");
  const [first, second] = [comparableOf(a), comparableOf(b)];
  if (typeof first === "number" && typeof second === "number") return first - second;
  const [text, otherText] = [String(first), String(second)];
  return text < otherText ? -1 : text > otherText ? 1 : 0;
}

function index([item, ...keys]: readonly unknown[]): unknown {
  if (isMissing(item)) throw new FunctionFailure("index of untyped nil");
  return keys.reduce(indexOnce, item);
}

function indexOnce(item: unknown, key: unknown): unknown {
  if (isMissing(item)) throw new FunctionFailure("index of nil pointer");
  if (isText(item)) {
    const bytes = new TextEncoder().encode(formatValue(item));
    return elementAt(Array.from(bytes), key, "string");
  }
  if (item instanceof GoList) {
    return elementAt(item.items, key, item.typeName.startsWith("[]") ? "slice" : "array");
  }
  if (item instanceof GoMap) {
    const { keyType = "string", zero } = item.type;
    if (typeof key !== "string" || keyType !== "string") {
      throw new FunctionFailure(
        isMissing(key)
          ? `value is nil; should be of type ${keyType}`
          : `value has type ${goTypeName(key)}; should be ${keyType}`,
      );
    }
    return item.entries.has(key) ? item.entries.get(key) : zero;
  }
  throw new FunctionFailure(`can't index item of type ${goTypeName(item)}`);
}

function isText(value: unknown): boolean {
  return basicKindOf(value) === "string";
}

/** Go words the index after the last one in another way than those beyond. */
function elementAt(items: readonly unknown[], key: unknown, kind: string): unknown {
  const position = checkIndex(key, items.length);
  if (position < items.length) return items[position];
  throw new FunctionFailure(`reflect: ${kind} index out of range`);
}

function checkIndex(key: unknown, max: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw new FunctionFailure(
      isMissing(key)
        ? "cannot index slice/array with nil"
        : `cannot index slice/array with type ${goTypeName(key)}`,
    );
  }
  if (key < 0 || key > max) throw new FunctionFailure(`index out of range: ${key}`);
  return key;
}

function slice([item, ...bounds]: readonly unknown[]): unknown {
  if (isMissing(item)) throw new FunctionFailure("slice of untyped nil");
  if (isText(item)) {
    if (bounds.length > 2) throw new FunctionFailure("cannot 3-index slice a string");
    const bytes = new TextEncoder().encode(formatValue(item));
    return new TextDecoder().decode(bytes.subarray(...sliceBounds(bounds, bytes.length)));
  }
  if (item instanceof GoList) {
    return new GoList(
      item.typeName,
      item.items.slice(...sliceBounds(bounds, item.items.length)),
      item.isNil,
    );
  }
  throw new FunctionFailure(`can't slice item of type ${goTypeName(item)}`);
}

function sliceBounds(bounds: readonly unknown[], length: number): [from: number, to: number] {
  const checked = bounds.map((bound) => checkIndex(bound, length));
  const [from = 0, to = length, capacity = length] = checked;
  if (from > to) throw new FunctionFailure(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new FunctionFailure(`invalid slice index: ${to} > ${capacity}`);
  return [from, to];
}

/** Length as Go counts it: bytes of a string, elements of a list, keys of a map. */
function lengthOf(argument: unknown): number {
  const value = dereference(argument);
  if (isText(value)) return new TextEncoder().encode(formatValue(value)).length;
  if (value instanceof GoList) return value.items.length;
  if (value instanceof GoMap) return value.sortedKeys().length;
  throw new FunctionFailure(
    isNil(value) ? "len of nil pointer" : `len of type ${goTypeName(value)}`,
  );
}

function join(list: unknown, separator: unknown): string {
  return list instanceof GoList ? bounded(list.items.join(textOf(separator))) : "";
}

function split(value: unknown, separator: unknown): GoList {
  const [text, mark] = [textOf(value), textOf(separator)];
  return new GoList("[]string", mark === "" ? Array.from(text) : text.split(mark));
}

function formatTitle(value: string): string {
  return value.replace(/(?<![\p{L}\p{Nd}_])\p{L}/gu, (letter) => letter.toUpperCase());
}

/** Cuts text to `size` bytes; what is left of a character shows as U+FFFD. */
function truncate(value: string, size: number): string {
  if (size < 0) {
    throw new FunctionFailure(`runtime error: slice bounds out of range [:${size}]`);
  }
  return new TextDecoder().decode(new TextEncoder().encode(value).subarray(0, size));
}

function pad(value: string, [before, after]: readonly unknown[]): string {
  if (value === "") return value;
  const sizes = [Number(before), Number(after)];
  if (sizes.some((size) => size < 0)) throw new FunctionFailure("strings: negative Repeat count");
  const [left = "", right = ""] = sizes.map((size) =>
    " ".repeat(Math.min(size, MAX_TEXT_LENGTH + 1))
  );
  return bounded(left + value + right);
}

/** Text that the escaping functions escape. */
function printedText(args: readonly unknown[]): string {
  return sprint(args.map((arg) => isMissing(arg) ? "<no value>" : dereference(arg)));
}

const HTML_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["<", "&lt;"],
  [">", "&gt;"],
  ["&", "&amp;"],
  ["'", "&#39;"],
  ['"', "&#34;"],
  ["\0", "\ufffd"],
]);

function escapeHtml(value: string): string {
  return replaceEach(value, HTML_ESCAPES);
}

function replaceEach(value: string, replacements: ReadonlyMap<string, string>): string {
  return Array.from(value, (char) => replacements.get(char) ?? char).join("");
}

const JS_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["'", "\\'"],
  ['"', '\\"'],
]);

function escapeJs(value: string): string {
  return value.replace(/[\\'"<>&=\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return JS_ESCAPES.get(char) ?? `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

function escapeQuery(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
