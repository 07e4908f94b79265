/** The tree of commands: finding one by its words, and reading its arguments. @module */

import type { WherryError } from "../../errors.ts";
import { argumentError } from "./argument_error.ts";
import { type FlagSpec, type ParsedFlags, parseFlags } from "./flags.ts";

/** What a command's own file exports: its action. */
export interface CommandModule<C, S extends readonly FlagSpec[]> {
  /**
   * Does what the command says.
   *
   * @param context What all commands share, such as the output and the data root.
   * @returns Exit code, 0 to 255.
   */
  run(context: C, parsed: ParsedFlags<S>): number | Promise<number>;
}

/**
 * One command: its words, and where its action is.
 *
 * @typeParam C What the actions share.
 * @typeParam S The command's flags, as a `const`.
 */
export interface CommandSpec<C = unknown, S extends readonly FlagSpec[] = readonly FlagSpec[]> {
  /** Every way to call it, the preferred one first: `["ps", "container ls", "container ps"]`. */
  readonly paths: readonly [string, ...string[]];
  /** One line for lists of commands, without a full stop. */
  readonly summary: string;
  /** What follows the path in the usage line; several lines where there are several forms. */
  readonly usage: string;
  /** Paragraphs for the command's own help. @default {the summary} */
  readonly description?: string;
  readonly flags: S;
  /** Whether flags may follow positionals. @default {true} */
  readonly interspersed?: boolean;
  /** Fewest positionals. @default {0} */
  readonly minArgs?: number;
  /** Most positionals. @default {no limit} */
  readonly maxArgs?: number;
  /** Heading under which the program's help lists it. @default {"Commands"} */
  readonly topic?: string;
  /** Left out of help and of suggestions. @default {false} */
  readonly hidden?: boolean;
  /** Imports the action, so that a command loads no other's code. */
  readonly load: () => Promise<CommandModule<C, S>>;
}

/** A word that only holds commands, such as `image`. */
export interface CommandGroup {
  /** Its words: `image`, or `buildx history` for one in another. */
  readonly path: string;
  readonly summary: string;
}

/** The whole program's words. */
export interface CommandTable<C = unknown> {
  /** Name of the program, as the user types it. */
  readonly program: string;
  readonly summary: string;
  /** Flags that come before the command. */
  readonly globalFlags: readonly FlagSpec[];
  readonly groups: readonly CommandGroup[];
  readonly commands: readonly CommandSpec<C>[];
}

/** What the words of a command line stand for. */
export type CommandTarget<C = unknown> =
  | { readonly kind: "program" }
  | { readonly kind: "group"; readonly group: CommandGroup }
  | { readonly kind: "command"; readonly command: CommandSpec<C>; readonly path: string };

/** What {@linkcode findCommand} found. */
export interface FoundCommand<C = unknown> {
  readonly target: CommandTarget<C>;
  /** What follows the command's words, not yet read. */
  readonly args: readonly string[];
  /** Whether to print the target's help in place of running it; true for a program or group. */
  readonly isHelp: boolean;
}

/** Declares a command with the types of its flags kept for its action. */
export function defineCommand<C, const S extends readonly FlagSpec[]>(
  spec: CommandSpec<C, S>,
): CommandSpec<C, S> {
  return spec;
}

/**
 * Finds the command that `words` begin with; `help WORDS` asks for the help of WORDS.
 *
 * @param words The arguments after the program's own flags.
 * @throws {WherryError} `invalid_argument` with exit code 1 if there is no such command.
 */
export function findCommand<C>(
  table: CommandTable<C>,
  words: readonly string[],
): FoundCommand<C> {
  if (words[0] === "help") return { ...findTarget(table, words.slice(1)), isHelp: true };
  const found = findTarget(table, words);
  return { ...found, isHelp: found.target.kind !== "command" };
}

function findTarget<C>(
  table: CommandTable<C>,
  words: readonly string[],
): Omit<FoundCommand<C>, "isHelp"> {
  let target: CommandTarget<C> = { kind: "program" };
  for (const [index, word] of words.entries()) {
    const path = words.slice(0, index + 1).join(" ");
    const child = findByPath(table, path);
    if (child?.kind === "command") return { target: child, args: words.slice(index + 1) };
    if (child === undefined) {
      if (word === "--help" || word === "-h") return { target, args: [] };
      throw unknownCommand(table, words.slice(0, index + 1));
    }
    target = child;
  }
  return { target, args: [] };
}

function findByPath<C>(table: CommandTable<C>, path: string): CommandTarget<C> | undefined {
  const command = table.commands.find((candidate) => candidate.paths.includes(path));
  if (command !== undefined) return { kind: "command", command, path };
  const group = table.groups.find((candidate) => candidate.path === path);
  return group && { kind: "group", group };
}

function unknownCommand<C>(table: CommandTable<C>, words: readonly string[]): WherryError {
  const last = words.at(-1) ?? "";
  const parents = words.slice(0, -1);
  const parentLine = [table.program, ...parents].join(" ");
  if (last.startsWith("-")) {
    return argumentError(`unknown flag: ${last}`, {
      hint: `See '${parentLine} --help'`,
      exitCode: 125,
    });
  }
  const guess = closestWord(last, childWords(table, parents.join(" ")));
  return argumentError(`unknown command: ${parentLine} ${last}`, {
    hint: guess === undefined
      ? `See '${parentLine} --help'`
      : `Did you mean '${parentLine} ${guess}'? See '${parentLine} --help'`,
    exitCode: 1,
  });
}

/** Words that may follow `parent`, hidden commands left out. */
function childWords<C>(table: CommandTable<C>, parent: string): string[] {
  const paths = [
    ...table.groups.map((group) => group.path),
    ...table.commands.filter((command) => !command.hidden).flatMap((command) => command.paths),
  ];
  return paths.flatMap((path) => childWordOf(path, parent) ?? []);
}

/** The one word that `path` adds to `parent` (`""` for the program), or undefined. */
export function childWordOf(path: string, parent: string): string | undefined {
  const prefix = parent === "" ? "" : `${parent} `;
  const word = path.startsWith(prefix) ? path.slice(prefix.length) : "";
  return word === "" || word.includes(" ") ? undefined : word;
}

function closestWord(word: string, candidates: readonly string[]): string | undefined {
  const limit = word.length < 4 ? 1 : 2;
  let best: { word: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.slice(0, MAX_WORD_LENGTH), candidate);
    if (distance <= limit && distance < (best?.distance ?? Infinity)) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

const MAX_WORD_LENGTH = 64;

/** Single-letter changes, swaps of neighbours included, that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const change = from[row - 1] === to[column - 1] ? 0 : 1;
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + change,
        isSwap ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/**
 * Reads a command's flags and positionals, and checks how many positionals there are.
 *
 * @param commandPath Program and path, as the user typed them (`wherry container ls`).
 * @returns With `isHelp`, the number of positionals is not checked.
 * @throws {WherryError} `invalid_argument` in docker's words: exit code 125 for a bad flag, 1 for
 * a wrong number of arguments.
 */
export function parseCommandArgs<C, S extends readonly FlagSpec[]>(
  command: CommandSpec<C, S>,
  args: readonly string[],
  commandPath: string,
): ParsedFlags<S> {
  const parsed = parseFlags(command.flags, args, {
    interspersed: command.interspersed ?? true,
    commandPath,
  });
  if (!parsed.isHelp) checkArgCount(command, parsed.positionals.length, commandPath);
  return parsed;
}

function checkArgCount<C, S extends readonly FlagSpec[]>(
  { minArgs = 0, maxArgs = Infinity, usage }: CommandSpec<C, S>,
  count: number,
  commandPath: string,
): void {
  if (count >= minArgs && count <= maxArgs) return;
  const [firstUsage = ""] = usage.split("\n");
  throw argumentError(`'${commandPath}' ${describeArgCount(minArgs, maxArgs)}`, {
    hint: `Usage: ${commandPath} ${firstUsage}`.trimEnd(),
    exitCode: 1,
  });
}

/** @see {@link https://github.com/docker/cli/blob/v28.2.2/cli/required.go} */
function describeArgCount(minArgs: number, maxArgs: number): string {
  if (maxArgs === 0) return "accepts no arguments";
  if (minArgs === maxArgs) return `requires ${countArguments(minArgs)}`;
  if (maxArgs === Infinity) return `requires at least ${countArguments(minArgs)}`;
  if (minArgs === 0) return `requires at most ${countArguments(maxArgs)}`;
  return `requires at least ${minArgs} and at most ${countArguments(maxArgs)}`;
}

function countArguments(count: number): string {
  return `${count} ${count === 1 ? "argument" : "arguments"}`;
}
