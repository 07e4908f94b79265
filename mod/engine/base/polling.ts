/** Looking again and again at what tells nobody that it has changed. @module */

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** Resolves after `milliseconds`. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Whether `time`, in nanoseconds since 1970, has gone by; `undefined` never does. */
export function isPast(time: bigint | undefined): boolean {
  return time !== undefined && BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND > time;
}
