import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { checkVlanId, parseVlanName } from "./vlan.ts";

Deno.test("parseVlanName() reads the link and the number of the VLAN", () => {
  deepStrictEqual(parseVlanName("eth0.10"), { base: "eth0", id: 10 });
  deepStrictEqual(parseVlanName("eth0.10.20"), { base: "eth0.10", id: 20 });
});

Deno.test("parseVlanName() finds none in other names", () => {
  for (const name of ["eth0", "eth0.", ".10", "eth0.x", "eth0.10x"]) {
    strictEqual(parseVlanName(name), undefined, name);
  }
});

Deno.test("checkVlanId() refuses what no VLAN has", () => {
  checkVlanId({ base: "eth0", id: 1 });
  checkVlanId({ base: "eth0", id: 4094 });
  for (const id of [0, 4095]) {
    throws(() => checkVlanId({ base: "eth0", id }), {
      kind: "invalid_argument",
      message: `vlan id must be between 1-4094, received: ${id}`,
    });
  }
});
