import { rejects, strictEqual } from "node:assert/strict";
import { testStore } from "../../../tests/fakes/image_store.ts";
import { gzipSync } from "node:zlib";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { listImages } from "../store/image_list.ts";
import { findImage } from "../store/images.ts";
import { formatReference } from "../spec/reference.ts";
import { sha256Hex } from "../spec/sha256.ts";
import { getTarImage, isTarPath, referenceOfFile } from "./tar_image.ts";

const ROOTFS = tarOf({ name: "bin/sh", content: "#!" });

/** An archive with an image for each list of tags. */
function saveArchive(path: string, tags: readonly (readonly string[])[]): void {
  const configs = tags.map((_, index) => ({
    name: `blobs/config-${index}`,
    content: JSON.stringify({
      os: "linux",
      author: String(index),
      rootfs: { type: "layers", "diff_ids": [`sha256:${sha256Hex(ROOTFS)}`] },
    }),
  }));
  const images = tags.map((names, index) => ({
    Config: configs[index]?.name,
    RepoTags: names,
    Layers: ["blobs/layer"],
  }));
  const archive = tarOf(
    { name: "blobs/layer", content: ROOTFS },
    ...configs,
    { name: "manifest.json", content: JSON.stringify(images) },
  );
  Deno.writeFileSync(path, archive);
}

testStore(
  "getTarImage() imports the tar of a root file system under the file's name",
  async (store) => {
    const path = `${store.root}/My Box.tar.gz`;
    Deno.writeFileSync(path, new Uint8Array(gzipSync(ROOTFS)));

    const image = await getTarImage(store.paths, path);

    strictEqual(Deno.readTextFileSync(`${image.layerDirs[0]}/bin/sh`), "#!");
    strictEqual(findImage(store.paths, "localhost/my-box")?.id, image.id);
  },
);

testStore("getTarImage() reads a tar of several megabytes from its start", async (store) => {
  const path = `${store.root}/large.tar`;
  Deno.writeFileSync(path, tarOf({ name: "large", content: new Uint8Array(5 << 20).fill(7) }));

  const image = await getTarImage(store.paths, path);

  strictEqual(Deno.statSync(`${image.layerDirs[0]}/large`).size, 5 << 20);
});

testStore("getTarImage() loads a docker archive under the names in it", async (store) => {
  saveArchive(`${store.root}/x.tar`, [["web:1"]]);

  const image = await getTarImage(store.paths, `${store.root}/x.tar`);

  strictEqual(findImage(store.paths, "web:1")?.id, image.id);
});

testStore("getTarImage() does not read a file again that it knows", async (store) => {
  const path = `${store.root}/box.tar`;
  Deno.writeFileSync(path, ROOTFS);
  const { id } = await getTarImage(store.paths, path);
  const before = Deno.statSync(store.paths.index).mtime?.getTime();

  strictEqual((await getTarImage(store.paths, path)).id, id);
  strictEqual(Deno.statSync(store.paths.index).mtime?.getTime(), before);
});

testStore("getTarImage() makes one image of a copy that kept its date", async (store) => {
  const [path, copy] = [`${store.root}/box.tar`, `${store.root}/box-copy.tar`];
  Deno.writeFileSync(path, ROOTFS);
  Deno.copyFileSync(path, copy);
  Deno.utimeSync(path, 1000, 1000);
  Deno.utimeSync(copy, 1000, 1000);

  const first = await getTarImage(store.paths, path);
  const second = await getTarImage(store.paths, copy);

  strictEqual(second.layerDirs[0], first.layerDirs[0]);
  strictEqual([...Deno.readDirSync(store.paths.layers)].length, 1);
});

testStore("getTarImage() imports a file again that has changed", async (store) => {
  const path = `${store.root}/box.tar`;
  Deno.writeFileSync(path, ROOTFS);
  const first = await getTarImage(store.paths, path);
  Deno.writeFileSync(path, tarOf({ name: "new" }));

  const second = await getTarImage(store.paths, path);

  strictEqual(second.id === first.id, false);
  strictEqual(findImage(store.paths, "localhost/box")?.id, second.id);
});

testStore("getTarImage() refuses an archive of several images", async (store) => {
  saveArchive(`${store.root}/x.tar`, [["a"], ["b"]]);

  await rejects(getTarImage(store.paths, `${store.root}/x.tar`), {
    kind: "invalid_argument",
    message: /it holds 2 images/,
  });
  strictEqual(listImages(store.paths).images.length, 2);
});

testStore(
  "getTarImage() takes an archive of one image that has several names",
  async ({ root, paths }) => {
    saveArchive(`${root}/x.tar`, [["a:1", "b:2"]]);

    const { id } = await getTarImage(paths, `${root}/x.tar`);

    strictEqual(findImage(paths, "b:2")?.id, id);
  },
);

testStore("getTarImage() names a file that is not there", async ({ paths }) => {
  await rejects(getTarImage(paths, "./gone.tar"), {
    kind: "not_found",
    message: 'Cannot open image "./gone.tar": there is no such file',
  });
});

const NAMES: ReadonlyArray<readonly [path: string, reference: string]> = [
  ["/root/IMG.tar", "localhost/img:latest"],
  ["./Web App.v1.tar.zst", "localhost/web-app-v1:latest"],
  ["/x/.tar", "localhost/image:latest"],
  ["/x/é.tgz", "localhost/image:latest"],
];

for (const [path, reference] of NAMES) {
  Deno.test(`referenceOfFile() calls ${path} ${reference}`, () => {
    strictEqual(formatReference(referenceOfFile(path)), reference);
  });
}

Deno.test("isTarPath() tells paths from references", () => {
  for (const path of ["/a.tar", "./a.tar", "../a.tar"]) strictEqual(isTarPath(path), true);
  for (const name of ["a.tar", "host/a", ".a/b", ""]) strictEqual(isTarPath(name), false);
});
