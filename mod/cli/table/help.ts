/** Help texts, laid out as docker's. @module */

import {
  childWordOf,
  type CommandGroup,
  type CommandSpec,
  type CommandTable,
  type CommandTarget,
} from "../base/command.ts";
import { type CommandExample, EXAMPLES } from "../definitions/examples.ts";
import type { FlagSpec } from "../base/flags.ts";
import { displayWidth } from "../base/terminal_text.ts";

const DEFAULT_TOPIC = "Commands";
const GROUP_TOPIC = "Management Commands";
const COLUMN_GAP = 3;
/** Where the terminal is too narrow for this much beside the names, lines are not wrapped. */
const MIN_TEXT_WIDTH = 24;

/**
 * Formats the help of a program, a group or a command.
 *
 * @param target What to explain.
 * @param width Columns to wrap at.
 * @returns Whole lines.
 */
export function formatHelp<C>(
  table: CommandTable<C>,
  target: CommandTarget<C>,
  width: number,
): string {
  switch (target.kind) {
    case "program":
      return formatProgramHelp(table, width);
    case "group":
      return formatGroupHelp(table, target.group, width);
    case "command":
      return formatCommandHelp(table.program, target, width);
  }
}

function formatProgramHelp<C>(table: CommandTable<C>, width: number): string {
  return joinSections([
    [`Usage:  ${table.program} [OPTIONS] COMMAND`],
    wrap(table.summary, width),
    ...commandSections(table, "", width),
    section("Global Options", formatFlags(table.globalFlags, width)),
    [`Run '${table.program} COMMAND --help' for more information on a command.`],
  ]);
}

function formatGroupHelp<C>(table: CommandTable<C>, group: CommandGroup, width: number): string {
  const line = `${table.program} ${group.path}`;
  return joinSections([
    [`Usage:  ${line} COMMAND`],
    wrap(group.summary, width),
    ...commandSections(table, group.path, width),
    [`Run '${line} COMMAND --help' for more information on a command.`],
  ]);
}

function formatCommandHelp<C>(
  program: string,
  { command, path }: { command: CommandSpec<C>; path: string },
  width: number,
): string {
  const line = `${program} ${path}`;
  const description = command.description?.split("\n") ?? [];
  return joinSections([
    command.usage.split("\n").map((usage, index) =>
      `${index === 0 ? "Usage:" : "      "}  ${line} ${usage}`.trimEnd()
    ),
    wrap(command.summary, width),
    description.flatMap((paragraph) => wrap(paragraph, width)),
    section("Aliases", formatAliases(program, command.paths, width)),
    section("Options", formatFlags(command.flags, width)),
    section("Examples", formatExamples(EXAMPLES[command.paths[0]] ?? [])),
  ]);
}

function formatAliases(program: string, paths: readonly string[], width: number): string[] {
  if (paths.length < 2) return [];
  const aliases = paths.map((path) => `${program} ${path}`).join(", ");
  return wrap(aliases, width - 2).map((line) => `  ${line}`);
}

function formatExamples(examples: readonly CommandExample[]): string[] {
  return examples.flatMap(({ line, explanation }) => [`  # ${explanation}`, `  ${line}`]);
}

/** Commands and groups right below `parent`, in one section for each topic, in order. */
function commandSections<C>(table: CommandTable<C>, parent: string, width: number): string[][] {
  const topics = new Map<string, [name: string, text: string][]>();
  const add = (topic: string, name: string, text: string): void => {
    topics.set(topic, [...(topics.get(topic) ?? []), [name, text]]);
  };
  for (const command of table.commands.filter((candidate) => !candidate.hidden)) {
    const [word] = command.paths.flatMap((path) => childWordOf(path, parent) ?? []);
    // Topics order the long list of the program; a group's list is short.
    const topic = parent === "" ? command.topic ?? DEFAULT_TOPIC : DEFAULT_TOPIC;
    if (word !== undefined) add(topic, word, command.summary);
  }
  for (const group of table.groups) {
    const word = childWordOf(group.path, parent);
    if (word !== undefined) add(GROUP_TOPIC, word, group.summary);
  }
  const nameWidth = widest([...topics.values()].flat().map(([name]) => name));
  const ordered = [...topics].toSorted(([a], [b]) => topicRank(a) - topicRank(b));
  return ordered.map(([topic, entries]) =>
    section(topic, formatColumns(inOrder(topic, entries), { nameWidth, width }))
  );
}

/** By name where there are many; elsewhere the table says what comes first. */
function inOrder(
  topic: string,
  entries: readonly [name: string, text: string][],
): readonly [name: string, text: string][] {
  return topic === DEFAULT_TOPIC ? entries.toSorted(([a], [b]) => a < b ? -1 : 1) : entries;
}

/** The longest list comes last, so that the others are seen. */
function topicRank(topic: string): number {
  if (topic === DEFAULT_TOPIC) return 2;
  return topic === GROUP_TOPIC ? 1 : 0;
}

function formatFlags(flags: readonly FlagSpec[], width: number): string[] {
  const entries = flags
    .filter((flag) => !flag.hidden)
    .toSorted((a, b) => a.name < b.name ? -1 : 1)
    .map((flag): [string, string] => [formatFlagName(flag), formatFlagText(flag)]);
  const nameWidth = widest(entries.map(([name]) => name));
  return formatColumns(entries, { nameWidth, width });
}

function formatFlagName(flag: FlagSpec): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.type === "boolean" ? "" : ` ${flag.value ?? PLACEHOLDERS[flag.type]}`;
  return `${short}--${flag.name}${value}`;
}

function formatFlagText(flag: FlagSpec): string {
  return flag.default === true ? `${flag.help} (default true)` : flag.help;
}

const PLACEHOLDERS: Record<Exclude<FlagSpec["type"], "boolean">, string> = {
  string: "string",
  list: "list",
  number: "int",
  decimal: "decimal",
  size: "bytes",
  duration: "duration",
};

function formatColumns(
  entries: readonly (readonly [name: string, text: string])[],
  { nameWidth, width }: { nameWidth: number; width: number },
): string[] {
  const indent = 2 + nameWidth + COLUMN_GAP;
  return entries.flatMap(([name, text]) => {
    const [first = "", ...others] = wrap(text, width - indent);
    const padding = " ".repeat(nameWidth - displayWidth(name) + COLUMN_GAP);
    return [`  ${name}${padding}${first}`, ...others.map((line) => " ".repeat(indent) + line)];
  });
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, displayWidth(text)), 0);
}

/** Breaks `text` at spaces into lines of at most `width` columns; longer words stay whole. */
function wrap(text: string, width: number): string[] {
  if (width < MIN_TEXT_WIDTH) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}

function joinSections(sections: readonly (readonly string[])[]): string {
  const texts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}
