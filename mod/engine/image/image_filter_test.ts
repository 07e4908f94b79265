import { deepStrictEqual, throws } from "node:assert/strict";
import { imageIdOf, parseDigest } from "../../image/spec/digest.ts";
import { formatFamiliar, parseReference } from "../../image/spec/reference.ts";
import { parseImageFilter } from "./image_filter.ts";
import type { ImageSummary } from "./images.ts";

const DIGEST = `sha256:${"cd".repeat(32)}`;

function image(
  digit: string,
  names: readonly string[],
  { second = 0, labels = {} }: { second?: number; labels?: Record<string, string> | undefined },
): ImageSummary {
  const all = names.map(parseReference);
  return {
    id: imageIdOf(parseDigest(`sha256:${digit.repeat(64)}`)),
    references: all.filter(({ digest }) => digest === undefined),
    repositoryDigests: all.filter(({ digest }) => digest !== undefined),
    created: labels === undefined ? undefined : new Date(second * 1000).toISOString(),
    labels,
    sizeBytes: 0,
  };
}

const IMAGES: readonly ImageSummary[] = [
  image("a", ["web:1", "team/web:2", `web@${DIGEST}`], {
    second: 30,
    labels: { app: "web", x: "" },
  }),
  image("b", [`box@${DIGEST}`], { second: 20 }),
  image("c", [], { second: 10, labels: { app: "none" } }),
  { ...image("d", ["bad:1"], {}), labels: undefined, created: undefined },
];

const LOOKUPS = {
  createdOf: (wanted: string): number => Number(wanted) * 1000,
  parseTime: (text: string): number => Number(text) * 1000,
};

const CASES: readonly [filters: string[], left: string[]][] = [
  [[], ["a web:1 team/web:2 web@", "b box@", "c", "d bad:1"]],
  [["dangling=true"], ["b box@", "c"]],
  [["dangling=0"], ["a web:1 team/web:2 web@", "d bad:1"]],
  [["label=app"], ["a web:1 team/web:2 web@", "c"]],
  [["label=app=web", "label=x"], ["a web:1 team/web:2 web@"]],
  [["label=app=web", "label=app=none"], []],
  [["reference=web"], ["a web:1 web@"]],
  [["reference=web:1", "reference=box"], ["a web:1", "b box@"]],
  [["reference=*/*"], ["a team/web:2"]],
  [["since=10"], ["a web:1 team/web:2 web@", "b box@"]],
  [["before=30", "since=10"], ["b box@"]],
  [["until=20"], ["b box@", "c"]],
  [["dangling=true", "label=app"], ["c"]],
];

function show({ id, references, repositoryDigests }: ImageSummary): string {
  const names = [...references, ...repositoryDigests].map(formatFamiliar);
  return [id.at(-1) ?? "", ...names.map((name) => name.replace(DIGEST, ""))].join(" ");
}

for (const [filters, left] of CASES) {
  Deno.test(`parseImageFilter() leaves what ${filters.join(" and ") || "no filter"} wants`, () => {
    deepStrictEqual(parseImageFilter(filters, LOOKUPS)(IMAGES).map(show), left);
  });
}

for (const filter of ["dangling=maybe", "nothing=1", "toString=1"]) {
  Deno.test(`parseImageFilter() refuses ${filter}`, () => {
    throws(() => parseImageFilter([filter], LOOKUPS), {
      kind: "invalid_argument",
      message: /^invalid filter '/,
    });
  });
}
