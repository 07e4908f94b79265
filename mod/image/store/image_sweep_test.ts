import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { makeImage, testStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import type { Digest } from "../spec/digest.ts";
import { sweepImages } from "./image_sweep.ts";
import { getImage } from "./images.ts";

const ORPHAN_BLOB = "a".repeat(64);
const ORPHAN_LAYER = "b".repeat(64);

testStore("sweepImages() removes blobs and layers that no image needs", async (store) => {
  const { paths } = store;
  await makeImage(paths, "box");
  const before = store.list();
  Deno.writeTextFileSync(`${paths.blobs}/${ORPHAN_BLOB}`, "orphan");
  Deno.mkdirSync(`${paths.layers}/${ORPHAN_LAYER}`);

  const sweep = sweepImages(paths, () => UNUSED);

  deepStrictEqual(sweep, { stagingCount: 0, blobCount: 1, layerCount: 1, damaged: [] });
  deepStrictEqual(store.list(), before);
});

testStore("sweepImages() removes what killed writers of the index left", async (store) => {
  await makeImage(store.paths, "box");
  const before = store.list();
  // No process has this id
  Deno.writeTextFileSync(`${store.paths.index}.99999999.0.tmp`, "half");

  sweepImages(store.paths, () => UNUSED);

  deepStrictEqual(store.list(), before);
});

testStore("sweepImages() removes no blob and no layer beside a damaged manifest", async (store) => {
  const { paths } = store;
  await makeImage(paths, "box");
  Deno.writeTextFileSync(`${paths.blobs}/${ORPHAN_BLOB}`, "orphan");
  Deno.mkdirSync(`${paths.layers}/${ORPHAN_LAYER}`);
  const { digest } = getImage(paths, "box");
  Deno.writeTextFileSync(paths.blob(digest), "damaged");
  const before = store.list();

  const { blobCount, layerCount, damaged } = sweepImages(paths, () => UNUSED);

  deepStrictEqual([blobCount, layerCount, damaged.map((image) => image.digest)], [0, 0, [digest]]);
  deepStrictEqual(store.list(), before);
});

testStore("sweepImages() removes only blobs beside a damaged config blob", async (store) => {
  const { paths } = store;
  const id = await makeImage(paths, "box");
  const before = store.list();
  Deno.writeTextFileSync(`${paths.blobs}/${ORPHAN_BLOB}`, "orphan");
  Deno.mkdirSync(`${paths.layers}/${ORPHAN_LAYER}`);
  Deno.writeTextFileSync(paths.blob(id as string as Digest), "damaged");

  const { blobCount, layerCount } = sweepImages(paths, () => UNUSED);

  deepStrictEqual([blobCount, layerCount], [1, 0]);
  deepStrictEqual(store.list(), [...before, `layers/${ORPHAN_LAYER}`].toSorted());
});

testStore(
  "sweepImages() keeps all layers while it is not known what containers need",
  async (store) => {
    const { paths } = store;
    await makeImage(paths, "box");
    Deno.mkdirSync(`${paths.layers}/${ORPHAN_LAYER}`);

    const { layerCount } = sweepImages(paths, () => ({ ...UNUSED, layers: () => undefined }));

    strictEqual(layerCount, 0);
  },
);
