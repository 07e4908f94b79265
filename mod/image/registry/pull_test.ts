import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { FakeRepository } from "../../../tests/fakes/repository.ts";
import { TestImageStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import { WherryError } from "../../errors.ts";
import { listNames } from "../../kernel/entry.ts";
import { type Digest, digestOfBytes, hexOf } from "../spec/digest.ts";
import { readIndex, REPOSITORY_DIGEST_ANNOTATION, SIZE_ANNOTATION } from "../store/image_index.ts";
import { listImages } from "../store/image_list.ts";
import { removeImage } from "../store/image_removal.ts";
import { sweepImages } from "../store/image_sweep.ts";
import { findImage, getImage } from "../store/images.ts";
import { type Descriptor, MEDIA_TYPE } from "../spec/oci.ts";
import { hostPlatform, parsePlatform } from "../spec/platform.ts";
import type { LayerProgress } from "../spec/progress.ts";
import { formatReference, parseReference } from "../spec/reference.ts";
import { removeAbandonedPartials } from "./partial_blob.ts";
import { type PulledImage, pullFrom, type PullOptions } from "./pull.ts";

const NAME = "registry.test/team/box";

/** Content that gzip cannot make small. */
function noise(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += crypto.randomUUID();
  return text.slice(0, length);
}

/** Pulls `NAME:TAG` or `NAME@DIGEST`. */
async function pull(
  store: TestImageStore,
  repository: FakeRepository,
  suffix = ":latest",
  options: Partial<PullOptions> = {},
): Promise<PulledImage> {
  return await pullFrom(repository, store.paths, {
    reference: parseReference(NAME + suffix),
    signal: new AbortController().signal,
    ...options,
  });
}

/** Fails unless the pull is refused and nothing of it is left. */
async function refusesCleanly(
  repository: FakeRepository,
  message: RegExp,
  kind: WherryError["kind"] = "corrupt",
): Promise<void> {
  using store = new TestImageStore();

  await rejects(pull(store, repository), (error: unknown) => {
    ok(error instanceof WherryError);
    match(error.message, message);
    strictEqual(error.kind, kind);
    return true;
  });

  deepStrictEqual(readIndex(store.paths).manifests, []);
  deepStrictEqual(listNames(store.paths.blobs), []);
  deepStrictEqual(listNames(store.paths.layers), []);
  deepStrictEqual(listNames(store.paths.partial), []);
}

function layerDigests(repository: FakeRepository, manifest: Descriptor): Digest[] {
  const bytes = repository.manifests.get(manifest.digest)?.bytes ?? new Uint8Array();
  const { layers } = JSON.parse(new TextDecoder().decode(bytes));
  return layers.map(({ digest }: { digest: Digest }) => digest);
}

Deno.test("pullFrom() stores manifest, config and layers as they came", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage(
    { layers: [{ files: { a: "1" } }, { files: { b: "2" } }] },
    "latest",
  );

  const pulled = await pull(store, repository);

  const image = getImage(store.paths, NAME);
  strictEqual(image.id, pulled.id);
  strictEqual(image.digest, manifest.digest);
  deepStrictEqual(
    image.layerDirs.map((directory) => listNames(directory)),
    [["a"], ["b"]],
  );
  deepStrictEqual(
    Deno.readFileSync(store.paths.blob(manifest.digest)),
    repository.manifests.get("latest")?.bytes,
  );
  strictEqual(listNames(store.paths.blobs).length, 4);
  strictEqual(pulled.isNew, true);
});

Deno.test("pullFrom() notes the digest that the repository has, and the size", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] });
  const index = repository.addIndex([{ ...manifest, platform: hostPlatform() }], "latest");

  const pulled = await pull(store, repository);

  const [entry] = readIndex(store.paths).manifests;
  strictEqual(pulled.digest, index.digest);
  strictEqual(entry?.digest, manifest.digest);
  strictEqual(entry?.annotations[REPOSITORY_DIGEST_ANNOTATION], index.digest);
  strictEqual(entry?.annotations[SIZE_ANNOTATION], "2048");
});

Deno.test("pullFrom() mends what of an image is damaged in the store", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  const { id } = await pull(store, repository);
  const [layer] = layerDigests(repository, manifest);
  ok(layer !== undefined);
  Deno.truncateSync(store.paths.blob(layer));
  for (const digest of [manifest.digest, id as string as Digest]) {
    const path = store.paths.blob(digest);
    Deno.writeTextFileSync(path, "x".repeat(Deno.statSync(path).size));
  }

  await pull(store, repository);

  deepStrictEqual(listImages(store.paths).damaged, []);
  strictEqual(digestOfBytes(Deno.readFileSync(store.paths.blob(layer))), layer);
});

Deno.test("pullFrom() by digest names the image with the digest and without a tag", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const { digest } = repository.addImage({ layers: [{ files: { a: "1" } }] });

  const pulled = await pull(store, repository, `:1@${digest}`);

  strictEqual(formatReference(pulled.reference), `${NAME}@${digest}`);
  strictEqual(findImage(store.paths, `${NAME}@${digest}`)?.id, pulled.id);
});

Deno.test("pullFrom() a second time fetches no layer and changes nothing", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  await pull(store, repository);
  const before = Deno.statSync(store.paths.index).ino;
  repository.requests.length = 0;
  const phases: string[] = [];

  const again = await pull(store, repository, ":latest", {
    onProgress: ({ phase }) => phases.push(phase),
  });

  strictEqual(again.isNew, false);
  ok(!layerDigests(repository, manifest).some((digest) => repository.requests.includes(digest)));
  strictEqual(Deno.statSync(store.paths.index).ino, before);
  deepStrictEqual(phases, []);
});

Deno.test("pullFrom() tells of the layers that another image has", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const base = { files: { base: "1" } };
  repository.addImage({ layers: [base] }, "a");
  repository.addImage({ layers: [base], config: { author: "somebody else" } }, "b");
  await pull(store, repository, ":a");
  const phases: string[] = [];

  await pull(store, repository, ":b", { onProgress: ({ phase }) => phases.push(phase) });

  deepStrictEqual(phases, ["exists"]);
});

Deno.test("pullFrom() fetches only what another image does not share", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const base = { files: { base: "1" } };
  repository.addImage({ layers: [base, { files: { a: "1" } }] }, "a");
  const second = repository.addImage({ layers: [base, { files: { b: "1" } }] }, "b");
  await pull(store, repository, ":a");
  repository.requests.length = 0;

  await pull(store, repository, ":b");

  const [shared, own] = layerDigests(repository, second);
  deepStrictEqual(
    repository.requests.filter((request) => request === shared || request === own),
    [own],
  );
  strictEqual(listNames(store.paths.layers).length, 3);
});

Deno.test("pullFrom() takes a name away from the image that had it", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: "old" } }] }, "latest");
  await pull(store, repository);
  repository.addImage({ layers: [{ files: { a: "new" } }] }, "latest");

  const pulled = await pull(store, repository);

  strictEqual(pulled.isNew, true);
  deepStrictEqual(
    listImages(store.paths).images.map(({ references }) => references.map(formatReference)),
    [[], [`${NAME}:latest`]],
  );
});

Deno.test("pullFrom() goes on with what an interrupted pull left", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: noise(8000) } }] }, "latest");
  const [digest] = layerDigests(repository, manifest);
  const controller = new AbortController();
  repository.onPiece = (piece, offset) => {
    if (piece === digest && offset === 2000) controller.abort();
  };
  const { signal } = controller;
  await rejects(pull(store, repository, ":latest", { signal }), { name: "AbortError" });
  deepStrictEqual(listNames(store.paths.partial), [hexOf(digest as Digest)]);
  repository.onPiece = () => {};
  repository.requests.length = 0;

  await pull(store, repository);

  ok(repository.requests.includes(`${digest}@2000`));
  deepStrictEqual(listNames(store.paths.partial), []);
});

Deno.test("pullFrom() begins again when what an earlier pull left is damaged", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: noise(8000) } }] }, "latest");
  const [digest = ""] = layerDigests(repository, manifest);
  Deno.mkdirSync(store.paths.partial);
  const left = `${store.paths.partial}/${hexOf(digest as Digest)}`;
  Deno.writeFileSync(left, new Uint8Array(3000));

  await pull(store, repository);

  deepStrictEqual(repository.requests.slice(1), [`${digest}@3000`, digest]);
  strictEqual(findImage(store.paths, NAME) === undefined, false);
});

Deno.test("pullFrom() asks the registry itself where a mirror has something else", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: noise(8000) } }] }, "latest");
  for (const [digest, bytes] of repository.blobs) {
    repository.mirrored.set(digest, bytes.map((byte) => byte ^ 1));
  }

  await pull(store, repository);

  deepStrictEqual(listImages(store.paths).damaged, []);
  deepStrictEqual(listNames(store.paths.partial), []);
});

Deno.test("pullFrom() fetches a blob once for two pulls at a time", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const layers = [{ files: { a: noise(8000) } }, { files: { b: noise(8000) } }];
  const manifest = repository.addImage({ layers }, "latest", "other");

  await Promise.all([pull(store, repository), pull(store, repository, ":other")]);

  for (const digest of layerDigests(repository, manifest)) {
    strictEqual(repository.requests.filter((request) => request.startsWith(digest)).length, 1);
  }
  strictEqual(readIndex(store.paths).manifests.length, 2);
});

Deno.test("pullFrom() unpacks a layer that is in an image twice at both places", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const twice = { files: { a: "1" } };
  repository.addImage({ layers: [twice, { files: { b: "2" } }, twice] }, "latest");

  await pull(store, repository);

  const names = getImage(store.paths, NAME).layerDirs.map((directory) => listNames(directory));
  deepStrictEqual(names, [["a"], ["b"], ["a"]]);
});

Deno.test("pullFrom() works on three layers at a time", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const layers = ["a", "b", "c", "d", "e"].map((name) => ({ files: { [name]: noise(5000) } }));
  repository.addImage({ layers }, "latest");
  const active = new Set<string>();
  let most = 0;

  await pull(store, repository, ":latest", {
    onProgress: ({ digest, phase }: LayerProgress) => {
      if (phase === "downloading") active.add(digest);
      if (phase === "verifying") active.delete(digest);
      most = Math.max(most, active.size);
    },
  });

  strictEqual(most, 3);
});

Deno.test("pullFrom() only unpacks a layer whose blob is in the store", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  await pull(store, repository);
  const [directory = ""] = getImage(store.paths, NAME).layerDirs;
  Deno.removeSync(directory, { recursive: true });
  repository.requests.length = 0;

  await pull(store, repository);

  deepStrictEqual(listNames(directory), ["a"]);
  ok(!layerDigests(repository, manifest).some((digest) => repository.requests.includes(digest)));
});

Deno.test("pullFrom() ends while it unpacks a layer whose blob is in the store", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  await pull(store, repository);
  for (const name of listNames(store.paths.layers)) {
    Deno.removeSync(`${store.paths.layers}/${name}`, { recursive: true });
  }
  const controller = new AbortController();

  const pulling = pull(store, repository, ":latest", {
    signal: controller.signal,
    onProgress: ({ phase }) => phase === "extracting" && controller.abort(),
  });

  await rejects(pulling, { name: "AbortError" });
  deepStrictEqual(listNames(store.paths.layers), []);
});

Deno.test("pullFrom() fetches the blob of a layer that is unpacked", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  await pull(store, repository);
  const [digest = ""] = layerDigests(repository, manifest);
  Deno.removeSync(store.paths.blob(digest as Digest));

  await pull(store, repository);

  deepStrictEqual(
    Deno.readFileSync(store.paths.blob(digest as Digest)),
    repository.blobs.get(digest),
  );
});

Deno.test("pullFrom() fetches again what another command removes meanwhile", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const base = { files: { base: "1" } };
  repository.addImage({ layers: [base] }, "base");
  const top = repository.addImage({ layers: [base, { files: { top: "1" } }] }, "latest");
  await pull(store, repository, ":base");
  const [, topDigest] = layerDigests(repository, top);
  let isRemoved = false;
  repository.onPiece = (digest) => {
    if (digest !== topDigest || isRemoved) return;
    removeImage(store.paths, `${NAME}:base`, { use: () => UNUSED, isForced: true });
    isRemoved = true;
  };

  await pull(store, repository);

  const names = getImage(store.paths, NAME).layerDirs.map((directory) => listNames(directory));
  deepStrictEqual(names, [["base"], ["top"]]);
});

Deno.test("pullFrom() leaves nothing for a sweep when it is done", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  await pull(store, repository);

  const sweep = sweepImages(store.paths, () => UNUSED);

  deepStrictEqual([sweep.stagingCount, sweep.blobCount, sweep.layerCount], [0, 0, 0]);
});

Deno.test("pullFrom() chooses the manifest for the platform that is asked for", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const images = ["amd64", "arm64"].map((architecture) => ({
    ...repository.addImage({
      layers: [{ files: { [architecture]: "1" } }],
      config: { architecture },
    }),
    platform: parsePlatform(architecture),
  }));
  repository.addIndex(images, "latest");

  await pull(store, repository, ":latest", { platform: parsePlatform("linux/arm64/v8") });

  deepStrictEqual(listNames(getImage(store.paths, NAME).layerDirs[0] ?? ""), ["arm64"]);
});

Deno.test("pullFrom() follows an index in an index", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const image = repository.addImage({ layers: [{ files: { a: "1" } }] });
  const inner = repository.addIndex([{ ...image, platform: hostPlatform() }]);
  repository.addIndex([inner], "latest");

  await pull(store, repository);

  strictEqual(getImage(store.paths, NAME).digest, image.digest);
});

Deno.test("pullFrom() names what an index has when nothing fits", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const image = repository.addImage({ layers: [{ files: { a: "1" } }] });
  const platforms = ["linux/s390x", "linux/arm/v6"].map(parsePlatform);
  repository.addIndex(platforms.map((platform) => ({ ...image, platform })), "latest");

  await rejects(pull(store, repository, ":latest", { platform: parsePlatform("linux/amd64") }), {
    kind: "not_found",
    message: `Cannot pull "${NAME}:latest": cannot use the index: ` +
      "no matching manifest for linux/amd64 in the manifest list entries",
    hint: "There is one for: linux/s390x, linux/arm/v6",
  });
});

Deno.test("pullFrom() refuses an index that contains itself", async () => {
  const repository = new FakeRepository();
  const digest = `sha256:${"0".repeat(64)}`;
  const nested = { mediaType: MEDIA_TYPE.index, digest: digest as Digest, annotations: {} };
  const { size } = repository.addIndex([{ ...nested, size: 100 }]);
  repository.addIndex([{ ...nested, size }], "latest", digest);

  await refusesCleanly(repository, /contains itself$/);
});

Deno.test("pullFrom() refuses indexes that lead to one another for ever", async () => {
  const repository = new FakeRepository();
  let last = repository.addIndex([]);
  for (let depth = 0; depth < 10; depth++) last = repository.addIndex([last], "latest");

  await refusesCleanly(repository, /more than 4 indexes lead to one another$/);
});

Deno.test("pullFrom() refuses a layer with another digest than was promised", async () => {
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  const [digest = ""] = layerDigests(repository, manifest);
  repository.blobs.get(digest)?.fill(7, 40, 50);

  await refusesCleanly(repository, /^Cannot pull ".*": cannot use blob .*: its digest is sha256:/);
});

Deno.test("pullFrom() refuses a layer that is shorter than was promised", async () => {
  const repository = new FakeRepository();
  const manifest = repository.addImage({ layers: [{ files: { a: "1" } }] }, "latest");
  const [digest = ""] = layerDigests(repository, manifest);
  repository.blobs.set(digest, repository.blobs.get(digest)?.slice(0, -9) ?? new Uint8Array());

  await refusesCleanly(repository, /its digest is sha256:/);
});

Deno.test("pullFrom() refuses a layer that unpacks to something else than the config says", async () => {
  const repository = new FakeRepository();
  const other = `sha256:${"1".repeat(64)}`;
  const config = { rootfs: { type: "layers", "diff_ids": [other] } };
  repository.addImage({ layers: [{ files: { a: "1" } }], config }, "latest");

  await refusesCleanly(
    repository,
    /cannot use the content of layer .*: its digest is .*, not sha256:1111/,
  );
});

Deno.test("pullFrom() refuses a layer that is no tar", async () => {
  const repository = new FakeRepository();
  const bytes = new TextEncoder().encode("this is no tar".repeat(100));
  const layer = repository.addBlob(bytes, MEDIA_TYPE.layer);
  const config = { rootfs: { type: "layers", "diff_ids": [layer.digest] } };
  repository.addImage({ layers: [], config, manifest: { layers: [layer] } }, "latest");

  await refusesCleanly(repository, /layer sha256:.*: /);
});

Deno.test("pullFrom() refuses a foreign layer", async () => {
  const repository = new FakeRepository();
  const mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  repository.addImage({ layers: [{ files: { a: "1" }, mediaType }] }, "latest");

  await refusesCleanly(repository, /is a foreign layer/, "unsupported");
});

Deno.test("pullFrom() refuses a layer of an unknown media type", async () => {
  const repository = new FakeRepository();
  const mediaType = "application/x-nobody-knows";
  repository.addImage({ layers: [{ files: { a: "1" }, mediaType }] }, "latest");

  await refusesCleanly(
    repository,
    /its media type is unknown: application\/x-nobody-knows/,
    "unsupported",
  );
});

Deno.test("pullFrom() refuses an empty layer", async () => {
  const repository = new FakeRepository();
  const layer = repository.addBlob(new Uint8Array(0), MEDIA_TYPE.layer);
  const config = { rootfs: { type: "layers", "diff_ids": [layer.digest] } };
  repository.addImage({ layers: [], config, manifest: { layers: [layer] } }, "latest");

  await refusesCleanly(repository, /it is empty$/);
});

Deno.test("pullFrom() says what something that is no image is", async () => {
  const repository = new FakeRepository();
  const chart = repository.addBlob(new Uint8Array(9), "application/vnd.cncf.helm.config.v1+json");
  repository.addImage({ layers: [{ files: { a: "1" } }], manifest: { config: chart } }, "latest");

  await refusesCleanly(
    repository,
    /it is not an image but application\/vnd\.cncf\.helm\.config\.v1\+json$/,
    "unsupported",
  );
});

Deno.test("pullFrom() refuses docker's schema 1", async () => {
  const repository = new FakeRepository();
  repository.addDocument(
    { schemaVersion: 1, name: "box", fsLayers: [] },
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "latest",
  );

  await refusesCleanly(repository, /docker's schema 1/, "unsupported");
});

Deno.test("pullFrom() refuses a document that is a manifest and an index at once", async () => {
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: "1" } }], manifest: { manifests: [] } }, "latest");

  await refusesCleanly(repository, /a manifest and an index at once$/);
});

Deno.test("pullFrom() refuses a document that calls itself something else", async () => {
  const repository = new FakeRepository();
  repository.addImage({
    layers: [{ files: { a: "1" } }],
    manifest: { mediaType: MEDIA_TYPE.index },
  }, "latest");

  await refusesCleanly(repository, /it calls itself application\/vnd\.oci\.image\.index/);
});

Deno.test("pullFrom() refuses an image for another system", async () => {
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: "1" } }], config: { os: "windows" } }, "latest");

  await refusesCleanly(repository, /operating system "windows"/, "unsupported");
});

Deno.test("pullFrom() says that an image has no layers", async () => {
  const repository = new FakeRepository();
  repository.addImage({ layers: [] }, "latest");

  await refusesCleanly(repository, /: it has no layers$/, "unsupported");
});

Deno.test("pullFrom() refuses a config that is about another number of layers", async () => {
  const repository = new FakeRepository();
  const config = { rootfs: { type: "layers", "diff_ids": [] } };
  repository.addImage({ layers: [{ files: { a: "1" } }], config }, "latest");

  await refusesCleanly(repository, /about 0 layers, its manifest about 1$/);
});

Deno.test("pullFrom() refuses a config blob that is too large to be one", async () => {
  const repository = new FakeRepository();
  const config = {
    mediaType: MEDIA_TYPE.config,
    digest: `sha256:${"2".repeat(64)}`,
    size: 5_000_000_000,
  };
  repository.addImage({ layers: [{ files: { a: "1" } }], manifest: { config } }, "latest");

  await refusesCleanly(repository, /config blob is of 5000000000 bytes/);
});

Deno.test("pullFrom() refuses layers that unpack to more than the limit together", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const zeros = "\0".repeat(500_000);
  repository.addImage({ layers: [{ files: { a: zeros } }, { files: { b: zeros } }] }, "latest");

  await rejects(pull(store, repository, ":latest", { maxUnpackedBytes: 900_000 }), {
    kind: "unsupported",
    message: /unpacks to more than the limit of 900000 bytes$/,
  });
  await pull(store, repository, ":latest", { maxUnpackedBytes: 1_100_000 });
});

Deno.test("pullFrom() fetches nothing where there is no room for it", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  const layer = { mediaType: MEDIA_TYPE.layer, digest: `sha256:${"4".repeat(64)}`, size: 2 ** 52 };
  const config = { rootfs: { type: "layers", "diff_ids": [layer.digest] } };
  repository.addImage({ layers: [], config, manifest: { layers: [layer] } }, "latest");

  await rejects(pull(store, repository), { kind: "unavailable", message: /it needs .* are free$/ });

  ok(!repository.requests.includes(layer.digest));
});

Deno.test("removeAbandonedPartials() removes what no pull is working on", () => {
  using store = new TestImageStore();
  Deno.mkdirSync(store.paths.partial);
  const name = "3".repeat(64);
  Deno.writeFileSync(`${store.paths.partial}/${name}`, new Uint8Array(30));
  Deno.writeFileSync(`${store.paths.partial}/${name}.lock`, new Uint8Array(0));

  const young = removeAbandonedPartials(store.paths, { minAgeMs: 3_600_000 });
  const any = removeAbandonedPartials(store.paths);

  deepStrictEqual(young, { count: 0, bytes: 0 });
  deepStrictEqual(any, { count: 1, bytes: 30 });
  deepStrictEqual(listNames(store.paths.partial), []);
});

Deno.test("removeAbandonedPartials() leaves what a pull is working on", async () => {
  using store = new TestImageStore();
  const repository = new FakeRepository();
  repository.addImage({ layers: [{ files: { a: noise(8000) } }] }, "latest");
  repository.onPiece = (_digest, offset) => {
    if (offset === 3000) removeAbandonedPartials(store.paths);
  };

  await pull(store, repository);

  strictEqual(repository.requests.length, 2);
});
