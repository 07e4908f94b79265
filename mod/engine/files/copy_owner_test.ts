import { deepStrictEqual, throws } from "node:assert/strict";
import { ownerInside, ownerOnHost } from "./copy_owner.ts";

const RANGE = { first: 100_000, count: 1_000 };

Deno.test("ownerOnHost() and ownerInside() change nothing of a container with the host's ids", () => {
  const owner = { uid: 1000, gid: 5000 };

  deepStrictEqual([ownerOnHost(owner, null), ownerInside(owner, null)], [owner, owner]);
});

Deno.test("ownerOnHost() gives the numbers of a container's own range", () => {
  deepStrictEqual(ownerOnHost({ uid: 0, gid: 999 }, RANGE), { uid: 100_000, gid: 100_999 });
});

Deno.test("ownerOnHost() refuses an id that the container does not have", () => {
  throws(() => ownerOnHost({ uid: 0, gid: 1_000 }, RANGE), {
    kind: "unsupported",
    message: "Cannot give a file to 0:1000: the container's ids end at 999",
  });
});

Deno.test("ownerInside() is nobody for an id outside the range", () => {
  const owner = ownerInside({ uid: 99_999, gid: 101_000 }, RANGE);

  deepStrictEqual(owner, { uid: 65_534, gid: 65_534 });
});

Deno.test("ownerInside() undoes ownerOnHost()", () => {
  const owner = { uid: 33, gid: 44 };

  deepStrictEqual(ownerInside(ownerOnHost(owner, RANGE), RANGE), owner);
});
