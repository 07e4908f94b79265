import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { makeImage, testStore } from "../../../tests/fakes/image_store.ts";
import type { Digest } from "../spec/digest.ts";
import { addManifest, readIndex, REPOSITORY_DIGEST_ANNOTATION, writeIndex } from "./image_index.ts";
import { listImages } from "./image_list.ts";
import type { ImagePaths } from "./image_paths.ts";
import { parseNewName, tagImage } from "./image_tag.ts";
import { findImage, getImage } from "./images.ts";
import { formatFamiliar, parseReference } from "../spec/reference.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

/** Pretends that all images came from their registries. */
function addRepositoryDigests(paths: ImagePaths): void {
  const manifests = readIndex(paths).manifests.map((entry) => ({
    ...entry,
    annotations: { ...entry.annotations, [REPOSITORY_DIGEST_ANNOTATION]: DIGEST },
  }));
  writeIndex(paths, { manifests });
}

function namesOf(paths: ImagePaths): string[][] {
  return listImages(paths).images.map(({ references, repositoryDigests }) =>
    [...references, ...repositoryDigests].map(formatFamiliar)
  );
}

testStore("tagImage() gives an image one more name", async ({ paths }) => {
  const id = await makeImage(paths, "box");

  tagImage(paths, id.slice(0, 20), parseReference("host.test:5000/team/box:1"));

  strictEqual(getImage(paths, "host.test:5000/team/box:1").id, id);
  strictEqual(getImage(paths, "box").id, id);
});

testStore("tagImage() gives a nameless image a name", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  await makeImage(paths, "box", "other");

  tagImage(paths, id, parseReference("found"));

  deepStrictEqual(namesOf(paths).toSorted(), [["box:latest"], ["found:latest"]]);
});

testStore("tagImage() takes a name away from the image that had it", async ({ paths }) => {
  const old = await makeImage(paths, "box:1");
  const id = await makeImage(paths, "new");

  tagImage(paths, "new", parseReference("box:1"));

  strictEqual(getImage(paths, "box:1").id, id);
  strictEqual(findImage(paths, old)?.id, old);
});

testStore("tagImage() says when", async ({ paths }) => {
  await makeImage(paths, "box");
  const before = new Date().toISOString();

  tagImage(paths, "box", parseReference("two"));

  const [image] = listImages(paths).images;
  strictEqual((image?.taggedAt ?? "") >= before, true);
});

testStore("tagImage() of the name that an image has changes nothing", async ({ paths }) => {
  await makeImage(paths, "box");
  addRepositoryDigests(paths);

  tagImage(paths, "box", parseReference("box"));

  deepStrictEqual(namesOf(paths), [["box:latest", `box@${DIGEST}`]]);
  strictEqual(readIndex(paths).manifests.length, 1);
});

testStore("tagImage() keeps a registry's digest to its repository", async ({ paths }) => {
  await makeImage(paths, "box");
  addRepositoryDigests(paths);

  tagImage(paths, "box", parseReference("other"));
  tagImage(paths, "box", parseReference("box:2"));

  deepStrictEqual(namesOf(paths), [["box:2", "box:latest", "other:latest", `box@${DIGEST}`]]);
});

testStore("tagImage() leaves the digest to the image that loses its tag", async ({ paths }) => {
  const old = await makeImage(paths, "box");
  addRepositoryDigests(paths);
  await makeImage(paths, "new");

  tagImage(paths, "new", parseReference("box"));

  deepStrictEqual(namesOf(paths).toSorted(), [["box:latest", "new:latest"], [`box@${DIGEST}`]]);
  strictEqual(getImage(paths, `box@${DIGEST}`).id, old);
});

testStore(
  "addManifest() leaves a digest to the image that came last with it",
  async ({ paths }) => {
    const old = await makeImage(paths, "box");
    addRepositoryDigests(paths);
    const id = await makeImage(paths, "new");
    const entry = readIndex(paths).manifests.find((item) => item.digest === digestOf(paths, "new"));
    const annotations = { [REPOSITORY_DIGEST_ANNOTATION]: DIGEST };
    if (entry === undefined) throw new TypeError("Cannot find the entry: there is none");

    // As when the image is pulled for another platform
    const index = addManifest(readIndex(paths), { ...entry, annotations }, [parseReference("box")]);
    writeIndex(paths, index);

    strictEqual(getImage(paths, `box@${DIGEST}`).id, id);
    strictEqual(findImage(paths, old)?.id, old);
    deepStrictEqual(namesOf(paths).toSorted(), [[], ["box:latest", "new:latest", `box@${DIGEST}`]]);
  },
);

testStore(
  "addManifest() keeps an image that loses the digest that was its only name",
  async ({ paths }) => {
    const old = await makeImage(paths, "box");
    const manifests = readIndex(paths).manifests.map((entry) => ({ ...entry, annotations: {} }));
    const [entry] = manifests;
    if (entry === undefined) throw new TypeError("Cannot find the entry: there is none");
    const byDigest = parseReference(`box@${DIGEST}`);
    writeIndex(paths, addManifest({ manifests: [] }, entry, [byDigest]));
    const id = await makeImage(paths, "new");

    const other = { ...entry, digest: digestOf(paths, "new") };
    writeIndex(paths, addManifest(readIndex(paths), other, [byDigest]));

    strictEqual(getImage(paths, `box@${DIGEST}`).id, id);
    strictEqual(findImage(paths, old)?.id, old);
  },
);

function digestOf(paths: ImagePaths, name: string): Digest {
  return getImage(paths, name).digest;
}

testStore("tagImage() refuses what could be taken for a digest", async ({ paths }) => {
  await makeImage(paths, "box");

  for (const target of [`x@${DIGEST}`, `x:1@${DIGEST}`, "sha256:abc"]) {
    throws(() => tagImage(paths, "box", parseReference(target)), {
      kind: "invalid_argument",
      message: /^refusing to create an? (?:ambiguous )?tag /,
    });
  }
  deepStrictEqual(namesOf(paths), [["box:latest"]]);
});

testStore("tagImage() finds no image of a name that none has", ({ paths }) => {
  throws(() => tagImage(paths, "nothing", parseReference("x")), { kind: "not_found" });
});

for (const name of [`box@${DIGEST}`, `box:1@${DIGEST}`, "sha256:1", "Box"]) {
  Deno.test(`parseNewName() refuses ${name}`, () => {
    throws(() => parseNewName(name), { kind: "invalid_argument" });
  });
}
