import { deepStrictEqual, throws } from "node:assert/strict";
import { fakeVolume } from "../../../tests/fakes/volume.ts";
import { parseVolumeFilter } from "./volume_filter.ts";

const VOLUMES = [
  fakeVolume({ name: "db-main", labels: { tier: "db", safe: "" } }),
  fakeVolume({ name: "db-copy", labels: { tier: "db" } }),
  fakeVolume({ name: "ab".repeat(32), isAnonymous: true }),
];
const USED = ["db-main"];

function choose(...filters: readonly string[]): string[] {
  const isWanted = parseVolumeFilter(filters);
  return VOLUMES.filter((volume) => isWanted({ volume, isUsed: () => USED.includes(volume.name) }))
    .map(({ name }) => name.slice(0, 7));
}

for (
  const [filters, expected] of [
    [[], ["db-main", "db-copy", "abababa"]],
    [["name=db"], ["db-main", "db-copy"]],
    [["name=^db-main$", "name=^ab"], ["db-main", "abababa"]],
    [["driver=local"], ["db-main", "db-copy", "abababa"]],
    [["driver=nfs"], []],
    [["label=tier"], ["db-main", "db-copy"]],
    [["label=tier=db", "label=safe"], ["db-main"]],
    [["label=com.docker.volume.anonymous"], ["abababa"]],
    [["dangling=true"], ["db-copy", "abababa"]],
    [["dangling=0"], ["db-main"]],
    [["dangling=1", "name=db"], ["db-copy"]],
  ] as const
) {
  Deno.test(`parseVolumeFilter() chooses by ${filters.join(" and ") || "nothing"}`, () => {
    deepStrictEqual(choose(...filters), expected);
  });
}

for (
  const [filter, message] of [
    ["dangling=yes", "invalid filter 'dangling=yes'"],
    ["name=(", "invalid filter 'name=('"],
    ["scope=local", "invalid filter 'scope'"],
    ["until=1h", "invalid filter 'until'"],
    ["toString=1", "invalid filter 'tostring'"],
    ["name", 'Cannot filter by "name": it is not name=value'],
  ] as const
) {
  Deno.test(`parseVolumeFilter() refuses ${filter}`, () => {
    throws(() => parseVolumeFilter([filter]), { kind: "invalid_argument", message });
  });
}
