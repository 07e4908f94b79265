/** How long giving away addresses takes. @module */

import { AddressPool } from "../mod/network/ipam.ts";
import type { IpamPool } from "../mod/network/network.ts";
import { cell } from "./bench_measure.ts";

/** Nearly all that a /16 has. */
const ADDRESSES = 65_000;
const OWNER = "ab".repeat(32);
const POOL: IpamPool = {
  subnet: "10.210.0.0/16",
  gateway: "10.210.0.1",
  range: "",
  auxiliaryAddresses: {},
};

/** What {@linkcode benchAddresses} found, in milliseconds. */
export interface AddressResult {
  /** Giving away 65,000 addresses of a /16 in a row. */
  allMs: number;
  /** One more, as a command does it, when nearly all are taken. */
  oneMoreMs: number;
}

/**
 * Gives away addresses below each of `parents`.
 *
 * @returns By the parent.
 */
export function benchAddresses(parents: readonly string[]): Record<string, AddressResult> {
  console.log(`\nGive away ${ADDRESSES} addresses, and one more`);
  return Object.fromEntries(parents.map((parent) => {
    const directory = Deno.makeTempDirSync({ dir: parent, prefix: "wherry-bench-" });
    try {
      const result = measure(directory);
      const cells = [result.allMs, result.oneMoreMs].map((ms) => cell(`${ms.toFixed(1)} ms`));
      console.log(`${parent.padEnd(22)}${cells.join("")}`);
      return [parent, result];
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  }));
}

function measure(directory: string): AddressResult {
  const place = { directory: `${directory}/addresses`, networkName: "bench" };
  const request = { owner: OWNER, isStale: () => false, nameOf: (owner: string) => owner };
  const pool = new AddressPool(POOL, place);
  const startedAt = performance.now();
  for (let count = 0; count < ADDRESSES; count++) pool.allocate(request);
  const fullAt = performance.now();
  new AddressPool(POOL, place).allocate(request);
  return { allMs: fullAt - startedAt, oneMoreMs: performance.now() - fullAt };
}
