/** Command-line flags with docker's (Go pflag's) rules; pure, no input or output. @module */

import { WherryError } from "../../errors.ts";
import { argumentError } from "./argument_error.ts";
import { parseDuration, parseSize } from "./units.ts";

/** What a flag's value is: `number` is an integer, `size` bytes, `duration` milliseconds. */
export type FlagType =
  | "boolean"
  | "string"
  | "list"
  | "number"
  | "decimal"
  | "size"
  | "duration";

/** One flag of a command. */
export interface FlagSpec {
  /** Long name, without dashes; also the key of the parsed value. */
  readonly name: string;
  /** One-letter shorthand. */
  readonly short?: string;
  /** Other long names that mean the same, such as `net` for `network`. */
  readonly aliases?: readonly string[];
  /** What the value is; `list` collects every occurrence as given. */
  readonly type: FlagType;
  /** Value of a `boolean` flag that was not given. @default {false} */
  readonly default?: boolean;
  /** Name of the value in the help text. @default {the type} */
  readonly value?: string;
  /** One sentence for the help text, without a full stop. */
  readonly help: string;
  /** Left out of the help text. @default {false} */
  readonly hidden?: boolean;
  /**
   * Where `-ip X` could be this flag with one dash or the shorthands `-i -p X`: the values for
   * which it is this flag. Without it, the long name always wins.
   */
  readonly singleDashValue?: RegExp;
}

/** TypeScript type of the value of a flag of type `T`. */
export type FlagValue<T extends FlagType> = T extends "boolean" ? boolean
  : T extends "list" ? string[]
  : T extends "string" ? string | undefined
  : number | undefined;

/** Values of the flags `S`, by long name; those not given are `false`, `[]` or `undefined`. */
export type FlagValues<S extends readonly FlagSpec[]> = {
  [F in S[number] as F["name"]]: FlagValue<F["type"]>;
};

/** What {@linkcode parseFlags} makes of the arguments. */
export interface ParsedFlags<S extends readonly FlagSpec[]> {
  readonly flags: FlagValues<S>;
  /** Long names of the flags that were given, whatever their value. */
  readonly given: ReadonlySet<S[number]["name"]>;
  readonly positionals: string[];
  /** Whether `--help` was given, or `-h` where it is no shorthand of the command's own. */
  readonly isHelp: boolean;
}

/** How {@linkcode parseFlags} reads. */
export interface ParseFlagsOptions {
  /** Whether flags may follow positionals; where not, the first positional ends the flags. */
  readonly interspersed: boolean;
  /** The command as the user types it (`wherry run`), for hints. @default {"wherry"} */
  readonly commandPath?: string;
}

/**
 * Separates `args` into flag values and positionals.
 *
 * Takes `--flag=value`, `--flag value`, `-f value`, `-fvalue`, `-f=value`, bundled shorthands
 * (`-dit`), and long names behind one dash (`-name x`), which are tried before bundles.
 *
 * @param spec The command's flags, as a `const` so that the result is typed.
 * @throws {WherryError} `invalid_argument` with exit code 125, in docker's words.
 *
 * @example Flags of `run` end at the image
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const spec = [
 *   { name: "tty", short: "t", type: "boolean", help: "Allocate a pseudo-TTY" },
 *   { name: "interactive", short: "i", type: "boolean", help: "Keep stdin open" },
 * ] as const;
 * const parsed = parseFlags(spec, ["-it", "debian", "ls", "-l"], { interspersed: false });
 *
 * deepStrictEqual(parsed.flags, { tty: true, interactive: true });
 * deepStrictEqual(parsed.positionals, ["debian", "ls", "-l"]);
 * ```
 */
export function parseFlags<const S extends readonly FlagSpec[]>(
  spec: S,
  args: readonly string[],
  options: ParseFlagsOptions,
): ParsedFlags<S> {
  const reader = new FlagReader(spec, options.commandPath ?? "wherry");
  const positionals = reader.read(args, options.interspersed);
  return {
    flags: reader.values as FlagValues<S>,
    given: reader.given,
    positionals,
    isHelp: reader.values["help"] === true,
  };
}

const HELP_FLAG = { name: "help", short: "h", type: "boolean", help: "Print usage" } as const;

const NO_ALIASES: readonly string[] = [];

type AnyFlagValue = boolean | string | number | string[] | undefined;

class FlagReader {
  readonly values: Record<string, AnyFlagValue> = {};
  readonly given = new Set<string>();
  readonly #longNames = new Map<string, FlagSpec>();
  readonly #shorthands = new Map<string, FlagSpec>();
  readonly #commandPath: string;

  constructor(spec: readonly FlagSpec[], commandPath: string) {
    this.#commandPath = commandPath;
    // First, so that a command's own -h or --help replaces it.
    this.#declare(HELP_FLAG);
    for (const flag of spec) {
      this.#declare(flag);
      this.values[flag.name] = initialValue(flag);
    }
  }

  #declare(flag: FlagSpec): void {
    this.#longNames.set(flag.name, flag);
    for (const alias of flag.aliases ?? NO_ALIASES) this.#longNames.set(alias, flag);
    if (flag.short !== undefined) this.#shorthands.set(flag.short, flag);
  }

  read(args: readonly string[], interspersed: boolean): string[] {
    const positionals: string[] = [];
    let index = 0;
    while (index < args.length) {
      const arg = args[index] ?? "";
      if (arg === "--") return positionals.concat(args.slice(index + 1));
      if (arg.startsWith("-") && arg !== "-") {
        index += 1 + this.#readFlag(arg, args[index + 1]);
      } else if (interspersed) {
        positionals.push(arg);
        index++;
      } else {
        return args.slice(index);
      }
    }
    return positionals;
  }

  /** Reads one argument that starts with a dash; returns how many of the next it used, 0 or 1. */
  #readFlag(arg: string, next: string | undefined): number {
    if (arg.startsWith("--")) {
      if (/^--[-=]/.test(arg)) throw this.#failure(`bad flag syntax: ${arg}`);
      return this.#readLong(arg.slice(2), next);
    }
    if (this.#isLongBehindOneDash(arg, next)) return this.#readLong(arg.slice(1), next);
    return this.#readShorthands(arg.slice(1), next);
  }

  #readLong(body: string, next: string | undefined): number {
    const [name, value] = splitAtEquals(body);
    const flag = this.#longNames.get(name);
    if (flag === undefined) throw this.#failure(`unknown flag: --${name}`);
    if (value !== undefined) {
      this.#set(flag, value);
      return 0;
    }
    if (flag.type === "boolean") {
      this.#set(flag, "true");
      return 0;
    }
    if (next === undefined) throw this.#failure(`flag needs an argument: --${name}`);
    this.#set(flag, next);
    return 1;
  }

  #isLongBehindOneDash(arg: string, next: string | undefined): boolean {
    const [name, value = next ?? ""] = splitAtEquals(arg.slice(1));
    const flag = name.length > 1 ? this.#longNames.get(name) : undefined;
    if (flag === undefined) return false;
    const isBundle = [...name].every((letter) => this.#shorthands.has(letter));
    return !isBundle || (flag.singleDashValue?.test(value) ?? true);
  }

  #readShorthands(body: string, next: string | undefined): number {
    let rest = body;
    while (rest !== "") {
      const letter = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      const flag = this.#shorthands.get(letter);
      if (flag === undefined) {
        throw this.#failure(`unknown shorthand flag: '${letter}' in -${rest}`);
      }
      const tail = rest.slice(letter.length);
      if (tail.length > 1 && tail.startsWith("=")) {
        this.#set(flag, tail.slice(1));
        return 0;
      }
      if (flag.type !== "boolean") return this.#readShorthandValue(flag, { rest, tail, next });
      this.#set(flag, "true");
      rest = tail;
    }
    return 0;
  }

  #readShorthandValue(
    flag: FlagSpec,
    { rest, tail, next }: { rest: string; tail: string; next: string | undefined },
  ): number {
    if (tail !== "") {
      this.#set(flag, tail);
      return 0;
    }
    if (next === undefined) {
      throw this.#failure(`flag needs an argument: '${flag.short}' in -${rest}`);
    }
    this.#set(flag, next);
    return 1;
  }

  #set(flag: FlagSpec, text: string): void {
    this.given.add(flag.name);
    const collected = this.values[flag.name];
    if (flag.type === "list" && Array.isArray(collected)) {
      collected.push(text);
      return;
    }
    this.values[flag.name] = this.#parseValue(flag, text);
  }

  #parseValue(flag: FlagSpec, text: string): AnyFlagValue {
    try {
      return VALUE_PARSERS[flag.type](text);
    } catch (cause) {
      if (!(cause instanceof WherryError)) throw cause;
      const shown = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
      throw this.#failure(
        `invalid argument "${text}" for "${shown}" flag: ${cause.message}`,
        cause,
      );
    }
  }

  #failure(message: string, cause?: WherryError): WherryError {
    return argumentError(message, {
      hint: cause?.hint ?? `See '${this.#commandPath} --help'`,
      exitCode: 125,
      cause,
    });
  }
}

function initialValue(flag: FlagSpec): AnyFlagValue {
  if (flag.type === "boolean") return flag.default ?? false;
  return flag.type === "list" ? [] : undefined;
}

function splitAtEquals(body: string): [name: string, value: string | undefined] {
  const at = body.indexOf("=");
  return at === -1 ? [body, undefined] : [body.slice(0, at), body.slice(at + 1)];
}

const VALUE_PARSERS: Record<FlagType, (text: string) => AnyFlagValue> = {
  boolean: parseBoolean,
  string: (text) => text,
  list: (text) => [text],
  number: parseInteger,
  decimal: parseDecimal,
  size: parseSize,
  duration: parseDuration,
};

const TRUE_WORDS: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE_WORDS: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/**
 * Reads a truth value as Go does.
 *
 * @throws {WherryError} `invalid_argument` if it is none.
 * @see {@link https://pkg.go.dev/strconv#ParseBool}
 */
export function parseBoolean(text: string): boolean {
  if (TRUE_WORDS.has(text)) return true;
  if (FALSE_WORDS.has(text)) return false;
  throw invalidSyntax("ParseBool", text);
}

/** Go's `ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading zero for octal. */
function parseInteger(text: string): number {
  const match = /^([+-]?)(0x[\da-f]+|0b[01]+|0o?[0-7]+|0|[1-9]\d*)$/i.exec(text);
  const digits = match?.[2];
  if (digits === undefined) throw invalidSyntax("ParseInt", text);
  const magnitude = Number(digits.replace(/^0(?=\d)/, "0o"));
  if (!Number.isSafeInteger(magnitude)) {
    throw argumentError(`strconv.ParseInt: parsing "${text}": value out of range`);
  }
  return match?.[1] === "-" ? 0 - magnitude : magnitude;
}

function parseDecimal(text: string): number {
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) {
    throw argumentError(`failed to parse ${text} as a rational number`);
  }
  return value;
}

function invalidSyntax(parser: string, text: string): WherryError {
  return argumentError(`strconv.${parser}: parsing "${text}": invalid syntax`);
}
