/** How far a copy is, on a terminal. @module */

import type { Output } from "../base/output.ts";
import { formatDecimalSize } from "../base/units.ts";

/** Takes the line away and goes back to its start. */
const CLEAR_LINE = "\r\x1b[K";
/** Docker's. */
const INTERVAL_MS = 75;
const DIGITS = 3;

/** Shows docker's line of progress, again and again in the same place. */
export class CopyProgress implements Disposable {
  readonly #output: Output;
  readonly #title: string;
  readonly #isShown: boolean;
  #shownAt = -INTERVAL_MS;
  #hasShown = false;

  /** @param isShown Whether standard error is a terminal, and somebody wants to see it. */
  constructor(output: Output, title: string, { isShown }: { isShown: boolean }) {
    this.#output = output;
    this.#title = title;
    this.#isShown = isShown;
  }

  /** Tells of all bytes so far; may be called often. */
  update(bytes: number): void {
    if (!this.#isShown) return;
    const now = performance.now();
    if (now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    this.#hasShown = true;
    this.#output.writeDiagnostic(`${CLEAR_LINE}${this.#title} - ${formatCopied(bytes)}`);
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#hasShown) this.#output.writeDiagnostic(CLEAR_LINE);
  }
}

/** A size as docker tells it of copies. */
export function formatCopied(bytes: number): string {
  return formatDecimalSize(bytes, DIGITS);
}
