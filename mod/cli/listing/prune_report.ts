/** What `prune` prints, as docker's does. @module */

import type { PruneResult } from "../../engine/base/prunable.ts";
import type { Context } from "../base/context.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import { formatDecimalSize } from "../base/units.ts";

const SIGNIFICANT_DIGITS = 4;

/** Prints what was removed, kind by kind, and the sum in the end. */
export class PruneReport {
  readonly #context: Context;
  #reclaimedBytes = 0;
  #exitCode = 0;

  /** Prints nothing yet. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** Prints what of one kind is gone, and what went wrong. */
  add(title: string, { removed, reclaimedBytes, failures }: PruneResult): void {
    const { output, isDebug } = this.#context;
    if (removed.length > 0) output.write(`${title}:\n${removed.join("\n")}\n\n`);
    this.#reclaimedBytes += reclaimedBytes;
    for (const failure of failures) {
      output.renderError(failure, { debug: isDebug });
      this.#exitCode = EXIT_FAILURE;
    }
  }

  /** 1 if something could not be removed. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /**
   * Prints the sum.
   *
   * @returns Exit code: 1 if something could not be removed.
   */
  finish(): number {
    const size = formatDecimalSize(this.#reclaimedBytes, SIGNIFICANT_DIGITS);
    this.#context.output.writeLine(`Total reclaimed space: ${size}`);
    return this.exitCode;
  }
}
