/**
 * What is said about a series of measurements.
 *
 * @module
 */

/**
 * The value below which the given part of a series lies, by the nearest-rank method.
 *
 * @param values In any order; at least one.
 * @param part Between 0 and 1: 0.5 for the median, 0.95 for the 95th percentile.
 * @throws {RangeError} If `values` is empty.
 */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("Cannot take a percentile of nothing");
  return value;
}

/**
 * The value in the middle of a series; the mean of the two middle ones when their number is even.
 *
 * @param values In any order; at least one.
 * @throws {RangeError} If `values` is empty.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) {
    throw new RangeError("Cannot take the median of nothing");
  }
  return (lower + upper) / 2;
}

/**
 * How many times larger one series is than another, measured in pairs.
 *
 * The median of the pairs' ratios is steadier than the ratio of two medians:
 * noise that lasts longer than one pair hits both of its halves.
 *
 * @param values Measured in the same rounds as `baseline`, in the same order.
 * @param baseline What to divide by.
 * @throws {RangeError} If the series differ in length, or are empty.
 */
export function pairedRatio(values: readonly number[], baseline: readonly number[]): number {
  if (values.length !== baseline.length) {
    throw new RangeError(`Cannot pair ${values.length} values with ${baseline.length}`);
  }
  return median(values.map((value, round) => value / (baseline[round] ?? NaN)));
}
