/** Asking before something is gone for good. @module */

import type { Context } from "../base/context.ts";

/**
 * Asks on standard output and reads one line from standard input.
 *
 * @param warning What is about to happen, without a newline at its end.
 * @returns Whether the answer is `y` or `yes`; anything else, the end of input too, is no.
 */
export function confirm({ output }: Context, warning: string): boolean {
  output.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  return isYes(readLine());
}

function isYes(answer: string): boolean {
  return ["y", "yes"].includes(answer.trim().toLowerCase());
}

function readLine(): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  // One byte at a time: what follows the line is not ours
  while (Deno.stdin.readSync(one) === 1 && one[0] !== NEWLINE) bytes.push(one[0] ?? 0);
  return new TextDecoder().decode(new Uint8Array(bytes));
}

const NEWLINE = 0x0a;
