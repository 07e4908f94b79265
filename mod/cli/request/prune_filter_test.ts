import { strictEqual, throws } from "node:assert/strict";
import { isPrunable } from "../../engine/base/prunable.ts";
import { parsePruneFilter, parseVolumePruneFilter } from "./prune_filter.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");

function matches(filters: string[], labels: Record<string, string>): boolean {
  return parsePruneFilter(filters, NOW_MS).matchesLabels(labels);
}

Deno.test("parsePruneFilter() wants all labels that are named", () => {
  strictEqual(matches(["label=a", "label=b=1"], { a: "", b: "1" }), true);
  strictEqual(matches(["label=a", "label=b=1"], { a: "", b: "2" }), false);
  strictEqual(matches([], {}), true);
});

Deno.test("parsePruneFilter() spares what has a label after label!", () => {
  strictEqual(matches(["label!=keep"], { keep: "yes" }), false);
  strictEqual(matches(["label!=keep=no"], { keep: "yes" }), true);
});

Deno.test("parsePruneFilter() reads until as an age or a point in time", () => {
  const object = { createdAt: "2026-11-20T11:30:00.000Z", labels: {} };

  strictEqual(isPrunable(parsePruneFilter(["until=10m"], NOW_MS), object), true);
  strictEqual(isPrunable(parsePruneFilter(["until=1h"], NOW_MS), object), false);
  strictEqual(isPrunable(parsePruneFilter(["until=2026-11-20T11:29:00Z"], NOW_MS), object), false);
});

for (
  const [filter, message] of [
    ["name=x", /invalid filter 'name'/],
    ["label", /it is not name=value/],
    ["until=yesterday", /Cannot read time "yesterday"/],
  ] as const
) {
  Deno.test(`parsePruneFilter() refuses ${filter}`, () => {
    throws(() => parsePruneFilter([filter], NOW_MS), message);
  });
}

Deno.test("parsePruneFilter() refuses two times", () => {
  throws(() => parsePruneFilter(["until=1h", "until=2h"], NOW_MS), /more than one until filter/);
});

for (
  const [filters, isAll] of [
    [[], undefined],
    [["label=a"], undefined],
    [["all=1"], true],
    [["all=false", "label!=b"], false],
  ] as const
) {
  Deno.test(`parseVolumePruneFilter() takes ${filters.join(" and ") || "nothing"}`, () => {
    strictEqual(parseVolumePruneFilter(filters).isAll, isAll);
  });
}

Deno.test("parseVolumePruneFilter() chooses by labels", () => {
  const { filter } = parseVolumePruneFilter(["all=1", "label=a", "label!=keep"]);

  strictEqual(filter.matchesLabels({ a: "" }), true);
  strictEqual(filter.matchesLabels({ a: "", keep: "" }), false);
});

for (
  const [filters, message] of [
    [["until=1h"], "invalid filter 'until'"],
    [["name=x"], "invalid filter 'name'"],
    [["all=yes"], "invalid filter 'all=yes'"],
    [["all=1", "all=0"], "invalid filter 'all=1,0'"],
  ] as const
) {
  Deno.test(`parseVolumePruneFilter() refuses ${filters.join(" and ")}`, () => {
    throws(() => parseVolumePruneFilter(filters), { kind: "invalid_argument", message });
  });
}
