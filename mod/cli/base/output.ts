/** The only place that prints. @module */

import { WherryError } from "../../errors.ts";
import { escapeControls } from "./terminal_text.ts";

/** A descriptor to print on; `Deno.stdout` and `Deno.stderr` are such. */
export interface OutputTarget {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** Whoever read standard output has gone; the command ends as if by SIGPIPE, without a message. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/** What is worth saying, from everything to errors alone: docker's words. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Prints on standard output and standard error; results on the first, all else on the second. */
export class Output {
  /** Remarks and warnings below it are left out; errors and results never are. */
  level: LogLevel = "info";
  readonly #stdout: OutputTarget;
  readonly #stderr: OutputTarget;
  readonly #noColor: boolean;

  constructor(
    stdout: OutputTarget = Deno.stdout,
    stderr: OutputTarget = Deno.stderr,
    { noColor = (Deno.env.get("NO_COLOR") ?? "") !== "" }: { noColor?: boolean } = {},
  ) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#noColor = noColor;
  }

  /**
   * Prints a result exactly as given.
   *
   * @throws {OutputClosedError} If the reader of standard output has gone.
   * @throws {WherryError} `unavailable` if it cannot be written for another reason, for example to a full disk.
   */
  write(text: string | Uint8Array): void {
    try {
      writeFully(this.#stdout, encode(text));
    } catch (cause) {
      if (cause instanceof Deno.errors.BrokenPipe) {
        throw new OutputClosedError("Cannot write to standard output: closed", { cause });
      }
      const reason = String(cause instanceof Error ? cause.message : cause)
        .replace(/ \(os error \d+\).*$/, "");
      throw new WherryError("unavailable", `Cannot write to standard output: ${reason}`, { cause });
    }
  }

  /**
   * Prints a result and a newline.
   *
   * @throws {OutputClosedError} If the reader of standard output has gone.
   */
  writeLine(line: string): void {
    this.write(`${line}\n`);
  }

  /** Prints on standard error exactly as given; nobody reading it is no failure. */
  writeDiagnostic(text: string | Uint8Array): void {
    try {
      writeFully(this.#stderr, encode(text));
    } catch (error) {
      // A closed standard error leaves nobody to tell, and must not change the exit code.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  /** Prints a warning of one line. */
  warn(message: string): void {
    if (!this.#isWorthSaying("warn")) return;
    const label = this.#mayColourStderr ? "\x1b[33mWARNING:\x1b[0m" : "WARNING:";
    this.writeDiagnostic(`${label} ${escapeControls(message)}\n`);
  }

  /** Prints a remark of one line, of the kind that people want to see and programs do not. */
  note(message: string): void {
    if (!this.#isWorthSaying("info")) return;
    this.writeDiagnostic(`wherry: ${escapeControls(message)}\n`);
  }

  /** Prints `error` as {@linkcode formatError} words it. */
  renderError(error: unknown, options: { debug: boolean }): void {
    this.writeDiagnostic(formatError(error, { ...options, colour: this.#mayColourStderr }));
  }

  #isWorthSaying(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.level);
  }

  /** Whether standard output may carry colours: a terminal, and no `NO_COLOR`. */
  get mayColour(): boolean {
    return !this.#noColor && this.#stdout.isTerminal();
  }

  get #mayColourStderr(): boolean {
    return !this.#noColor && this.#stderr.isTerminal();
  }

  /** Columns of the terminal that standard output is, or 80. */
  get width(): number {
    if (!this.#stdout.isTerminal()) return DEFAULT_WIDTH;
    try {
      return Deno.consoleSize().columns || DEFAULT_WIDTH;
    } catch {
      // Another descriptor than 0 to 2 may be the terminal: then the size is not to be had.
      return DEFAULT_WIDTH;
    }
  }
}

const DEFAULT_WIDTH = 80;
const RETRY_DELAY_MS = 1;

function encode(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

function writeFully(target: OutputTarget, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(target.writeSync(rest));
    } catch (error) {
      // Another holder of the same pipe or terminal may have made it non-blocking.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_DELAY_MS);
    }
  }
}

/** How {@linkcode formatError} words an error. */
export interface FormatErrorOptions {
  /** Show the chain of causes, and stacks. */
  readonly debug: boolean;
  /** Use terminal colours. @default {false} */
  readonly colour?: boolean;
}

/**
 * Words an error for a person: `wherry: message`, and a second line with the hint.
 *
 * Of a `SuppressedError` the original failure comes first and the failed undo after it; an
 * `AggregateError` gives one line for each of its errors. Control characters are escaped.
 *
 * @returns Whole lines; `""` for {@linkcode OutputClosedError}, which nobody is there to read.
 */
export function formatError(error: unknown, options: FormatErrorOptions): string {
  if (error instanceof OutputClosedError) return "";
  const label = options.colour ? "\x1b[31mwherry:\x1b[0m" : "wherry:";
  const lines = flatten(error).flatMap((single) => [
    `${label} ${escapeControls(messageOf(single))}`,
    ...hintLines(single),
    ...(options.debug ? causeLines(single) : []),
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

/** Errors in the order to show them; bounded, because an error may contain itself. */
function flatten(error: unknown, depth = 0): unknown[] {
  if (depth < MAX_CAUSES && error instanceof SuppressedError) {
    return [...flatten(error.suppressed, depth + 1), ...flatten(error.error, depth + 1)];
  }
  if (depth < MAX_CAUSES && error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap((inner: unknown) => flatten(inner, depth + 1));
  }
  return [error];
}

const MAX_CAUSES = 16;

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`;
  return isDefect(error) ? `internal error: ${error.name}: ${error.message}` : error.message;
}

/** Whether wherry itself went wrong: built-in errors are programming mistakes. */
function isDefect(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError ||
    error instanceof ReferenceError || error instanceof SyntaxError;
}

function hintLines(error: unknown): string[] {
  if (error instanceof WherryError) {
    return error.hint === undefined ? [] : [escapeControls(error.hint)];
  }
  if (error instanceof Error && !isDefect(error)) return [];
  return ["This is a defect of wherry: run it again with --debug, and report what it prints"];
}

function causeLines(error: unknown): string[] {
  const lines = stackLines(error);
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < MAX_CAUSES; depth++) {
    lines.push(`  caused by: ${escapeControls(describe(cause))}`, ...stackLines(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function stackLines(error: unknown): string[] {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) =>
    escapeControls(line)
  );
}
