/** How long tests wait for what should happen. @module */

/**
 * How many times slower than usual this machine is: `WHERRY_TEST_SLOWNESS`, which is 1 when it is not set.
 *
 * @throws {RangeError} If the variable is no number, or below 1.
 */
function readSlowness(): number {
  const text = Deno.env.get("WHERRY_TEST_SLOWNESS") ?? "1";
  const slowness = Number(text);
  if (slowness >= 1) return slowness;
  throw new RangeError(`Cannot wait "${text}" times longer: WHERRY_TEST_SLOWNESS is at least 1`);
}

const SLOWNESS = readSlowness();

/** A time in milliseconds that is long enough on a fast machine, made longer for this one. */
export function withPatience(milliseconds: number): number {
  return milliseconds * SLOWNESS;
}
