import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DEFAULT_SECURITY, type Security } from "../../container/security/security.ts";
import { systemPathsOf } from "../../container/launch/system_paths.ts";
import { describeSecurity, describeSysctls } from "./inspect_security.ts";
import type { Inspection } from "../base/inspection.ts";

function describe(changes: Partial<Security>): Inspection {
  const security = { ...DEFAULT_SECURITY, ...changes };
  return describeSecurity(security, systemPathsOf(security, "/nonexistent"));
}

Deno.test("describeSecurity() has null where nobody said anything", () => {
  const { MaskedPaths, ReadonlyPaths, ...others } = describe({});

  deepStrictEqual(others, {
    CapAdd: null,
    CapDrop: null,
    GroupAdd: null,
    OomScoreAdj: 0,
    Privileged: false,
    SecurityOpt: null,
    ShmSize: 67108864,
    Ulimits: [],
  });
  deepStrictEqual([Array.isArray(MaskedPaths), Array.isArray(ReadonlyPaths)], [true, true]);
});

Deno.test("describeSecurity() has what was asked for", () => {
  const described = describe({
    addedCapabilities: ["CAP_NET_ADMIN"],
    groups: ["audio"],
    oomScoreAdj: -7,
    ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
  });

  deepStrictEqual(described["CapAdd"], ["CAP_NET_ADMIN"]);
  deepStrictEqual(described["GroupAdd"], ["audio"]);
  strictEqual(described["OomScoreAdj"], -7);
  deepStrictEqual(described["Ulimits"], [{ Name: "nofile", Hard: 2, Soft: 1 }]);
});

Deno.test("describeSecurity() of a privileged container has no paths and no label, as docker's", () => {
  const { MaskedPaths, ReadonlyPaths, SecurityOpt } = describe({ isPrivileged: true });

  deepStrictEqual([MaskedPaths, ReadonlyPaths, SecurityOpt], [null, null, ["label=disable"]]);
});

Deno.test("describeSecurity() tells of no hidden path by an empty list alone", () => {
  const { MaskedPaths, ReadonlyPaths, SecurityOpt } = describe({
    maskedPaths: [],
    readonlyPaths: [],
    options: ["systempaths=unconfined", "no-new-privileges"],
  });

  deepStrictEqual([MaskedPaths, ReadonlyPaths, SecurityOpt], [[], [], ["no-new-privileges"]]);
});

Deno.test("describeSysctls() leaves the field out without any", () => {
  deepStrictEqual(describeSysctls(DEFAULT_SECURITY), {});
  deepStrictEqual(describeSysctls({ ...DEFAULT_SECURITY, sysctls: { "kernel.sem": "1" } }), {
    Sysctls: { "kernel.sem": "1" },
  });
});
