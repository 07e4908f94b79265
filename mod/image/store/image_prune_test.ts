import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { makeImage, testStore, UNUSED, usedBy } from "../../../tests/fakes/image_store.ts";
import { chainId } from "../spec/digest.ts";
import { listImages } from "./image_list.ts";
import { pruneImages } from "./image_prune.ts";
import { getImage } from "./images.ts";
import { parseReference } from "../spec/reference.ts";

const ALL = { isUnwanted: (): boolean => true, isDamagedUnwanted: (): boolean => true };

testStore(
  "pruneImages() removes what is unwanted and unused, with all that belongs to it",
  async (store) => {
    const { paths } = store;
    const kept = await makeImage(paths, "kept");
    const used = await makeImage(paths, "used");
    const before = store.list();
    const unwanted = await makeImage(paths, "unwanted");
    const { config } = getImage(paths, "unwanted");

    const { removed, reclaimedBytes } = pruneImages(paths, {
      use: () => usedBy(used, false),
      isUnwanted: ({ id }) => id !== kept,
      isDamagedUnwanted: () => false,
    });

    deepStrictEqual(removed, [{
      id: unwanted,
      labels: {},
      untagged: [parseReference("unwanted")],
      deletedLayers: [chainId(config.diffIds)],
    }]);
    strictEqual(reclaimedBytes > 0, true);
    deepStrictEqual(store.list(), before);
  },
);

testStore("pruneImages() tells of a layer of several images once", async ({ paths }) => {
  await makeImage(paths, "one", "same");
  const { config } = getImage(paths, "one");
  await makeImage(paths, "two", "same");
  listImages(paths);

  const { removed } = pruneImages(paths, { use: () => UNUSED, ...ALL });

  deepStrictEqual(removed.flatMap(({ deletedLayers }) => deletedLayers), [chainId(config.diffIds)]);
});

testStore("pruneImages() leaves nothing when all images go", async (store) => {
  await makeImage(store.paths, "one");
  listImages(store.paths);

  pruneImages(store.paths, { use: () => UNUSED, ...ALL });

  deepStrictEqual(
    store.list(),
    ["blobs", "index.json", "index.lock", "layers", "oci-layout", "staging"],
  );
});

testStore(
  "pruneImages() removes others beside a damaged image, and what they had with it",
  async (store) => {
    const { paths } = store;
    await makeImage(paths, "bad");
    await makeImage(paths, "other");
    Deno.writeTextFileSync(paths.blob(getImage(paths, "bad").digest), "damaged");
    const before = store.list();

    const kept = pruneImages(paths, { use: () => UNUSED, ...ALL, isDamagedUnwanted: () => false });

    deepStrictEqual(kept.removed.map(({ untagged }) => untagged), [[parseReference("other")]]);
    deepStrictEqual([kept.reclaimedBytes, kept.damaged.length], [0, 1]);
    deepStrictEqual(store.list(), before);

    const all = pruneImages(paths, { use: () => UNUSED, ...ALL });

    deepStrictEqual(all.removed.map(({ untagged }) => untagged), [[parseReference("bad")]]);
    strictEqual(all.reclaimedBytes > 0, true);
    deepStrictEqual(store.list().filter((path) => /\/./.test(path)), []);
  },
);

testStore("pruneImages() gives back the room of directories that have grown", ({ paths }) => {
  Deno.mkdirSync(paths.blobs, { recursive: true, mode: 0o700 });
  for (let i = 0; i < 300; i++) {
    Deno.writeTextFileSync(`${paths.blobs}/${i.toString(16).padStart(64, "0")}`, "");
  }

  pruneImages(paths, { use: () => UNUSED, ...ALL });

  const { size, mode } = Deno.statSync(paths.blobs);
  deepStrictEqual([size <= 4096, (mode ?? 0) & 0o777], [true, 0o700]);
});
