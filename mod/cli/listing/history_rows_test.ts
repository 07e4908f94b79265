import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { historyRow } from "./history_rows.ts";

const STEP = {
  id: `sha256:${"12".repeat(32)}`,
  created: "2026-11-21T09:05:34.267005139Z",
  createdBy: '/bin/sh -c #(nop)  HEALTHCHECK &{["CMD-SHELL" "true"]\t"5s"}',
  sizeBytes: 100_000,
  comment: "note",
};
const NOW_MS = Date.parse("2026-11-21T10:05:34Z");

Deno.test("historyRow() is rounded and cut for people as docker has it", () => {
  deepStrictEqual(historyRow(STEP, { isWhole: false, isHuman: true, nowMs: NOW_MS }), {
    ID: "121212121212",
    CreatedSince: "About an hour ago",
    CreatedAt: "2026-11-21T09:05:34Z",
    CreatedBy: '/bin/sh -c #(nop)  HEALTHCHECK &{["CMD-SHELL…',
    Size: "100kB",
    Comment: "note",
  });
});

Deno.test("historyRow() is whole and exact for programs", () => {
  deepStrictEqual(historyRow(STEP, { isWhole: true, isHuman: false, nowMs: NOW_MS }), {
    ID: STEP.id,
    CreatedSince: "2026-11-21T09:05:34Z",
    CreatedAt: "2026-11-21T09:05:34Z",
    CreatedBy: '/bin/sh -c #(nop)  HEALTHCHECK &{["CMD-SHELL" "true"] "5s"}',
    Size: "100000",
    Comment: "note",
  });
});

for (const isWhole of [true, false]) {
  Deno.test(`historyRow() has docker's mark for a step that is no image, whole: ${isWhole}`, () => {
    const row = historyRow({ ...STEP, id: undefined }, { isWhole, isHuman: true, nowMs: NOW_MS });

    strictEqual(row["ID"], "<missing>");
  });
}

Deno.test("historyRow() shows no age for a step without a time", () => {
  const row = historyRow({ ...STEP, created: undefined }, {
    isWhole: false,
    isHuman: true,
    nowMs: NOW_MS,
  });

  deepStrictEqual([row["CreatedSince"], row["CreatedAt"]], ["N/A", "N/A"]);
});
