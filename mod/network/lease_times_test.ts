import { strictEqual } from "node:assert/strict";
import { planNextWake, RETRY_MS } from "./lease_times.ts";
import { type DhcpLease, type Endpoint, NEVER } from "./sandbox.ts";

const IPV4 = { address: "192.0.2.5", prefixLength: 24, gateway: "" };
const HOUR_MS = 3_600_000;

function endpoint(
  { renewAt = 1, rebindAt = 2, expiresAt = 3 }: Partial<DhcpLease>,
): Pick<Endpoint, "ipv4" | "lease"> {
  const lease: DhcpLease = {
    server: "192.0.2.1",
    serverMac: "02:00:00:00:00:01",
    renewAt: renewAt * HOUR_MS,
    rebindAt: rebindAt * HOUR_MS,
    expiresAt: expiresAt * HOUR_MS,
    nameServers: [],
    domainName: "",
    domainSearch: [],
    clientId: "ff",
    parent: "eth0",
    release: "",
  };
  return { ipv4: IPV4, lease };
}

Deno.test("planNextWake() is never without a lease, or with one that has no end", () => {
  const infinite = endpoint({ renewAt: NEVER, rebindAt: NEVER, expiresAt: NEVER });

  strictEqual(planNextWake([{}, infinite], 0), -1);
});

Deno.test("planNextWake() is the first renewal of several", () => {
  strictEqual(planNextWake([endpoint({ renewAt: 1.5 }), endpoint({}), {}], 0), HOUR_MS);
});

Deno.test("planNextWake() is half-way to the next stage when nobody has answered", () => {
  strictEqual(planNextWake([endpoint({})], HOUR_MS), HOUR_MS / 2);
  strictEqual(planNextWake([endpoint({})], 2.5 * HOUR_MS), HOUR_MS / 4);
});

Deno.test("planNextWake() is a minute at least, but not later than the next stage", () => {
  strictEqual(planNextWake([endpoint({})], 2 * HOUR_MS - 100_000), RETRY_MS);
  strictEqual(planNextWake([endpoint({})], 3 * HOUR_MS - 5_000), 5_000);
});

Deno.test("planNextWake() is now when a lease has ended, and a minute when there is no address", () => {
  const { lease } = endpoint({});

  strictEqual(planNextWake([endpoint({})], 4 * HOUR_MS), 0);
  strictEqual(planNextWake(lease === undefined ? [] : [{ lease }], 4 * HOUR_MS), RETRY_MS);
});

Deno.test("planNextWake() is within what a monitor takes", () => {
  strictEqual(planNextWake([endpoint({ renewAt: 10_000 })], 0), 2 ** 31 - 1);
});
