import { deepStrictEqual } from "node:assert/strict";
import { sumLinkCounters } from "./link_counters.ts";

const HEAD = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
`;

Deno.test("sumLinkCounters() adds up all links but for the loopback", () => {
  const text = `${HEAD}    lo: 9999  10 0 0 0 0 0 0 9999 10 0 0 0 0 0 0
  eth0: 1000  10 0 0 0 0 0 0 200 2 0 0 0 0 0 0
  eth1:  500   5 0 0 0 0 0 0 100 1 0 0 0 0 0 0
`;

  deepStrictEqual(sumLinkCounters(text), { receivedBytes: 1500, sentBytes: 300 });
});

Deno.test("sumLinkCounters() takes numbers that stand close to the name", () => {
  const text = `${HEAD}verylongname123:12345678901 10 0 0 0 0 0 0 7 2 0 0 0 0 0 0\n`;

  deepStrictEqual(sumLinkCounters(text), { receivedBytes: 12_345_678_901, sentBytes: 7 });
});

Deno.test("sumLinkCounters() of a namespace without links is nothing", () => {
  deepStrictEqual(sumLinkCounters(HEAD), { receivedBytes: 0, sentBytes: 0 });
});
