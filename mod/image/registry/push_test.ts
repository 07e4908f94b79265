import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { FakeRepository } from "../../../tests/fakes/repository.ts";
import { TestImageStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { listNames } from "../../kernel/entry.ts";
import { readJsonBlob } from "../store/blob_store.ts";
import { type Digest, digestOfBytes } from "../spec/digest.ts";
import {
  lockImages,
  readIndex,
  REPOSITORY_DIGEST_ANNOTATION,
  writeIndex,
} from "../store/image_index.ts";
import { removeImage } from "../store/image_removal.ts";
import { sweepImages } from "../store/image_sweep.ts";
import { tagImage } from "../store/image_tag.ts";
import { getImage } from "../store/images.ts";
import { importRootfs } from "../archive/import.ts";
import { MEDIA_TYPE, parseManifest } from "../spec/oci.ts";
import type { LayerProgress } from "../spec/progress.ts";
import { parseReference } from "../spec/reference.ts";
import { pullFrom } from "./pull.ts";
import { type PushedManifest, type PushOptions, pushTo } from "./push.ts";

const NAME = "registry.test/team/box:1";
const TAR = tarOf({ name: "file", content: "content ".repeat(1000) });

/** Imports a tar, plain or as it is given, as `name`. */
async function importTar(
  { paths }: TestImageStore,
  tar: Uint8Array<ArrayBuffer> = TAR,
  name = NAME,
): Promise<void> {
  await importRootfs(paths, sourceOf(tar), {
    reference: parseReference(name),
    sourceName: "test",
  });
}

async function push(
  { paths }: TestImageStore,
  repository: FakeRepository,
  options: Partial<PushOptions> = {},
): Promise<PushedManifest> {
  return await pushTo(repository, paths, {
    reference: parseReference(NAME),
    signal: new AbortController().signal,
    ...options,
  });
}

function layersOf(
  { paths }: TestImageStore,
  digest: Digest,
): { mediaType: string; digest: Digest }[] {
  return [...readJsonBlob(paths, digest, parseManifest).layers];
}

Deno.test("pushTo() sends layers, then the config, and last the manifest as it is stored", async () => {
  using store = new TestImageStore();
  await importTar(store, new Uint8Array(gzipSync(TAR)));
  const { id, digest } = getImage(store.paths, NAME);
  const repository = new FakeRepository();

  const pushed = await push(store, repository);

  const [layer] = layersOf(store, digest);
  deepStrictEqual(repository.uploads, [layer?.digest, id, "1"]);
  deepStrictEqual(repository.manifests.get("1"), {
    mediaType: MEDIA_TYPE.manifest,
    bytes: Deno.readFileSync(store.paths.blob(digest)),
  });
  deepStrictEqual(pushed, { digest, size: Deno.statSync(store.paths.blob(digest)).size });
});

Deno.test("pushTo() notes the digest in the index, under the name that was pushed alone", async () => {
  using store = new TestImageStore();
  await importTar(store, new Uint8Array(gzipSync(TAR)));
  tagImage(store.paths, NAME, parseReference("other"));

  const { digest } = await push(store, new FakeRepository());

  const noted = readIndex(store.paths).manifests.map(({ annotations }) =>
    annotations[REPOSITORY_DIGEST_ANNOTATION]
  );
  deepStrictEqual(noted.toSorted(), [digest, undefined]);
});

Deno.test("pushTo() compresses a plain layer, and the image keeps its id and its layers", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const before = getImage(store.paths, NAME);
  const repository = new FakeRepository();

  const { digest } = await push(store, repository);

  const after = getImage(store.paths, NAME);
  strictEqual(after.digest, digest);
  notStrictEqual(after.digest, before.digest);
  deepStrictEqual({ ...after, digest: before.digest }, before);
  const [layer] = layersOf(store, digest);
  strictEqual(layer?.mediaType, MEDIA_TYPE.layerGzip);
  const blob = repository.blobs.get(layer.digest) ?? new Uint8Array();
  deepStrictEqual(new Uint8Array(gunzipSync(blob)), TAR);
});

Deno.test("pushTo() compresses a layer once, for all images that have it", async () => {
  using store = new TestImageStore();
  await importTar(store);
  tagImage(store.paths, NAME, parseReference("registry.test/team/same:1"));
  await importTar(store, TAR, "registry.test/team/other:1");

  const { digest } = await push(store, new FakeRepository());

  const blobs = layersOf(store, digest);
  for (const name of ["registry.test/team/same:1", "registry.test/team/other:1"]) {
    deepStrictEqual(layersOf(store, getImage(store.paths, name).digest), blobs);
  }
  strictEqual(getImage(store.paths, "registry.test/team/same:1").digest, digest);
  const { blobCount } = sweepImages(store.paths, () => UNUSED);
  strictEqual(blobCount, 3, "the plain tar and two manifests are left to the clean-up");
});

Deno.test("pushTo() compresses beside another push of the same image", async () => {
  using store = new TestImageStore();
  await importTar(store);
  tagImage(store.paths, NAME, parseReference("elsewhere.test/box:1"));
  const elsewhere = { reference: parseReference("elsewhere.test/box:1") };

  const [first, second] = await Promise.all([
    push(store, new FakeRepository()),
    push(store, new FakeRepository(), elsewhere),
  ]);

  deepStrictEqual(first, second);
  strictEqual(getImage(store.paths, NAME).digest, first.digest);
});

Deno.test("pushTo() sends several layers at a time, and no more than five", async () => {
  using store = new TestImageStore();
  const source = new FakeRepository();
  const layers = Array.from({ length: 12 }, (_, i) => ({ files: { [`file${i}`]: String(i) } }));
  source.addImage({ layers }, "1");
  const signal = new AbortController().signal;
  await pullFrom(source, store.paths, { reference: parseReference(NAME), signal });
  const target = new FakeRepository();
  const [reached, pending] = [Promise.withResolvers<void>(), new Set<string>()];
  let most = 0;
  target.onPiece = async (digest) => {
    pending.add(digest);
    most = Math.max(most, pending.size);
    if (pending.size === 5) reached.resolve();
    await reached.promise;
    await Promise.resolve();
    pending.delete(digest);
  };

  await push(store, target);

  strictEqual(most, 5);
});

Deno.test("pushTo() makes the same blob of the same tar in another store", async () => {
  using store = new TestImageStore();
  using other = new TestImageStore();
  const [first, second] = [new FakeRepository(), new FakeRepository()];
  await importTar(store);
  await importTar(other);

  await push(store, first);
  await push(other, second);

  strictEqual(first.uploads[0], second.uploads[0]);
});

Deno.test("pushTo() sends plain layers of an image from a registry as they came", async () => {
  using store = new TestImageStore();
  const source = new FakeRepository();
  const { digest } = source.addImage(
    { layers: [{ files: { a: "1" }, mediaType: MEDIA_TYPE.layer }] },
    "1",
  );
  const signal = new AbortController().signal;
  await pullFrom(source, store.paths, { reference: parseReference(NAME), signal });
  tagImage(store.paths, NAME, parseReference("elsewhere.test/box:1"));
  const target = new FakeRepository();

  const pushed = await push(store, target, { reference: parseReference("elsewhere.test/box:1") });

  strictEqual(pushed.digest, digest);
  deepStrictEqual(target.manifests.get("1"), source.manifests.get("1"));
});

Deno.test("pushTo() sends nothing that is there, and says so", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const repository = new FakeRepository();
  const progress: LayerProgress[] = [];
  await push(store, repository);

  await push(store, repository, { onProgress: (one) => progress.push({ ...one }) });

  deepStrictEqual(progress.map(({ phase }) => phase), ["waiting", "exists"]);
  deepStrictEqual(progress.map(({ digest }) => digest), Array(2).fill(digestOfBytes(TAR)));
});

Deno.test("pushTo() mounts layers from repositories of the same registry that have them", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const neighbour = new FakeRepository();
  const elsewhere = new FakeRepository();
  await push(store, neighbour);
  for (const name of ["registry.test/team/copy:1", "elsewhere.test/team/copy:1"]) {
    tagImage(store.paths, NAME, parseReference(name));
  }
  const target = new FakeRepository();
  for (const repository of [target, elsewhere]) repository.neighbours.set("team/box", neighbour);
  const phases = new Map<FakeRepository, string[]>([[target, []], [elsewhere, []]]);

  for (
    const [repository, name] of [
      [target, "registry.test/team/copy:1"],
      [elsewhere, "elsewhere.test/team/copy:1"],
    ] as const
  ) {
    await push(store, repository, {
      reference: parseReference(name),
      onProgress: ({ phase, detail = "" }) =>
        phases.get(repository)?.push(`${phase} ${detail}`.trim()),
    });
  }

  deepStrictEqual(phases.get(target), ["waiting", "mounted team/box"]);
  deepStrictEqual(phases.get(elsewhere), ["waiting", "uploading", "done"]);
});

Deno.test("pushTo() sends an image that is removed meanwhile", async () => {
  using store = new TestImageStore();
  await importTar(store, new Uint8Array(gzipSync(TAR)));
  const repository = new FakeRepository();
  repository.onPiece = () => {
    repository.onPiece = () => {};
    removeImage(store.paths, NAME, { use: () => UNUSED, isForced: false });
  };

  const { digest } = await push(store, repository);

  deepStrictEqual(listNames(store.paths.blobs), []);
  ok(repository.manifests.has(digest));
  strictEqual(repository.blobs.size, 2);
  deepStrictEqual(listNames(store.paths.staging), []);
});

Deno.test("pushTo() says which layer is missing, and sends nothing", async () => {
  using store = new TestImageStore();
  await importTar(store, new Uint8Array(gzipSync(TAR)));
  const [layer] = layersOf(store, getImage(store.paths, NAME).digest);
  Deno.removeSync(store.paths.blob(layer?.digest ?? digestOfBytes(TAR)));
  const repository = new FakeRepository();

  await rejects(push(store, repository), {
    kind: "not_found",
    message: `Cannot push "${NAME}": cannot read layer "${layer?.digest}": it is not in the store`,
  });

  deepStrictEqual(repository.uploads, []);
});

Deno.test("pushTo() says which plain layer is damaged, and leaves the store as it was", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const { digest } = getImage(store.paths, NAME);
  const [layer] = layersOf(store, digest);
  const changed = TAR.slice();
  changed[600] = 0;
  Deno.writeFileSync(store.paths.blob(layer?.digest ?? digestOfBytes(TAR)), changed);

  await rejects(push(store, new FakeRepository()), {
    kind: "corrupt",
    message: `Cannot push "${NAME}": cannot use layer: its digest is ${digestOfBytes(changed)}, ` +
      `not ${layer?.digest}`,
  });

  strictEqual(getImage(store.paths, NAME).digest, digest);
});

Deno.test("pushTo() leaves out layers that may not be given to others", async () => {
  using store = new TestImageStore();
  const source = new FakeRepository();
  source.addImage({ layers: [{ files: { a: "1" } }, { files: { b: "2" } }] }, "1");
  const signal = new AbortController().signal;
  await pullFrom(source, store.paths, { reference: parseReference(NAME), signal });
  const [first] = layersOf(store, getImage(store.paths, NAME).digest);
  markForeign(store, first?.digest);
  const target = new FakeRepository();
  const phases: string[] = [];

  await push(store, target, { onProgress: ({ phase }) => phases.push(phase) });

  ok(!target.uploads.includes(first?.digest ?? ""));
  ok(phases.includes("skipped"));
});

Deno.test("pushTo() throws the signal's reason, and sends no manifest", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const repository = new FakeRepository();
  const interrupted = new AbortController();
  repository.onPiece = () => interrupted.abort(new Error("Interrupted"));

  await rejects(push(store, repository, { signal: interrupted.signal }), /^Error: Interrupted$/);

  strictEqual(repository.manifests.size, 0);
});

Deno.test("pushTo() ends a compression at once", async () => {
  using store = new TestImageStore();
  await importTar(store);
  const { digest } = getImage(store.paths, NAME);

  await rejects(
    push(store, new FakeRepository(), { signal: AbortSignal.abort(new Error("Interrupted")) }),
    /^Error: Interrupted$/,
  );

  strictEqual(getImage(store.paths, NAME).digest, digest);
});

/** Rewrites the image `NAME` so that one of its layers is foreign. */
function markForeign({ paths }: TestImageStore, digest: string | undefined): void {
  using _lock = lockImages(paths, "exclusive");
  const [entry] = readIndex(paths).manifests;
  if (entry === undefined) throw new TypeError("Cannot change the image: there is none");
  const manifest = JSON.parse(Deno.readTextFileSync(paths.blob(entry.digest)));
  for (const layer of manifest.layers) {
    if (layer.digest !== digest) continue;
    layer.mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    layer.urls = ["https://elsewhere.test/layer"];
  }
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  const changed = { ...entry, digest: digestOfBytes(bytes), size: bytes.length };
  Deno.writeFileSync(paths.blob(changed.digest), bytes);
  writeIndex(paths, { manifests: [changed] });
}
