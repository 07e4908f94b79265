import { deepStrictEqual, throws } from "node:assert/strict";
import { completeSecurity } from "./complete_security.ts";
import { DEFAULT_SECURITY, type Security } from "./security.ts";

Deno.test("completeSecurity() of nothing is the default", () => {
  deepStrictEqual(completeSecurity({}), DEFAULT_SECURITY);
});

Deno.test("completeSecurity() writes capabilities by their full names", () => {
  const { addedCapabilities, droppedCapabilities } = completeSecurity({
    addedCapabilities: ["sys_time"],
    droppedCapabilities: ["all"],
  });

  deepStrictEqual([addedCapabilities, droppedCapabilities], [["CAP_SYS_TIME"], ["ALL"]]);
});

const MOST = Number.MAX_SAFE_INTEGER;
const refused: readonly (readonly [request: Partial<Security>, message: string | RegExp])[] = [
  [{ addedCapabilities: ["X"] }, 'invalid CapAdd: unknown capability: "CAP_X"'],
  [{ droppedCapabilities: ["X"] }, 'invalid CapDrop: unknown capability: "CAP_X"'],
  [{ oomScoreAdj: 1001 }, "Invalid value 1001, range for oom score adj is [-1000, 1000]"],
  [{ oomScoreAdj: -1001 }, "Invalid value -1001, range for oom score adj is [-1000, 1000]"],
  [{ oomScoreAdj: 0.5 }, "Invalid value 0.5, range for oom score adj is [-1000, 1000]"],
  [{ shmSize: 0 }, "Cannot make /dev/shm of 0 bytes: it takes at least 1"],
  [{ umask: 0o10000 }, "Cannot use the umask 4096: it is 0 to 07777"],
  [{ sysctls: { "vm.swappiness": "1" } }, /^Cannot set the sysctl "vm.swappiness": /],
  [{ ulimits: [{ name: "x", soft: 1, hard: 1 }] }, "invalid ulimit type: x"],
  [
    { ulimits: [{ name: "core", soft: 2, hard: 1 }] },
    "ulimit soft limit must be less than or equal to hard limit: 2 > 1",
  ],
  [
    { ulimits: [{ name: "core", soft: -1, hard: 1 }] },
    "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1",
  ],
  [
    { ulimits: [{ name: "core", soft: -2, hard: 1 }] },
    `Cannot limit core to -2: limits are 0 to ${MOST}, or -1 for none`,
  ],
];
for (const [request, message] of refused) {
  Deno.test(`completeSecurity() refuses ${JSON.stringify(request)}`, () => {
    throws(() => completeSecurity(request), { kind: "invalid_argument", message });
  });
}
