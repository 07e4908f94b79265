import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fakeVolume } from "../../tests/fakes/volume.ts";
import { checkVolumeName, isDisposable, isVolumeName, labelsOf, parseVolume } from "./volume.ts";

for (const name of ["ab", "a-b_c.d", "0a", "A.", "a".repeat(255)]) {
  Deno.test(`checkVolumeName() takes ${name.slice(0, 20)}`, () => {
    strictEqual(checkVolumeName(name), name);
  });
}

for (
  const [name, message] of [
    [
      "",
      /^create : volume name is too short, names should be at least two alphanumeric characters$/,
    ],
    ["a", /^create a: volume name is too short/],
    ["a".repeat(256), /: volume name is too long, names should be at most 255 characters$/],
    [
      "a/b",
      /^create a\/b: "a\/b" includes invalid characters for a local volume name, only "\[a-zA/,
    ],
    ["..", /includes invalid characters/],
    [".hidden", /includes invalid characters/],
    ["-a", /includes invalid characters/],
    ["a b", /includes invalid characters/],
    ["é\u00e9", /includes invalid characters/],
    ["ab\n", /includes invalid characters/],
  ] as const
) {
  Deno.test(`checkVolumeName() refuses ${JSON.stringify(name.slice(0, 20))}`, () => {
    strictEqual(isVolumeName(name), false);
    throws(() => checkVolumeName(name), { kind: "invalid_argument", message });
  });
}

Deno.test("labelsOf() adds docker's label of volumes without a name of their own", () => {
  const labels = { tier: "db" };

  deepStrictEqual(labelsOf(fakeVolume({ labels })), labels);
  deepStrictEqual(labelsOf(fakeVolume({ labels, isAnonymous: true })), {
    tier: "db",
    "com.docker.volume.anonymous": "",
  });
});

Deno.test("isDisposable() is true for what somebody labelled as docker labels such volumes", () => {
  strictEqual(isDisposable(fakeVolume()), false);
  strictEqual(isDisposable(fakeVolume({ isAnonymous: true })), true);
  strictEqual(isDisposable(fakeVolume({ labels: { "com.docker.volume.anonymous": "x" } })), true);
});

for (
  const [what, json] of [
    ["a list", []],
    ["another schema", { ...fakeVolume(), schema: 2 }],
    ["another driver", { ...fakeVolume(), driver: "nfs" }],
    ["a name that leads elsewhere", { ...fakeVolume(), name: "../x" }],
    ["options that are no texts", { ...fakeVolume(), options: { size: 1 } }],
    ["no labels", { ...fakeVolume(), labels: undefined }],
    ["a time that is none", { ...fakeVolume(), createdAt: "yesterday" }],
  ] as const
) {
  Deno.test(`parseVolume() refuses ${what}`, () => {
    throws(() => parseVolume(json), { kind: "corrupt" });
  });
}
