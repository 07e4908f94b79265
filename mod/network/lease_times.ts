/** When something has to be done about leases: pure. @module */

import { type Endpoint, NEVER } from "./sandbox.ts";

/** How often an address is asked for that nobody gives any more, and how often at most one that is held. */
export const RETRY_MS = 60_000;
/** What a monitor takes: more than three weeks. A lease that is longer is only looked at. */
const MAX_WAKE_MS = 2 ** 31 - 1;

/**
 * When leases are to be looked at next.
 *
 * @param now Milliseconds since the epoch.
 * @returns Milliseconds from now on; -1 for never.
 */
export function planNextWake(
  endpoints: readonly Pick<Endpoint, "ipv4" | "lease">[],
  now: number,
): number {
  const times = endpoints.map((endpoint) => nextTime(endpoint, now)).filter((time) => time < NEVER);
  if (times.length === 0) return -1;
  return Math.min(MAX_WAKE_MS, Math.max(0, Math.min(...times) - now));
}

/** @returns {@linkcode NEVER} if nothing has to be done. */
function nextTime({ ipv4, lease }: Pick<Endpoint, "ipv4" | "lease">, now: number): number {
  if (lease === undefined) return NEVER;
  if (ipv4 === undefined) return now + RETRY_MS;
  const { renewAt, rebindAt, expiresAt } = lease;
  if (now < renewAt) return renewAt;
  if (now < rebindAt) return halfWay(now, rebindAt);
  return now < expiresAt ? halfWay(now, expiresAt) : now;
}

/** Nobody has answered: again after half of the time that is left. @see RFC 2131 section 4.4.5 */
function halfWay(now: number, end: number): number {
  return Math.min(end, now + Math.max(RETRY_MS, (end - now) / 2));
}
