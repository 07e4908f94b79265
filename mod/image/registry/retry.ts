/** Trying again what may work the next time. @module */

import { WherryError } from "../../errors.ts";
import type { Patience } from "./patience.ts";
import type { TransferOptions } from "./registry.ts";

/** A failure after which the same may work. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  /** What is thrown when there are no more tries. */
  readonly failure: Error;
  /** How long the server wants to be left alone; `undefined` if it does not say. In milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(failure: Error, { retryAfterMs }: { retryAfterMs?: number | undefined } = {}) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The tries of one thing that is to be done. */
export class Retries {
  readonly #patience: Patience;
  readonly #options: TransferOptions;
  #failures = 0;

  constructor(patience: Patience, options: TransferOptions) {
    this.#patience = patience;
    this.#options = options;
  }

  /** There was progress: failures from now on are new ones. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Waits until it may be tried again.
   *
   * @param error What went wrong; thrown again if another try does not help, or there were enough of them.
   */
  async after(error: unknown): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (!(error instanceof TransientError)) throw error;
    this.#failures++;
    if (this.#failures >= this.#patience.tries) throw error.failure;
    const delayMs = this.#delayAfter(error);
    this.#options.onRetry?.(error.failure.message, delayMs);
    await pause(delayMs, this.#options.signal);
  }

  #delayAfter({ failure, retryAfterMs }: TransientError): number {
    const { delayMs, maxDelayMs, maxRetryAfterMs } = this.#patience;
    if (retryAfterMs !== undefined) {
      if (retryAfterMs > maxRetryAfterMs) throw askedToComeBackLater(failure, retryAfterMs);
      return retryAfterMs;
    }
    const longest = Math.min(maxDelayMs, delayMs * 2 ** (this.#failures - 1));
    // Not all clients of a registry in trouble should come back at once
    return Math.round(longest / 2 + Math.random() * longest / 2);
  }
}

/** Why a request is made again, and when. */
export function describeRetry(why: string, delayMs: number): string {
  return `in ${Math.ceil(delayMs / 1000)} seconds: ${why}`;
}

function askedToComeBackLater(failure: Error, retryAfterMs: number): Error {
  const seconds = Math.ceil(retryAfterMs / 1000);
  return new WherryError("unavailable", failure.message, {
    cause: failure,
    hint: `The registry asks to be left alone for ${seconds} seconds: try again then`,
  });
}

/** Does something until it works, as often as patience lasts. */
export async function withRetries<T>(
  action: () => Promise<T>,
  { patience, options }: { patience: Patience; options: TransferOptions },
): Promise<T> {
  const retries = new Retries(patience, options);
  for (;;) {
    try {
      options.signal.throwIfAborted();
      return await action();
    } catch (error) {
      await retries.after(error);
    }
  }
}

/** Waits, unless `signal` ends it: then its reason is thrown. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Reads `Retry-After`: seconds, or a date.
 *
 * @param now In milliseconds since 1970.
 * @returns Milliseconds, at least 0; `undefined` if it is missing or malformed.
 */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
