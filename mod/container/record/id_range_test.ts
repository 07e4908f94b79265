import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  findFreeRange,
  intersectRanges,
  parseAccountIds,
  parseSubordinateIds,
} from "./id_range.ts";

Deno.test("parseSubordinateIds() passes over lines that make no sense", () => {
  const text = [
    "containers:100000:65536",
    "# comment:1:2",
    "",
    "broken:x:1",
    "none:5:0",
    "1000:300000:10 ",
    "too:1:2:3",
  ];

  deepStrictEqual(parseSubordinateIds(text.join("\n")), [
    { owner: "containers", first: 100000, count: 65536 },
    { owner: "1000", first: 300000, count: 10 },
  ]);
});

Deno.test("parseAccountIds() takes the third field of passwd and of group", () => {
  deepStrictEqual(parseAccountIds("root:x:0:0:root:/root:/bin/sh\ngames:x:20\nbroken\n"), [
    { first: 0, count: 1 },
    { first: 20, count: 1 },
  ]);
});

Deno.test("intersectRanges() has what is in both lists", () => {
  deepStrictEqual(
    intersectRanges(
      [{ first: 10, count: 10 }, { first: 50, count: 5 }],
      [{ first: 0, count: 12 }, { first: 18, count: 34 }, { first: 55, count: 9 }],
    ),
    [{ first: 10, count: 2 }, { first: 18, count: 2 }, { first: 50, count: 2 }],
  );
});

const POOL = [{ first: 100, count: 30 }];

for (
  const { name, taken, first } of [
    { name: "the start of an empty pool", taken: [], first: 100 },
    { name: "the first gap that is wide enough", taken: [[100, 10], [115, 5]], first: 120 },
    { name: "a gap that is just wide enough", taken: [[110, 20]], first: 100 },
    { name: "a gap among ranges out of order", taken: [[120, 10], [100, 10]], first: 110 },
    { name: "what follows ranges that overlap", taken: [[90, 25], [95, 5], [111, 2]], first: 115 },
    { name: "the end of the pool", taken: [[100, 20]], first: 120 },
    { name: "nothing when the gap is too narrow", taken: [[109, 13]], first: undefined },
    { name: "nothing when one id is taken in each", taken: [[105, 1], [115, 1], [125, 1]] },
  ]
) {
  Deno.test(`findFreeRange() finds ${name}`, () => {
    const ranges = taken.map(([start = 0, count = 0]) => ({ first: start, count }));

    strictEqual(findFreeRange(POOL, ranges, 10)?.first, first);
  });
}

Deno.test("findFreeRange() goes on in the next pool when one is full", () => {
  const pools = [...POOL, { first: 1000, count: 10 }];

  deepStrictEqual(findFreeRange(pools, [{ first: 100, count: 25 }], 10), {
    first: 1000,
    count: 10,
  });
});

Deno.test("findFreeRange() never joins two pools", () => {
  const pools = [{ first: 100, count: 5 }, { first: 105, count: 5 }];

  strictEqual(findFreeRange(pools, [], 10), undefined);
});
