/** Functions of Go templates, docker's included. @module */

import { formatValue, goTypeName, sprint, sprintf, sprintln } from "./go_format.ts";

/** A function cannot do with its arguments what it should; the message is Go's. */
export class FunctionFailure extends Error {
  override readonly name = "FunctionFailure";
}

/** One function. */
export interface TemplateFunction {
  readonly minArgs: number;
  readonly maxArgs: number;
  /**
   * @param zeroOf What a key that a map lacks stands for.
   * @throws {FunctionFailure}
   */
  readonly call: (args: readonly unknown[], zeroOf: (map: object) => unknown) => unknown;
}

/** Longest text a function may make, in UTF-16 units: 16 Mi. */
const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

/** Whether Go counts `value` as true: not missing, nil, false, 0 or empty. */
export function isTruthy(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return Boolean(value);
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
}

function define(
  minArgs: number,
  maxArgs: number,
  call: TemplateFunction["call"],
): TemplateFunction {
  return { minArgs, maxArgs, call };
}

/** Functions by name; `and` and `or` are evaluated by the executor, which stops at the first. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ["and", define(1, Infinity, (args) => args.find((arg) => !isTruthy(arg)) ?? args.at(-1))],
  ["or", define(1, Infinity, (args) => args.find(isTruthy) ?? args.at(-1))],
  ["not", define(1, 1, ([value]) => !isTruthy(value))],
  ["eq", define(1, Infinity, isEqualToAny)],
  ["ne", define(2, 2, (args) => !isEqualToAny(args))],
  ["lt", define(2, 2, ([a, b]) => compare(a, b) < 0)],
  ["le", define(2, 2, ([a, b]) => compare(a, b) <= 0)],
  ["gt", define(2, 2, ([a, b]) => compare(a, b) > 0)],
  ["ge", define(2, 2, ([a, b]) => compare(a, b) >= 0)],
  ["index", define(1, Infinity, index)],
  ["slice", define(1, 4, slice)],
  ["len", define(1, 1, ([value]) => lengthOf(value))],
  ["print", define(0, Infinity, (args) => bounded(sprint(args)))],
  ["println", define(0, Infinity, (args) => bounded(sprintln(args)))],
  ["printf", define(1, Infinity, ([format, ...args]) => bounded(sprintf(text(format), args)))],
  ["html", define(0, Infinity, (args) => bounded(escapeHtml(textOf(args))))],
  ["js", define(0, Infinity, (args) => bounded(escapeJs(textOf(args))))],
  ["urlquery", define(0, Infinity, (args) => bounded(escapeQuery(textOf(args))))],
  ["json", define(1, 1, ([value]) => formatJson(value))],
  ["join", define(2, 2, ([list, separator]) => join(list, text(separator)))],
  ["split", define(2, 2, ([value, separator]) => text(value).split(text(separator)))],
  ["lower", define(1, 1, ([value]) => text(value).toLowerCase())],
  ["upper", define(1, 1, ([value]) => text(value).toUpperCase())],
  ["title", define(1, 1, ([value]) => formatTitle(text(value)))],
  ["truncate", define(2, 2, ([value, size]) => truncate(text(value), integer(size)))],
  ["pad", define(3, 3, ([value, left, right]) => pad(text(value), integer(left), integer(right)))],
]);

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new FunctionFailure(`wrong type for value; expected string; got ${goTypeName(value)}`);
}

function integer(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new FunctionFailure(`wrong type for value; expected int; got ${goTypeName(value)}`);
}

function bounded(value: string): string {
  if (value.length <= MAX_TEXT_LENGTH) return value;
  throw new FunctionFailure(`text longer than ${MAX_TEXT_LENGTH} characters`);
}

function isNil(value: unknown): boolean {
  return value === null || value === undefined;
}

function isEqualToAny([first, ...others]: readonly unknown[]): boolean {
  if (others.length === 0) throw new FunctionFailure("missing argument for comparison");
  return others.some((other) => isEqual(first, other));
}

function isEqual(a: unknown, b: unknown): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (typeof a !== typeof b) throw new FunctionFailure("incompatible types for comparison");
  if (typeof a === "object") {
    throw new FunctionFailure(`non-comparable type ${formatValue(a)}: ${goTypeName(a)}`);
  }
  return a === b;
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  const isSameType = isNil(a) || isNil(b) || typeof a === typeof b;
  throw new FunctionFailure(
    isSameType ? "invalid type for comparison" : "incompatible types for comparison",
  );
}

function index(
  [item, ...keys]: readonly unknown[],
  zeroOf: (map: object) => unknown,
): unknown {
  return keys.reduce((value, key) => indexOnce(value, key, zeroOf), item);
}

function indexOnce(item: unknown, key: unknown, zeroOf: (map: object) => unknown): unknown {
  if (isNil(item)) throw new FunctionFailure("index of untyped nil");
  if (typeof item === "string") {
    const bytes = new TextEncoder().encode(item);
    return bytes[checkIndex(key, bytes.length - 1)];
  }
  if (Array.isArray(item)) return item[checkIndex(key, item.length - 1)];
  if (typeof item === "object" && item !== null) {
    if (typeof key !== "string") {
      throw new FunctionFailure(`value has type ${goTypeName(key)}; should be string`);
    }
    return Object.hasOwn(item, key) ? Reflect.get(item, key) : zeroOf(item);
  }
  throw new FunctionFailure(`can't index item of type ${goTypeName(item)}`);
}

function checkIndex(key: unknown, max: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw new FunctionFailure(
      isNil(key)
        ? "cannot index slice/array with nil"
        : `cannot index slice/array with type ${goTypeName(key)}`,
    );
  }
  if (key < 0 || key > max) throw new FunctionFailure(`index out of range: ${key}`);
  return key;
}

function slice([item, ...bounds]: readonly unknown[]): unknown {
  if (isNil(item)) throw new FunctionFailure("slice of untyped nil");
  if (typeof item === "string") {
    if (bounds.length > 2) throw new FunctionFailure("cannot 3-index slice a string");
    const bytes = new TextEncoder().encode(item);
    return new TextDecoder().decode(bytes.subarray(...sliceBounds(bounds, bytes.length)));
  }
  if (Array.isArray(item)) return item.slice(...sliceBounds(bounds, item.length));
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
function lengthOf(value: unknown): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object" && value !== null) return Object.keys(value).length;
  throw new FunctionFailure(
    isNil(value) ? "len of nil pointer" : `len of type ${goTypeName(value)}`,
  );
}

function formatJson(value: unknown): string {
  try {
    const json = JSON.stringify(value) ?? "null";
    return json.replace(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);
  } catch (cause) {
    throw new FunctionFailure("value has no JSON form", { cause });
  }
}

function join(list: unknown, separator: string): string {
  if (!Array.isArray(list)) {
    throw new FunctionFailure(`wrong type for value; expected []string; got ${goTypeName(list)}`);
  }
  return bounded(list.map(formatValue).join(separator));
}

function formatTitle(value: string): string {
  return value.replace(/(?<![\p{L}\p{Nd}_])\p{L}/gu, (letter) => letter.toUpperCase());
}

function truncate(value: string, size: number): string {
  if (size < 0) throw new FunctionFailure(`index out of range: ${size}`);
  return [...value].slice(0, size).join("");
}

function pad(value: string, left: number, right: number): string {
  if (value === "") return value;
  if (left < 0 || right < 0 || left + right > MAX_TEXT_LENGTH) {
    throw new FunctionFailure(`index out of range: ${left < 0 ? left : right}`);
  }
  return bounded(" ".repeat(left) + value + " ".repeat(right));
}

function textOf(args: readonly unknown[]): string {
  const [only] = args;
  if (args.length === 1 && isNil(only)) return "<no value>";
  return args.length === 1 && typeof only === "string" ? only : sprint(args);
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
