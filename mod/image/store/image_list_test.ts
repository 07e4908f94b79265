import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { makeImage, testStore } from "../../../tests/fakes/image_store.ts";
import type { Digest } from "../spec/digest.ts";
import { digestOfBytes } from "../spec/digest.ts";
import { addManifest, readIndex, writeIndex } from "./image_index.ts";
import { listImages } from "./image_list.ts";
import type { ImagePaths } from "./image_paths.ts";
import { tagImage } from "./image_tag.ts";
import { getImage } from "./images.ts";
import { formatFamiliar, parseReference } from "../spec/reference.ts";

testStore("listImages() lists an image once with all its names", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  tagImage(paths, "box", parseReference("team/box:2"));
  tagImage(paths, "box", parseReference("a"));

  const { images, damaged } = listImages(paths);

  deepStrictEqual(images.map((image) => image.id), [id]);
  deepStrictEqual(
    images[0]?.references.map(formatFamiliar),
    ["a:latest", "box:latest", "team/box:2"],
  );
  strictEqual(images[0]?.config.created, "1970-01-01T00:00:00.000Z");
  deepStrictEqual(damaged, []);
});

testStore("listImages() puts manifests with one config together", async ({ paths }) => {
  const id = await makeImage(paths, "box");
  const { digest } = getImage(paths, "box");
  const bytes = Deno.readFileSync(paths.blob(digest));
  const other = new Uint8Array([...bytes, 0x0a]);
  const otherDigest = digestOfBytes(other);
  Deno.writeFileSync(paths.blob(otherDigest), other);
  const entry = { ...getEntryOf(paths), digest: otherDigest, size: other.length };
  writeIndex(paths, addManifest(readIndex(paths), entry, [parseReference("again")]));

  const { images } = listImages(paths);

  deepStrictEqual(images.map((image) => image.id), [id]);
  deepStrictEqual(images[0]?.references.map(formatFamiliar), ["again:latest", "box:latest"]);
});

function getEntryOf(paths: ImagePaths): ReturnType<typeof readIndex>["manifests"][number] {
  const [entry] = readIndex(paths).manifests;
  if (entry === undefined) throw new Error("Cannot find the entry: the index is empty");
  return entry;
}

testStore("listImages() counts the files of layers, and remembers it", async ({ paths }) => {
  await makeImage(paths, "box");
  const { layerDirs: [layer] } = getImage(paths, "box");
  Deno.writeTextFileSync(`${layer}/file`, "12345");
  Deno.symlinkSync("1234567", `${layer}/link`);

  strictEqual(listImages(paths).images[0]?.sizeBytes, 12);
  Deno.writeTextFileSync(`${layer}/more`, "12345");
  strictEqual(listImages(paths).images[0]?.sizeBytes, 12);
});

testStore("listImages() measures again when what it remembers is damaged", async ({ paths }) => {
  await makeImage(paths, "box");
  const { layerDirs: [layer] } = getImage(paths, "box");
  Deno.writeTextFileSync(`${layer}/file`, "12345");
  Deno.writeTextFileSync(paths.layerSizes, '{"sizes":7}');

  strictEqual(listImages(paths).images[0]?.sizeBytes, 5);
});

testStore("listImages() takes the recorded size where a layer is missing", async ({ paths }) => {
  await makeImage(paths, "box");
  Deno.removeSync(getImage(paths, "box").layerDirs[0] ?? "", { recursive: true });

  strictEqual(listImages(paths).images[0]?.sizeBytes, 1536);
});

/** What may happen to a document, and what is said about it. */
const DAMAGES: ReadonlyArray<
  readonly [what: string, damage: (path: string) => void, problem: RegExp]
> = [
  ["is missing", (path) => Deno.removeSync(path), /No such file/],
  ["is empty", (path) => Deno.writeTextFileSync(path, ""), /not what its digest says/],
  [
    "was changed and is still JSON",
    (path) => Deno.writeTextFileSync(path, ` ${Deno.readTextFileSync(path)}`),
    /not what its digest says/,
  ],
  ["is too large", (path) => Deno.truncateSync(path, 2 ** 40), /at most 4194304 bytes/],
  ["is a directory", replaceByDirectory, /no file of at most/],
];

function replaceByDirectory(path: string): void {
  Deno.removeSync(path);
  Deno.mkdirSync(path);
}

for (const [what, damage, problem] of DAMAGES) {
  testStore(`listImages() lists the others when a manifest ${what}`, async ({ paths }) => {
    await makeImage(paths, "bad");
    const good = await makeImage(paths, "good");
    const { digest } = getImage(paths, "bad");
    damage(paths.blob(digest));

    const { images, damaged } = listImages(paths);

    deepStrictEqual(images.map(({ id }) => id), [good]);
    deepStrictEqual(describe(damaged), [[digest, undefined, "bad:latest"]]);
    match(damaged[0]?.problem.message ?? "", problem);
  });

  testStore(`listImages() lists the others when a config blob ${what}`, async ({ paths }) => {
    const bad = await makeImage(paths, "bad");
    const good = await makeImage(paths, "good");
    const { digest } = getImage(paths, "bad");
    damage(paths.blob(bad as string as Digest));

    const { images, damaged } = listImages(paths);

    deepStrictEqual(images.map(({ id }) => id), [good]);
    deepStrictEqual(describe(damaged), [[digest, bad, "bad:latest"]]);
    match(damaged[0]?.problem.message ?? "", problem);
  });
}

function describe(damaged: ReturnType<typeof listImages>["damaged"]): unknown[] {
  return damaged.map(({ digest, id, references }) => [
    digest,
    id,
    references.map(formatFamiliar).join(),
  ]);
}
