/** The options of `ps` that `top` takes. Pure. @see ps(1) @module */

import { WherryError } from "../../errors.ts";
import {
  findProcessColumn,
  type ProcessColumn,
  type ProcessColumnName,
} from "./process_columns.ts";

type Columns = readonly (ProcessColumnName | ProcessColumn)[];

/** docker's title for who a process belongs to, who is shown by name. */
const UID_BY_NAME: ProcessColumn = { ...getColumn("user"), header: "UID" };
/** Part of a format that was to show where a process lies in memory. */
const ADDRESS: ProcessColumn = { header: "ADDR", format: () => "-" };

/** Formats of options with a dash. */
const UNIX_FORMATS: Readonly<Record<string, Columns>> = {
  f: [UID_BY_NAME, "pid", "ppid", "c", "stime", "tname", "time", "cmd"],
  F: [UID_BY_NAME, "pid", "ppid", "c", "sz", "rss", "psr", "stime", "tname", "time", "cmd"],
  j: ["pid", "pgid", "sid", "tname", "time", "ucmd"],
  l: [
    ...["f", "s", "uid", "pid", "ppid", "c", "opri", "ni"] as const,
    ADDRESS,
    ...["sz", "wchan", "tname", "time", "ucmd"] as const,
  ],
};
const UNIX_DEFAULT: Columns = ["pid", "tname", "time", "ucmd"];

/** Formats of options without a dash. */
const BSD_FORMATS: Readonly<Record<string, Columns>> = {
  j: ["ppid", "pid", "pgid", "sid", "tname", "tpgid", "stat", "uid", "bsdtime", "args"],
  l: [
    ...["f", "uid", "pid", "ppid", "priority", "ni", "vsz", "rss", "wchan", "stat"] as const,
    ...["tname", "bsdtime", "args"] as const,
  ],
  u: [
    ...["user", "pid", "%cpu", "%mem", "vsz", "rss", "tname", "stat", "bsdstart"] as const,
    ...["bsdtime", "args"] as const,
  ],
};
const BSD_DEFAULT: Columns = ["pid", "tname", "stat", "bsdtime", "args"];

/** Letters that choose processes. All of a container are shown whatever they say, as by docker. */
const UNIX_SELECTIONS = "eAad";
const BSD_SELECTIONS = "axg";

/** What was read so far. */
interface Draft {
  /** Of `-o`, which may be given several times. */
  named: ProcessColumn[];
  format: Columns | undefined;
  isBsd: boolean;
}

/**
 * Reads the options of `ps`.
 *
 * @param words As typed; none for docker's `-ef`.
 * @returns The columns to show, one of them the pid's.
 * @throws {WherryError} `invalid_argument` for an option that is not known, or columns without a pid.
 */
export function parsePsOptions(words: readonly string[]): readonly ProcessColumn[] {
  const draft: Draft = { named: [], format: undefined, isBsd: false };
  // docker puts the words together and lets ps take them apart
  const queue = (words.length === 0 ? ["-ef"] : words).flatMap((word) => word.split(/\s+/))
    .filter((word) => word !== "");
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    readLetters(word, queue, draft);
  }
  const columns = draft.named.length > 0 ? draft.named : resolve(
    draft.format ?? (draft.isBsd ? BSD_DEFAULT : UNIX_DEFAULT),
  );
  if (!columns.some(({ header }) => header === "PID")) {
    throw new WherryError("invalid_argument", "Couldn't find PID field in ps output", {
      hint: "Add pid to the columns of -o",
    });
  }
  return columns;
}

/** Reads one word: a dash and letters, or letters alone; `o` takes the rest of the word, or the next one. */
function readLetters(word: string, queue: string[], draft: Draft): void {
  const hasDash = word.startsWith("-");
  const letters = hasDash ? word.slice(1) : word;
  if (letters === "" || letters.startsWith("-")) throw unsupported(word);
  for (const [index, letter] of Array.from(letters).entries()) {
    if (letter === "o") {
      const list = letters.slice(index + 1) || queue.shift();
      draft.named.push(...parseColumnList(list, word));
      return;
    }
    readLetter(letter, { hasDash, word }, draft);
  }
}

function readLetter(
  letter: string,
  { hasDash, word }: { hasDash: boolean; word: string },
  draft: Draft,
): void {
  // ps takes -x, and with it all of the word, as if there were no dash
  const isBsd = !hasDash || word.includes("x");
  const formats = isBsd ? BSD_FORMATS : UNIX_FORMATS;
  draft.isBsd ||= isBsd;
  if ((isBsd ? BSD_SELECTIONS : UNIX_SELECTIONS).includes(letter)) return;
  const format = Object.hasOwn(formats, letter) ? formats[letter] : undefined;
  if (format === undefined) throw unsupported(word);
  if (draft.format !== undefined && draft.format !== format) {
    throw new WherryError(
      "invalid_argument",
      `Cannot use the ps option "${word}": another one has chosen other columns`,
    );
  }
  draft.format = format;
}

/** `pid,user=OWNER`: everything behind the first `=` is a title. */
function parseColumnList(list: string | undefined, word: string): ProcessColumn[] {
  if (list === undefined) {
    throw new WherryError(
      "invalid_argument",
      `Cannot use the ps option "${word}": no columns follow it`,
    );
  }
  const [names = "", ...titles] = list.split("=");
  const columns = names.split(",").map((name) => {
    const column = findProcessColumn(name);
    if (column !== undefined) return column;
    throw new WherryError(
      "invalid_argument",
      `Cannot show the ps column "${name}": no such column`,
    );
  });
  const last = columns.at(-1);
  if (titles.length === 0 || last === undefined) return columns;
  return [...columns.slice(0, -1), { ...last, header: titles.join("=") }];
}

function unsupported(word: string): WherryError {
  return new WherryError("invalid_argument", `Cannot use the ps option "${word}": not supported`, {
    hint: "Supported are -e -A -a -d -f -F -j -l -o and, without a dash, a g j l o u x",
  });
}

function resolve(columns: Columns): ProcessColumn[] {
  return columns.map((column) => typeof column === "string" ? getColumn(column) : column);
}

function getColumn(name: ProcessColumnName): ProcessColumn {
  const column = findProcessColumn(name);
  if (column === undefined) throw new TypeError(`Cannot find the ps column "${name}"`);
  return column;
}
