import { deepStrictEqual, throws } from "node:assert/strict";
import { parsePsOptions } from "./ps_options.ts";

function headersOf(...words: string[]): string[] {
  return parsePsOptions(words).map(({ header }) => header);
}

const FULL = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];

Deno.test("parsePsOptions() gives the columns of ps -ef when nothing is asked for", () => {
  deepStrictEqual(headersOf(), FULL);
});

Deno.test("parsePsOptions() takes options together, apart, and in one word", () => {
  for (const words of [["-ef"], ["-e", "-f"], ["-fA"], ["-e -f"]]) {
    deepStrictEqual(headersOf(...words), FULL);
  }
});

Deno.test("parsePsOptions() tells options without a dash from those with one", () => {
  deepStrictEqual(headersOf("-e"), ["PID", "TTY", "TIME", "CMD"]);
  deepStrictEqual(headersOf("x"), ["PID", "TTY", "STAT", "TIME", "COMMAND"]);
  deepStrictEqual(headersOf("-ax"), headersOf("x"));
  deepStrictEqual(headersOf("-j"), ["PID", "PGID", "SID", "TTY", "TIME", "CMD"]);
  deepStrictEqual(headersOf("j").slice(0, 3), ["PPID", "PID", "PGID"]);
});

Deno.test("parsePsOptions() gives docker's columns for aux and -l", () => {
  deepStrictEqual(
    headersOf("aux").join(" "),
    "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND",
  );
  deepStrictEqual(
    headersOf("-l").join(" "),
    "F S UID PID PPID C PRI NI ADDR SZ WCHAN TTY TIME CMD",
  );
});

Deno.test("parsePsOptions() takes columns by name, with titles, and several times", () => {
  deepStrictEqual(headersOf("-o", "pid,user"), ["PID", "USER"]);
  deepStrictEqual(headersOf("-opid,args=WHAT=RUNS"), ["PID", "WHAT=RUNS"]);
  deepStrictEqual(headersOf("-eo", "pid", "-o", "comm"), ["PID", "COMMAND"]);
  deepStrictEqual(headersOf("axo", "pid,tty"), ["PID", "TT"]);
});

const REFUSED: [words: string[], message: string][] = [
  [["-z"], 'Cannot use the ps option "-z": not supported'],
  [["--forest"], 'Cannot use the ps option "--forest": not supported'],
  [["-"], 'Cannot use the ps option "-": not supported'],
  [["aux", "-q"], 'Cannot use the ps option "-q": not supported'],
  [["e"], 'Cannot use the ps option "e": not supported'],
  [["-f", "-l"], 'Cannot use the ps option "-l": another one has chosen other columns'],
  [["-o"], 'Cannot use the ps option "-o": no columns follow it'],
  [["-o", "pid,nonsense"], 'Cannot show the ps column "nonsense": no such column'],
  [["-o", "pid,toString"], 'Cannot show the ps column "toString": no such column'],
  [["-o", "comm"], "Couldn't find PID field in ps output"],
  [["-o", "pid=X"], "Couldn't find PID field in ps output"],
];

for (const [words, message] of REFUSED) {
  Deno.test(`parsePsOptions() refuses ${words.join(" ")}`, () => {
    throws(() => parsePsOptions(words), { kind: "invalid_argument", message });
  });
}
