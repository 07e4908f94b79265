/** How much the links of a network namespace have carried. @see proc_pid_net(5) @module */

/** Bytes on all links together, from the point of view of who is in the namespace. */
export interface LinkCounters {
  receivedBytes: number;
  sentBytes: number;
}

/** Of the numbers behind a link's name: bytes received, and bytes sent. */
const [RECEIVED, SENT] = [0, 8] as const;

/**
 * Adds up what the links have carried, but for what a namespace sends to itself.
 *
 * @param text Content of `/proc/PID/net/dev`.
 */
export function sumLinkCounters(text: string): LinkCounters {
  const sums = { receivedBytes: 0, sentBytes: 0 };
  for (const [, name, numbers = ""] of text.matchAll(/^ *([^\s:]+): *(\d[\d ]*)$/gm)) {
    if (name === "lo") continue;
    const fields = numbers.trim().split(/ +/).map(Number);
    sums.receivedBytes += fields[RECEIVED] ?? 0;
    sums.sentBytes += fields[SENT] ?? 0;
  }
  return sums;
}
