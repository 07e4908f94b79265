import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { sourceOf } from "../../tests/fakes/byte_source.ts";
import { TestImageStore, UNUSED } from "../../tests/fakes/image_store.ts";
import { tarOf } from "../../tests/fakes/tar_builder.ts";
import { needs } from "../../tests/needs.ts";
import { chainId, hexOf, type ImageId } from "./digest.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  findImage,
  getImage,
  type ImageUse,
  listImages,
  pruneImages,
  removeImage,
  sweepImages,
  tagImage,
} from "./images.ts";
import { importRootfs } from "./import.ts";
import { formatFamiliar, parseReference } from "./reference.ts";

const GENTLE = { isForced: false, use: () => UNUSED };
const FORCED = { isForced: true, use: () => UNUSED };

async function make(paths: ImagePaths, name: string, file = name): Promise<ImageId> {
  const tar = tarOf({ name: file });
  const { id } = await importRootfs(paths, sourceOf(tar), {
    reference: parseReference(name),
    sourceName: "-",
    createdAt: new Date(0),
  });
  return id;
}

function test(name: string, body: (store: TestImageStore) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: async () => {
      using store = new TestImageStore();
      await body(store);
    },
  });
}

function usedBy(id: ImageId, isRunning: boolean): ImageUse {
  const user = { name: "web", isRunning };
  return { usersOf: (asked) => asked === id ? [user] : [], layers: () => [] };
}

test("findImage() finds by every form of name and id", async ({ paths }) => {
  const id = await make(paths, "box:1");
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

test("findImage() prefers a name to an id that starts with it", async ({ paths }) => {
  const id = await make(paths, "other");
  const named = await make(paths, hexOf(id).slice(0, 4), "x");

  strictEqual(findImage(paths, hexOf(id).slice(0, 4))?.id, named);
});

test("findImage() finds nothing in a store that does not exist", async ({ paths }) => {
  strictEqual(findImage(paths, "box"), undefined);
  await Promise.resolve();
});

test("findImage() refuses the start of several ids", async ({ paths }) => {
  // 17 images: two of their ids start with the same digit
  for (let i = 0; i < 17; i++) await make(paths, `box:${i}`, `f${i}`);
  const digits = listImages(paths).map(({ id }) => hexOf(id).slice(0, 1));
  const twice = digits.find((digit, i) => digits.indexOf(digit) !== i) ?? "";

  throws(() => findImage(paths, twice), {
    kind: "invalid_argument",
    message: /the ids of several images start with it/,
  });
});

test("getImage() names what it does not find", async ({ paths }) => {
  throws(() => getImage(paths, "nothing:1"), {
    kind: "not_found",
    message: 'Cannot find image "nothing:1": there is none of this name or id',
  });
  await Promise.resolve();
});

test("listImages() lists an image once with all its names", async ({ paths }) => {
  const id = await make(paths, "box");
  tagImage(paths, "box", parseReference("team/box:2"));

  const images = listImages(paths);

  deepStrictEqual(images.map((image) => image.id), [id]);
  deepStrictEqual(images[0]?.references.map(formatFamiliar), ["box:latest", "team/box:2"]);
  strictEqual(images[0]?.sizeBytes, 1536);
  strictEqual(images[0]?.config.created, "1970-01-01T00:00:00.000Z");
});

test("removeImage() takes one of two names away", async ({ paths }) => {
  const id = await make(paths, "box");
  tagImage(paths, "box", parseReference("two"));

  const removal = removeImage(paths, "box", GENTLE);

  deepStrictEqual(removal, {
    id,
    labels: {},
    untagged: [parseReference("box")],
    deleted: undefined,
  });
  strictEqual(getImage(paths, "two").id, id);
});

test("removeImage() removes the image with its last name, and everything of it", async (store) => {
  await make(store.paths, "keep");
  const before = store.list();
  const id = await make(store.paths, "box");

  const removal = removeImage(store.paths, "box", GENTLE);

  deepStrictEqual(removal, { id, labels: {}, untagged: [parseReference("box")], deleted: id });
  deepStrictEqual(store.list(), before);
});

test("removeImage() keeps a layer that another image has too", async ({ paths }) => {
  await make(paths, "one", "same");
  await importRootfs(paths, sourceOf(tarOf({ name: "same" })), {
    reference: parseReference("two"),
    sourceName: "-",
    message: "other config",
  });

  removeImage(paths, "one", GENTLE);

  strictEqual(Deno.statSync(`${getImage(paths, "two").layerDirs[0]}/same`).isFile, true);
});

test("removeImage() keeps a layer that a container stands on", async ({ paths }) => {
  const id = await make(paths, "box");
  const { layerDirs, config } = getImage(paths, "box");
  const use: ImageUse = { ...usedBy(id, false), layers: () => [chainId(config.diffIds)] };

  removeImage(paths, "box", { isForced: true, use: () => use });

  strictEqual(findImage(paths, "box"), undefined);
  strictEqual(Deno.statSync(layerDirs[0] ?? "").isDirectory, true);
});

const CONFLICTS: ReadonlyArray<readonly [isRunning: boolean, isForced: boolean, message: RegExp]> =
  [
    [true, false, /running container "web" uses it/],
    [true, true, /running container "web" uses it/],
    [false, false, /stopped container "web" uses it/],
  ];

for (const [isRunning, isForced, message] of CONFLICTS) {
  const [state, manner] = [isRunning ? "running" : "stopped", isForced ? "forced" : "not forced"];
  test(`removeImage() refuses when a ${state} container uses it and ${manner}`, async ({ paths }) => {
    const id = await make(paths, "box");

    throws(() => removeImage(paths, "box", { isForced, use: () => usedBy(id, isRunning) }), {
      kind: "conflict",
      message,
    });

    strictEqual(getImage(paths, "box").id, id);
  });
}

test("removeImage() by id refuses an image with two names until forced", async ({ paths }) => {
  const id = await make(paths, "box");
  tagImage(paths, "box", parseReference("two"));

  throws(() => removeImage(paths, id, GENTLE), { kind: "conflict", message: /2 names/ });
  const removal = removeImage(paths, id, FORCED);

  strictEqual(removal.untagged.length, 2);
  deepStrictEqual(listImages(paths), []);
});

test("pruneImages() removes what is unwanted and unused, with all that belongs to it", async (store) => {
  const kept = await make(store.paths, "kept");
  const used = await make(store.paths, "used");
  const before = store.list();
  const unwanted = await make(store.paths, "unwanted");

  const { removed, reclaimedBytes } = pruneImages(store.paths, {
    use: () => usedBy(used, false),
    isUnwanted: ({ id }) => id !== kept,
  });

  deepStrictEqual(removed.map(({ id }) => id), [unwanted]);
  strictEqual(reclaimedBytes > 0, true);
  deepStrictEqual(store.list(), before);
});

test("sweepImages() removes blobs and layers that no image needs", async (store) => {
  await make(store.paths, "box");
  const before = store.list();
  Deno.writeTextFileSync(`${store.paths.blobs}/${"a".repeat(64)}`, "orphan");
  Deno.mkdirSync(`${store.paths.layers}/${"b".repeat(64)}`);

  const sweep = sweepImages(store.paths, () => UNUSED);

  deepStrictEqual(sweep, { stagingCount: 0, blobCount: 1, layerCount: 1 });
  deepStrictEqual(store.list(), before);
});

test("sweepImages() removes nothing when it cannot read an image", async ({ paths }) => {
  await make(paths, "box");
  const { digest, layerDirs } = getImage(paths, "box");
  Deno.writeTextFileSync(paths.blob(digest), "damaged");

  throws(() => sweepImages(paths, () => UNUSED), { kind: "corrupt" });

  strictEqual(Deno.statSync(layerDirs[0] ?? "").isDirectory, true);
});
