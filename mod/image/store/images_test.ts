import { strictEqual, throws } from "node:assert/strict";
import { makeImage, testStore } from "../../../tests/fakes/image_store.ts";
import { hexOf } from "../spec/digest.ts";
import { readIndex, REPOSITORY_DIGEST_ANNOTATION, writeIndex } from "./image_index.ts";
import { listImages } from "./image_list.ts";
import { findImage, getImage } from "./images.ts";

testStore("findImage() finds by every form of name and id", async ({ paths }) => {
  const id = await makeImage(paths, "box:1");
  const { digest } = getImage(paths, "box:1");
  const forms = [
    "box:1",
    "docker.io/library/box:1",
    `box@${digest}`,
    `box:other@${digest}`,
    id,
    hexOf(id),
    hexOf(id).slice(0, 12),
    `sha256:${hexOf(id).slice(0, 8)}`,
    digest,
  ];

  for (const form of forms) strictEqual(findImage(paths, form)?.id, id, form);
});

testStore("findImage() finds by the digest that a registry has the image by", async ({ paths }) => {
  const id = await makeImage(paths, "host.test:5000/box:1");
  const digest = `sha256:${"ab".repeat(32)}`;
  const manifests = readIndex(paths).manifests.map((entry) => ({
    ...entry,
    annotations: { ...entry.annotations, [REPOSITORY_DIGEST_ANNOTATION]: digest },
  }));
  writeIndex(paths, { manifests });

  strictEqual(findImage(paths, `host.test:5000/box@${digest}`)?.id, id);
  strictEqual(findImage(paths, `host.test:5000/box:any@${digest}`)?.id, id);
  strictEqual(findImage(paths, `box@${digest}`), undefined);
});

testStore("findImage() prefers a name to an id that starts with it", async ({ paths }) => {
  const id = await makeImage(paths, "other");
  const named = await makeImage(paths, hexOf(id).slice(0, 4), "x");

  strictEqual(findImage(paths, hexOf(id).slice(0, 4))?.id, named);
});

testStore("findImage() finds nothing in a store that does not exist", ({ paths }) => {
  strictEqual(findImage(paths, "box"), undefined);
});

testStore("findImage() refuses the start of several ids", async ({ paths }) => {
  // 17 images: two of their ids start with the same digit
  for (let i = 0; i < 17; i++) await makeImage(paths, `box:${i}`, `f${i}`);
  const digits = listImages(paths).images.map(({ id }) => hexOf(id).slice(0, 1));
  const twice = digits.find((digit, i) => digits.indexOf(digit) !== i) ?? "";

  throws(() => findImage(paths, twice), {
    kind: "invalid_argument",
    message: /the ids of several images start with it/,
  });
});

testStore(
  "findImage() finds by id beside an image whose manifest is damaged",
  async ({ paths }) => {
    await makeImage(paths, "bad");
    const id = await makeImage(paths, "good");
    Deno.writeTextFileSync(paths.blob(getImage(paths, "bad").digest), "damaged");

    strictEqual(findImage(paths, id)?.id, id);
  },
);

testStore("getImage() names what it does not find", ({ paths }) => {
  throws(() => getImage(paths, "nothing:1"), {
    kind: "not_found",
    message: 'Cannot find image "nothing:1": there is none of this name or id',
  });
});
