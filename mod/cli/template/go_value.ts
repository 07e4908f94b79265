/**
 * Values of Go's types that templates see and JavaScript lacks.
 *
 * A string, a boolean and `null` (nil) stand for themselves, and a plain number is an `int`.
 * `undefined` is the value that a map gives for a key it lacks. A function is a method.
 *
 * @module
 */

/** Go's name for the type of what can be anything. */
export const ANY_TYPE = "interface {}";

/** A method; what it takes are texts. */
export type GoMethod = (...args: readonly string[]) => unknown;

/** Whether a value is a method. */
export function isMethod(value: unknown): value is GoMethod {
  return typeof value === "function";
}

/** A `float64`. */
export class GoFloat {
  constructor(readonly value: number) {}
}

/** A `json.Number`: to templates, a string of digits. */
export class GoJsonNumber {
  constructor(readonly text: string) {}
}

/** A value that prints as its `String` method says: a duration, a time, a resource limit. */
export class GoStringer {
  constructor(
    readonly typeName: string,
    /** What it prints as, and its JSON. */
    readonly forms: { readonly text: string; readonly json: unknown },
  ) {}
}

/** A slice or an array. */
export class GoList {
  constructor(
    readonly typeName: string,
    readonly items: readonly unknown[],
    readonly isNil: boolean = false,
  ) {}
}

/** What is known of all keys and values of a {@linkcode GoMap}. */
export interface GoMapType {
  readonly typeName: string;
  /** @default {"string"} */
  readonly keyType?: string;
  /** What `index` gives for a key that is not there. */
  readonly zero: unknown;
}

/** A map whose keys are strings of one type or another. */
export class GoMap {
  constructor(
    readonly type: GoMapType,
    readonly entries: ReadonlyMap<string, unknown>,
    readonly isNil: boolean = false,
  ) {}

  /** Keys in the order in which Go prints and visits them; methods are left out. */
  sortedKeys(): string[] {
    return Array.from(this.entries)
      .filter(([, value]) => !isMethod(value))
      .map(([key]) => key)
      .toSorted();
  }
}

/** A struct. */
export class GoStruct {
  constructor(
    readonly typeName: string,
    /** In the order in which Go declares them. */
    readonly fields: ReadonlyMap<string, unknown>,
    readonly options: {
      /** Fields that are structs whose own fields count as this one's. */
      readonly embedded?: readonly string[];
      /** Fields that Go's type lacks: templates may name them, and they are not printed with it. */
      readonly own?: ReadonlyMap<string, unknown>;
      /** What it was read from. @default {its fields} */
      readonly json?: unknown;
    } = {},
  ) {}

  /** Whether a field, one of an embedded struct, or a method has this name. */
  has(name: string): boolean {
    return this.#ownerOf(name) !== undefined;
  }

  /** A field's value, or a method; undefined if there is none. */
  get(name: string): unknown {
    const owner = this.#ownerOf(name);
    return owner?.fields.get(name) ?? owner?.options.own?.get(name);
  }

  #ownerOf(name: string): GoStruct | undefined {
    if (this.fields.has(name) || this.options.own?.has(name) === true) return this;
    for (const field of this.options.embedded ?? []) {
      const inner = dereference(this.fields.get(field));
      const owner = inner instanceof GoStruct ? inner.#ownerOf(name) : undefined;
      if (owner !== undefined) return owner;
    }
    return undefined;
  }
}

/** A pointer; nil if `target` is undefined. */
export class GoPointer {
  constructor(readonly typeName: string, readonly target: unknown) {}
}

/** What a pointer points to; other values as they are, and so a nil pointer. */
export function dereference(value: unknown): unknown {
  return value instanceof GoPointer && value.target !== undefined
    ? dereference(value.target)
    : value;
}

/** Whether Go's `nil` equals it: also slices, maps and pointers can be nil. */
export function isNil(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (value instanceof GoPointer) return value.target === undefined;
  return (value instanceof GoList || value instanceof GoMap) && value.isNil;
}

/** Go's name for the type of a value. */
export function goTypeName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return "int";
  }
  if (value instanceof GoFloat) return "float64";
  if (value instanceof GoJsonNumber) return "json.Number";
  if (value instanceof GoMap) return value.type.typeName;
  const hasName = value instanceof GoList || value instanceof GoStruct ||
    value instanceof GoPointer || value instanceof GoStringer;
  return hasName ? value.typeName : "nil";
}

/** Go's name for the type of a map's values or a slice's elements. */
export function elementTypeName(container: GoList | GoMap): string {
  return goTypeName(container).replace(/^(?:map\[[^\]]*\]|\[\d*\])/, "");
}

/**
 * Reads JSON-like data; functions become methods.
 *
 * @param kind `any`: as Go reads JSON into an `interface {}`, numbers kept as their text. `typed`:
 * with the types that Go programs would give such data, `[]string` for a list of texts.
 */
export function goValueOf(data: unknown, kind: "any" | "typed" = "typed"): unknown {
  if (typeof data === "number") return readNumber(data, kind);
  if (typeof data !== "object" || data === null || isGoValue(data)) return data;
  const inner = (value: unknown): unknown => goValueOf(value, kind);
  if (Array.isArray(data)) {
    const isTexts = kind === "typed" && data.every((item) => typeof item === "string");
    return new GoList(isTexts ? "[]string" : `[]${ANY_TYPE}`, data.map(inner));
  }
  const entries = Object.entries(data).map(([key, value]) => [key, inner(value)] as const);
  return new GoMap({ typeName: `map[string]${ANY_TYPE}`, zero: undefined }, new Map(entries));
}

function isGoValue(data: object): boolean {
  return data instanceof GoFloat || data instanceof GoJsonNumber || data instanceof GoStringer ||
    data instanceof GoList || data instanceof GoMap || data instanceof GoStruct ||
    data instanceof GoPointer;
}

function readNumber(value: number, kind: "any" | "typed"): unknown {
  if (kind === "any") return new GoJsonNumber(String(value));
  return Number.isInteger(value) ? value : new GoFloat(value);
}
