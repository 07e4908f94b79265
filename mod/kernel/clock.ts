/** The clock of the host. @module */

import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const CLOCK_REALTIME = 0;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/**
 * Nanoseconds since 1970, by the clock that monitors read too: what several processes write down stays in order.
 *
 * `Date` knows milliseconds alone, and `performance.timeOrigin` is as far from the clock as the process was
 * interrupted while it began.
 *
 * @see clock_gettime(2)
 */
export function realTimeNs(): bigint {
  const time = new BigInt64Array(2); // struct timespec
  const bytes = new Uint8Array(time.buffer);
  checked(core.nbnn(SYSCALL.clock_gettime, CLOCK_REALTIME, bytes, 0, 0), "clock_gettime", "now");
  const [seconds = 0n, nanoseconds = 0n] = time;
  return seconds * NANOSECONDS_PER_SECOND + nanoseconds;
}
