import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { makeImage, testStore, UNUSED, usedBy } from "../../../tests/fakes/image_store.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { chainId, type Digest, hexOf, type ImageId } from "../spec/digest.ts";
import { readIndex, REPOSITORY_DIGEST_ANNOTATION, writeIndex } from "./image_index.ts";
import { listImages } from "./image_list.ts";
import type { ImagePaths } from "./image_paths.ts";
import { type Removal, removeImage } from "./image_removal.ts";
import type { ImageUse } from "./image_sweep.ts";
import { tagImage } from "./image_tag.ts";
import { findImage, getImage } from "./images.ts";
import { importRootfs } from "../archive/import.ts";
import { formatFamiliar, parseReference } from "../spec/reference.ts";

const GENTLE = { isForced: false, use: () => UNUSED };
const FORCED = { isForced: true, use: () => UNUSED };
const DIGEST = `sha256:${"ab".repeat(32)}`;

function addRepositoryDigest(paths: ImagePaths, name: string): void {
  const full = `docker.io/library/${name}`;
  const manifests = readIndex(paths).manifests.map((entry) =>
    Object.values(entry.annotations).includes(full)
      ? { ...entry, annotations: { ...entry.annotations, [REPOSITORY_DIGEST_ANNOTATION]: DIGEST } }
      : entry
  );
  writeIndex(paths, { manifests });
}

function untaggedBy({ untagged }: Removal): string[] {
  return untagged.map(formatFamiliar);
}

function namesOf(paths: ImagePaths): string[] {
  return listImages(paths).images.flatMap(({ references, repositoryDigests }) =>
    [...references, ...repositoryDigests].map(formatFamiliar)
  );
}

testStore("removeImage() takes one of two names away", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  tagImage(paths, "box", parseReference("two"));

  const removal = removeImage(paths, "box", GENTLE);

  deepStrictEqual(removal, {
    id,
    labels: {},
    untagged: [parseReference("box")],
    deleted: undefined,
    deletedLayers: [],
    damaged: [],
  });
  strictEqual(getImage(paths, "two").id, id);
});

testStore(
  "removeImage() removes the image with its last name, and everything of it",
  async (store) => {
    await makeImage(store.paths, "keep");
    const before = store.list();
    const id = await makeImage(store.paths, "box");
    const { config } = getImage(store.paths, "box");

    const removal = removeImage(store.paths, "box", GENTLE);

    deepStrictEqual(removal, {
      id,
      labels: {},
      untagged: [parseReference("box")],
      deleted: id,
      deletedLayers: [chainId(config.diffIds)],
      damaged: [],
    });
    deepStrictEqual(store.list(), before);
  },
);

testStore("removeImage() keeps a layer that another image has too", async ({ paths }) => {
  await makeImage(paths, "one", "same");
  await importRootfs(paths, sourceOf(tarOf({ name: "same" })), {
    reference: parseReference("two"),
    sourceName: "-",
    message: "other config",
  });

  const { deletedLayers } = removeImage(paths, "one", GENTLE);

  deepStrictEqual(deletedLayers, []);
  strictEqual(Deno.statSync(`${getImage(paths, "two").layerDirs[0]}/same`).isFile, true);
});

testStore("removeImage() keeps a layer that a container stands on", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  const { layerDirs, config } = getImage(paths, "box");
  const use: ImageUse = { ...usedBy(id, false), layers: () => [chainId(config.diffIds)] };

  removeImage(paths, "box", { isForced: true, use: () => use });

  strictEqual(findImage(paths, "box"), undefined);
  strictEqual(Deno.statSync(layerDirs[0] ?? "").isDirectory, true);
});

/** How somebody asks for an image that a container uses, and docker's answer. */
const CONFLICTS: ReadonlyArray<
  readonly [
    isRunning: boolean,
    isForced: boolean,
    by: "name" | "id",
    message: (id: string) => string,
  ]
> = [
  [true, false, "name", refusedByName],
  [false, false, "name", refusedByName],
  [true, false, "id", (id) => refusedById(id, "cannot be forced", "running")],
  [true, true, "id", (id) => refusedById(id, "cannot be forced", "running")],
  [false, false, "id", (id) => refusedById(id, "must be forced", "stopped")],
];

function refusedByName(id: string): string {
  return 'conflict: unable to remove repository reference "box" (must force) - ' +
    `container web is using its referenced image ${id}`;
}

function refusedById(id: string, force: string, state: string): string {
  return `conflict: unable to delete ${id} (${force}) - ` +
    `image is being used by ${state} container web`;
}

for (const [isRunning, isForced, by, message] of CONFLICTS) {
  const [state, manner] = [isRunning ? "running" : "stopped", isForced ? "forced" : "not forced"];
  testStore(
    `removeImage() by ${by} refuses when a ${state} container uses it and ${manner}`,
    async ({ paths }) => {
      const id = await makeImage(paths, "box");
      const use = (): ImageUse => usedBy(id, isRunning);

      throws(() => removeImage(paths, by === "id" ? id : "box", { isForced, use }), {
        kind: "conflict",
        message: message(hexOf(id).slice(0, 12)),
      });

      strictEqual(getImage(paths, "box").id, id);
    },
  );
}

testStore(
  "removeImage() takes the last name away from a running container's image when forced",
  async ({ paths }) => {
    const id = await makeImage(paths, "box");

    const removal = removeImage(paths, "box", { isForced: true, use: () => usedBy(id, true) });

    deepStrictEqual([untaggedBy(removal), removal.deleted], [["box:latest"], undefined]);
    strictEqual(getImage(paths, id).id, id);
    deepStrictEqual(namesOf(paths), []);
  },
);

testStore("removeImage() removes a stopped container's image when forced", async ({ paths }) => {
  const id = await makeImage(paths, "box");

  const { deleted } = removeImage(paths, "box", { isForced: true, use: () => usedBy(id, false) });

  strictEqual(deleted, id);
  strictEqual(findImage(paths, id), undefined);
});

testStore(
  "removeImage() takes one of two names away whatever uses the image",
  async ({ paths }) => {
    const id = await makeImage(paths, "box");
    tagImage(paths, "box", parseReference("two"));

    const { untagged } = removeImage(paths, "two", {
      isForced: false,
      use: () => usedBy(id, true),
    });

    deepStrictEqual(untagged, [parseReference("two")]);
  },
);

testStore(
  "removeImage() by id refuses an image with names in two repositories until forced",
  async ({ paths }) => {
    const id = await makeImage(paths, "box");
    tagImage(paths, "box", parseReference("two"));

    throws(() => removeImage(paths, id, GENTLE), {
      kind: "conflict",
      message: `conflict: unable to delete ${hexOf(id).slice(0, 12)} (must be forced) - ` +
        "image is referenced in multiple repositories",
    });
    const removal = removeImage(paths, id, FORCED);

    deepStrictEqual(untaggedBy(removal), ["box:latest", "two:latest"]);
    deepStrictEqual(listImages(paths).images, []);
  },
);

testStore("removeImage() of a tag takes the digest of its repository along", async ({ paths }) => {
  await makeImage(paths, "box");
  addRepositoryDigest(paths, "box:latest");

  const removal = removeImage(paths, "box", GENTLE);

  deepStrictEqual(untaggedBy(removal), ["box:latest", `box@${DIGEST}`]);
  strictEqual(removal.deleted === undefined, false);
});

testStore(
  "removeImage() of a tag leaves the digest to another tag of the repository",
  async ({ paths }) => {
    await makeImage(paths, "box");
    tagImage(paths, "box", parseReference("box:2"));
    addRepositoryDigest(paths, "box:latest");

    const removal = removeImage(paths, "box", GENTLE);

    deepStrictEqual(untaggedBy(removal), ["box:latest"]);
    deepStrictEqual(namesOf(paths), ["box:2", `box@${DIGEST}`]);
  },
);

testStore("removeImage() of a digest leaves the tags", async ({ paths }) => {
  await makeImage(paths, "box");
  tagImage(paths, "box", parseReference("box:2"));
  addRepositoryDigest(paths, "box:latest");

  const removal = removeImage(paths, `box:any@${DIGEST}`, GENTLE);

  deepStrictEqual(untaggedBy(removal), [`box@${DIGEST}`]);
  deepStrictEqual(namesOf(paths), ["box:2", "box:latest"]);
});

testStore("removeImage() by id takes a tag and its digest for one name", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  addRepositoryDigest(paths, "box:latest");

  deepStrictEqual(untaggedBy(removeImage(paths, id, GENTLE)), ["box:latest", `box@${DIGEST}`]);
});

testStore("removeImage() finds no image of a name that none has", ({ paths }) => {
  throws(() => removeImage(paths, "nothing", FORCED), { kind: "not_found" });
});

testStore(
  "removeImage() removes an image with a damaged manifest only when forced",
  async (store) => {
    const { paths } = store;
    await makeImage(paths, "box");
    const { digest } = getImage(paths, "box");
    Deno.writeTextFileSync(paths.blob(digest), "damaged");

    throws(() => removeImage(paths, "box", GENTLE), { kind: "corrupt", message: /"box"/ });
    const removal = removeImage(paths, "box", FORCED);

    deepStrictEqual([untaggedBy(removal), removal.deleted as string], [["box:latest"], digest]);
    deepStrictEqual(store.list().filter((path) => path.includes("/")), []);
  },
);

testStore(
  "removeImage() removes an image with a damaged config blob as any other",
  async (store) => {
    const { paths } = store;
    const id = await makeImage(paths, "box");
    Deno.writeTextFileSync(paths.blob(asDigest(id)), "damaged");

    throws(() => removeImage(paths, "box", { isForced: false, use: () => usedBy(id, false) }), {
      kind: "conflict",
    });
    strictEqual(removeImage(paths, "box", GENTLE).deleted, id);
    deepStrictEqual(store.list().filter((path) => path.includes("/")), []);
  },
);

function asDigest(id: ImageId): Digest {
  return id as string as Digest;
}

testStore("removeImage() of another image leaves what a damaged one may need", async (store) => {
  const { paths } = store;
  await makeImage(paths, "bad", "same");
  const { digest } = getImage(paths, "bad");
  await importRootfs(paths, sourceOf(tarOf({ name: "same" }, { name: "more" })), {
    reference: parseReference("other"),
    sourceName: "-",
  });
  Deno.writeTextFileSync(paths.blob(digest), "damaged");
  const before = store.list();

  const { deleted, deletedLayers, damaged } = removeImage(paths, "other", GENTLE);

  strictEqual(deleted === undefined, false);
  deepStrictEqual([deletedLayers, damaged.map((image) => image.digest)], [[], [digest]]);
  deepStrictEqual(store.list(), before);
  removeImage(paths, "bad", FORCED);
  deepStrictEqual(store.list().filter((path) => path.includes("/")), []);
});
