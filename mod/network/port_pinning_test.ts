import { deepStrictEqual } from "node:assert/strict";
import { pinPorts } from "./port_pinning.ts";
import type { WantedPort } from "./port_plan.ts";
import type { PortMapping } from "./sandbox.ts";

function wanted(changes: Partial<WantedPort> = {}): WantedPort {
  return {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: 0,
    count: 1,
    ...changes,
  };
}

function published(changes: Partial<PortMapping> = {}): PortMapping {
  return {
    protocol: "tcp",
    hostAddress: "0.0.0.0",
    hostPort: 49153,
    containerAddress: "10.210.0.2",
    containerPort: 80,
    count: 1,
    ...changes,
  };
}

function pinned(ports: readonly WantedPort[], mappings: readonly PortMapping[]): number[] {
  return pinPorts(ports, mappings).map(({ hostPort }) => hostPort);
}

Deno.test("pinPorts() asks for the host port that was chosen", () => {
  deepStrictEqual(pinPorts([wanted()], [published()]), [
    wanted({ hostPort: 49153, hostPortEnd: 49153 }),
  ]);
});

Deno.test("pinPorts() asks for any when nothing is published", () => {
  deepStrictEqual(pinPorts([wanted()], []), [wanted()]);
});

Deno.test("pinPorts() leaves a fixed host port alone", () => {
  const fixed = wanted({ hostPort: 8080, hostPortEnd: 8080 });

  deepStrictEqual(pinPorts([fixed], [published()]), [fixed]);
});

Deno.test("pinPorts() keeps a port of a range in which it lies", () => {
  const range = wanted({ hostPort: 8000, hostPortEnd: 8010 });

  deepStrictEqual(pinned([range], [published({ hostPort: 8007 })]), [8007]);
  deepStrictEqual(pinned([range], [published({ hostPort: 9007 })]), [8000]);
});

Deno.test("pinPorts() finds a port in the middle of a row", () => {
  deepStrictEqual(
    pinned([wanted({ containerPort: 82 })], [published({ hostPort: 5000, count: 4 })]),
    [5002],
  );
});

Deno.test("pinPorts() does not take another protocol or address", () => {
  deepStrictEqual(pinned([wanted({ protocol: "udp" })], [published()]), [0]);
  deepStrictEqual(pinned([wanted({ hostAddress: "127.0.0.1" })], [published()]), [0]);
});

Deno.test("pinPorts() gives two that want the same port a host port each", () => {
  const mappings = [published({ hostPort: 5000 }), published({ hostPort: 5001 })];

  deepStrictEqual(pinned([wanted(), wanted()], mappings), [5000, 5001]);
});
