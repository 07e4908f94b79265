import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  allPorts,
  findPortConflict,
  formatHostPorts,
  readPortRegistry,
  withoutPorts,
  withPorts,
  writePortRegistry,
} from "./port_registry.ts";
import type { PortMapping } from "./sandbox.ts";

const PORT: PortMapping = {
  protocol: "tcp",
  hostAddress: "0.0.0.0",
  hostPort: 8080,
  containerAddress: "10.210.0.2",
  containerPort: 80,
  count: 1,
};
const TAKEN = new Map([["first", [{ ...PORT, hostPort: 8000, count: 100 }]]]);

function conflictOf(taken: Partial<PortMapping>, wanted: Partial<PortMapping>): string {
  const registry = new Map([["owner", [{ ...PORT, ...taken }]]]);
  return findPortConflict(registry, [{ ...PORT, ...wanted }])?.owner ?? "none";
}

Deno.test("findPortConflict() tells who has which port", () => {
  deepStrictEqual(findPortConflict(TAKEN, [{ ...PORT, hostPort: 80 }, { ...PORT, count: 50 }]), {
    owner: "first",
    taken: { ...PORT, hostPort: 8000, count: 100 },
    wanted: { ...PORT, count: 50 },
    port: 8080,
  });
});

Deno.test("findPortConflict() takes the unspecified address for all of its family", () => {
  strictEqual(conflictOf({ hostAddress: "127.0.0.1" }, {}), "owner");
  strictEqual(conflictOf({}, { hostAddress: "127.0.0.1" }), "owner");
  strictEqual(conflictOf({ hostAddress: "::" }, { hostAddress: "fd00::1" }), "owner");
});

Deno.test("findPortConflict() keeps addresses, families and protocols apart", () => {
  strictEqual(conflictOf({ hostAddress: "127.0.0.1" }, { hostAddress: "127.0.0.2" }), "none");
  strictEqual(conflictOf({ hostAddress: "::" }, {}), "none");
  strictEqual(conflictOf({ protocol: "udp" }, {}), "none");
});

Deno.test("findPortConflict() lets ranges meet but not overlap", () => {
  strictEqual(conflictOf({ hostPort: 8070, count: 10 }, {}), "none");
  strictEqual(conflictOf({ hostPort: 8081, count: 10 }, {}), "none");
  strictEqual(conflictOf({ hostPort: 8071, count: 10 }, {}), "owner");
});

Deno.test("findPortConflict() finds what is wanted twice", () => {
  deepStrictEqual(findPortConflict(new Map(), [PORT, { ...PORT, containerPort: 81 }]), {
    owner: "",
    taken: PORT,
    wanted: { ...PORT, containerPort: 81 },
    port: 8080,
  });
});

Deno.test("findPortConflict() passes over owners that do not count any more", () => {
  const registry = withPorts(TAKEN, "second", [{ ...PORT, hostPort: 9000 }]);
  const wanted = [PORT, { ...PORT, hostPort: 9000 }];

  strictEqual(findPortConflict(registry, wanted, (owner) => owner === "first")?.owner, "second");
});

Deno.test("withoutPorts() undoes withPorts()", () => {
  const other = { ...PORT, hostPort: 1 };

  const more = withPorts(withPorts(TAKEN, "second", [PORT]), "second", [other]);

  deepStrictEqual(allPorts(more).length, 3);
  deepStrictEqual(withoutPorts(more, "second", [{ ...PORT }]).get("second"), [other]);
  deepStrictEqual(withoutPorts(more, "second", [other, PORT]), TAKEN);
  deepStrictEqual(withoutPorts(TAKEN, "first", [PORT]), TAKEN);
});

Deno.test("readPortRegistry() reads what writePortRegistry() wrote", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/ports`;

  deepStrictEqual(readPortRegistry(path), new Map());
  writePortRegistry(path, TAKEN);
  deepStrictEqual(readPortRegistry(path), TAKEN);
  Deno.writeTextFileSync(path, '{"schema":1,"owners":{"a":[{}]}}');
  throws(() => readPortRegistry(path), { kind: "corrupt" });

  Deno.removeSync(directory, { recursive: true });
});

Deno.test("formatHostPorts() writes addresses as they stand in URLs", () => {
  strictEqual(formatHostPorts(PORT), "0.0.0.0:8080/tcp");
  strictEqual(formatHostPorts({ ...PORT, hostAddress: "::", count: 10 }), "[::]:8080-8089/tcp");
});
