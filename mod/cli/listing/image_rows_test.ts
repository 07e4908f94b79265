import { deepStrictEqual } from "node:assert/strict";
import type { ImageSummary } from "../../engine/image/images.ts";
import { imageIdOf, parseDigest } from "../../image/spec/digest.ts";
import { parseReference } from "../../image/spec/reference.ts";
import { imageRows } from "./image_rows.ts";

const [DIGEST_A, DIGEST_B] = [`sha256:${"aa".repeat(32)}`, `sha256:${"bb".repeat(32)}`];

function image(names: readonly string[], digests: readonly string[]): ImageSummary {
  return {
    id: imageIdOf(parseDigest(`sha256:${"12".repeat(32)}`)),
    references: names.map(parseReference),
    repositoryDigests: digests.map(parseReference),
    created: "2026-11-21T10:00:00.5+01:00",
    labels: {},
    sizeBytes: 1_234_567,
  };
}

function namesOf(image: ImageSummary, hasDigests: boolean): unknown[][] {
  return imageRows(image, { isWhole: false, hasDigests, nowMs: 0 })
    .map(({ Repository, Tag, Digest }) => [Repository, Tag, Digest]);
}

Deno.test("imageRows() has docker's fields", () => {
  const nowMs = Date.parse("2026-11-21T12:00:00Z");

  deepStrictEqual(
    imageRows(image(["box:1"], []), { isWhole: false, hasDigests: false, nowMs }),
    [{
      Repository: "box",
      Tag: "1",
      Digest: "<none>",
      ID: "121212121212",
      CreatedSince: "3 hours ago",
      CreatedAt: "2026-11-21 09:00:00 +0000 UTC",
      Size: "1.23MB",
      VirtualSize: "1.235MB",
      SharedSize: "N/A",
      UniqueSize: "N/A",
      Containers: "N/A",
    }],
  );
});

Deno.test("imageRows() shows digests beside tags only where they are asked for", () => {
  const both = image(["box:1", "box:2", "other:1"], [`box@${DIGEST_A}`, `box@${DIGEST_B}`]);

  deepStrictEqual(namesOf(both, false), [
    ["box", "1", "<none>"],
    ["box", "2", "<none>"],
    ["other", "1", "<none>"],
  ]);
  deepStrictEqual(namesOf(both, true), [
    ["box", "1", DIGEST_A],
    ["box", "1", DIGEST_B],
    ["box", "2", DIGEST_A],
    ["box", "2", DIGEST_B],
    ["other", "1", "<none>"],
  ]);
});

Deno.test("imageRows() gives a repository a line that has nothing but digests", () => {
  const untagged = image(["box:1"], [`other@${DIGEST_A}`, `other@${DIGEST_B}`]);

  deepStrictEqual(namesOf(untagged, false), [["box", "1", "<none>"], ["other", "<none>", ""]]);
  deepStrictEqual(namesOf(untagged, true), [
    ["box", "1", "<none>"],
    ["other", "<none>", DIGEST_A],
    ["other", "<none>", DIGEST_B],
  ]);
});

Deno.test("imageRows() gives an image without a name one line", () => {
  deepStrictEqual(namesOf(image([], []), true), [["<none>", "<none>", "<none>"]]);
});

for (const created of [undefined, "no time"]) {
  Deno.test(`imageRows() shows no age for an image made at ${created}`, () => {
    const [row] = imageRows({ ...image([], []), created }, {
      isWhole: true,
      hasDigests: false,
      nowMs: 0,
    });

    deepStrictEqual([row?.["CreatedSince"], row?.["CreatedAt"]], ["N/A", ""]);
  });
}
