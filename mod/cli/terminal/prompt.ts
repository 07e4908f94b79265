/** Questions on the terminal. @module */

import { WherryError } from "../../errors.ts";
import { parseSignal } from "../../kernel/signal.ts";
import { hideInput } from "../../kernel/terminal.ts";
import { exitCodeOfSignal } from "../base/exit_code.ts";
import type { Output } from "../base/output.ts";

const STDIN = 0;
const NEWLINE = 0x0a;
/** Signals that would end this process and leave the terminal silent. */
const CAUGHT: readonly Deno.Signal[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"];

/** Asks on standard output, and reads one line from standard input without its end. */
export async function promptLine(output: Output, question: string): Promise<string> {
  output.write(question);
  return await readLine();
}

/**
 * Asks as {@linkcode promptLine} does; what is typed is not shown.
 *
 * @throws {WherryError} If a signal ends it; the terminal is as it was then.
 */
export async function promptSecret(output: Output, question: string): Promise<string> {
  using stack = new DisposableStack();
  const ended = Promise.withResolvers<never>();
  for (const signal of CAUGHT) {
    const end = (): void =>
      ended.reject(
        new WherryError("conflict", `Cannot read the answer: ${signal}`, {
          exitCode: exitCodeOfSignal(parseSignal(signal) ?? 0),
        }),
      );
    Deno.addSignalListener(signal, end);
    stack.defer(() => Deno.removeSignalListener(signal, end));
  }
  stack.defer(() => output.write("\n"));
  stack.use(hideInput(STDIN));
  output.write(question);
  return await Promise.race([readLine(), ended.promise]);
}

async function readLine(): Promise<string> {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  // One byte at a time: what follows the line is not ours
  while (await Deno.stdin.read(one) === 1 && one[0] !== NEWLINE) bytes.push(one[0] ?? 0);
  return new TextDecoder().decode(new Uint8Array(bytes));
}
