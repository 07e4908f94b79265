import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { TestImageStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import { TestLayout } from "../../../tests/fakes/test_layout.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { needs } from "../../../tests/needs.ts";
import { textOf } from "../tar/byte_string.ts";
import { hexOf } from "../spec/digest.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { removeImage } from "../store/image_removal.ts";
import { tagImage } from "../store/image_tag.ts";
import { getImage } from "../store/images.ts";
import { loadArchive } from "./load.ts";
import { parsePlatform } from "../spec/platform.ts";
import { formatFamiliar, parseReference } from "../spec/reference.ts";
import { saveImages, type SaveOptions } from "./save.ts";
import { TarReader } from "../tar/tar_reader.ts";

const BASE = tarOf({ name: "base" });
const ONE = tarOf({ name: "one", content: "1" });
const TWO = tarOf({ name: "two", content: "2" });

function test(name: string, body: (store: TestImageStore) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: async () => {
      using store = new TestImageStore();
      const layout = new TestLayout();
      layout.name(layout.addImage({ layers: [BASE, ONE] }), "box:1");
      layout.name(layout.addImage({ layers: [BASE, TWO] }), "box:2");
      await loadArchive(store.paths, sourceOf(layout.tar()), { sourceName: "-" });
      await body(store);
    },
  });
}

async function save(
  paths: ImagePaths,
  wanted: readonly string[],
  options: SaveOptions = {},
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of saveImages(paths, wanted, options)) parts.push(chunk.slice());
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Files of an archive, as text. */
function filesOf(archive: Uint8Array): Map<string, string> {
  const files = new Map<string, string>();
  let name = "";
  const reader = new TarReader({
    entry: (entry) => {
      name = textOf(entry.name);
      files.set(name, "");
    },
    data: (bytes) => files.set(name, files.get(name) + new TextDecoder().decode(bytes)),
    endEntry: () => {},
  });
  reader.push(new Uint8Array(archive));
  reader.end();
  return files;
}

/** What the list of docker has. */
function dockerList(archive: Uint8Array): { RepoTags: string[] | null; Layers: string[] }[] {
  return JSON.parse(filesOf(archive).get("manifest.json") ?? "");
}

test("saveImages() writes a layout with each blob once, in a fixed order", async ({ paths }) => {
  const archive = await save(paths, ["box:1", "box:2"]);

  const names = [...filesOf(archive).keys()];
  const blobs = names.filter((name) => /^blobs\/sha256\/./.test(name));
  deepStrictEqual(blobs, blobs.toSorted());
  strictEqual(blobs.length, 3 + 2 * 2);
  deepStrictEqual(names, [
    "blobs/",
    "blobs/sha256/",
    ...blobs,
    "index.json",
    "manifest.json",
    "oci-layout",
  ]);
});

test("saveImages() writes the same bytes each time", async ({ paths }) => {
  deepStrictEqual(await save(paths, ["box:1"]), await save(paths, ["box:1"]));
});

test("saveImages() writes an archive that loads as the same images", async ({ paths }) => {
  const archive = await save(paths, ["box:1", "box:2"]);
  using other = new TestImageStore();

  const loaded = await loadArchive(other.paths, sourceOf(archive), { sourceName: "-" });

  deepStrictEqual(
    loaded.map(({ references }) => references.map(formatFamiliar)),
    [["box:1"], ["box:2"]],
  );
  for (const name of ["box:1", "box:2"]) {
    const [before, after] = [getImage(paths, name), getImage(other.paths, name)];
    deepStrictEqual([after.id, after.digest], [before.id, before.digest]);
  }
});

test("saveImages() writes all tags of a repository, each with its image", async ({ paths }) => {
  tagImage(paths, "box:1", parseReference("box:other"));

  const archive = await save(paths, ["box"]);

  deepStrictEqual(
    dockerList(archive).map(({ RepoTags }) => RepoTags),
    [["box:1", "box:other"], ["box:2"]],
  );
});

test("saveImages() gives an image no name that is wanted by its id", async ({ paths }) => {
  const { id, digest } = getImage(paths, "box:1");

  for (const wanted of [id, hexOf(id), hexOf(id).slice(0, 12), `box@${digest}`]) {
    const archive = await save(paths, [wanted]);

    deepStrictEqual(dockerList(archive).map(({ RepoTags }) => RepoTags), [null]);
    const index = JSON.parse(filesOf(archive).get("index.json") ?? "");
    deepStrictEqual(index.manifests.map((entry: { digest: string }) => entry.digest), [digest]);
    deepStrictEqual(index.manifests[0].annotations, undefined);
  }
});

test("saveImages() writes an image once that is wanted twice", async ({ paths }) => {
  const { id } = getImage(paths, "box:1");

  const archive = await save(paths, ["box:1", id, "box:1"]);

  deepStrictEqual(dockerList(archive).map(({ RepoTags }) => RepoTags), [["box:1"]]);
});

test("saveImages() leaves docker's list out of an OCI archive", async ({ paths }) => {
  const archive = await save(paths, ["box:1"], { format: "oci-archive" });

  strictEqual(filesOf(archive).has("manifest.json"), false);
});

test("saveImages() goes on when the image is removed meanwhile", async ({ paths }) => {
  const expected = await save(paths, ["box:1"]);
  const saving = saveImages(paths, ["box:1"]);
  const first = await saving.next();
  const parts = first.done ? [] : [first.value.slice()];

  removeImage(paths, "box:1", { isForced: true, use: () => UNUSED });
  for await (const chunk of saving) parts.push(chunk.slice());

  deepStrictEqual(
    new Uint8Array(await new Blob(parts).arrayBuffer()),
    expected,
  );
});

test("saveImages() refuses an image that is not there", async ({ paths }) => {
  await rejects(save(paths, ["box:1", "gone:1"]), {
    kind: "not_found",
    message: /^Cannot find image "gone:1"/,
  });
});

test("saveImages() refuses an image for another platform", async ({ paths }) => {
  strictEqual(
    (await save(paths, ["box:1"], { platform: parsePlatform("amd64") })).length > 0,
    true,
  );
  await rejects(save(paths, ["box:1"], { platform: parsePlatform("linux/arm64") }), {
    kind: "not_found",
    message: 'Cannot save "box:1" for linux/arm64: it is for linux/amd64',
  });
});

test("saveImages() refuses an image of which a blob is missing", async ({ paths }) => {
  const archive = await save(paths, ["box:1"]);
  const layer = dockerList(archive)[0]?.Layers[1];
  Deno.removeSync(`${paths.root}/${layer}`);

  await rejects(save(paths, ["box:1"]), {
    kind: "corrupt",
    message: /^Cannot save blob "sha256:\w+": it is not in the store$/,
  });
});
