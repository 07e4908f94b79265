import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { TestImageStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import { TestLayout } from "../../../tests/fakes/test_layout.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { needs } from "../../../tests/needs.ts";
import type { ArchiveFiles } from "./archive_files.ts";
import { ArchiveStager } from "./archive_stager.ts";
import { StoreChangedError } from "../store/commit.ts";
import { removeImage } from "../store/image_removal.ts";
import { getImage } from "../store/images.ts";
import { loadArchive } from "./load.ts";
import { readOciLayout } from "./oci_layout.ts";
import { Staging } from "../store/staging.ts";
import { StreamedFiles } from "./streamed_files.ts";

const BASE = tarOf({ name: "base" });
const TOP = tarOf({ name: "top" });

/** Files of an archive; `action` comes before the last of them is taken. */
function interrupted(files: ArchiveFiles, name: string, action: () => void): ArchiveFiles {
  return {
    has: (path) => files.has(path),
    sizeOf: (path) => files.sizeOf(path),
    readText: (path) => files.readText(path),
    stage: (path, expected) => {
      if (path.endsWith(name)) action();
      return files.stage(path, expected);
    },
  };
}

Deno.test({
  name: "bringIn() notices that a layer is gone, and unpacks it when told to",
  ignore: !needs("root"),
  fn: async () => {
    using store = new TestImageStore();
    const { paths } = store;
    const [old, layout] = [new TestLayout(), new TestLayout()];
    old.name(old.addImage({ layers: [BASE] }), "old:1");
    layout.name(layout.addImage({ layers: [BASE, TOP] }), "new:1");
    await loadArchive(paths, sourceOf(old.tar()), { sourceName: "-" });
    {
      using staging = Staging.open(paths);
      const target = { paths, staging, maxBytes: undefined };
      const read = await StreamedFiles.read(sourceOf(layout.tar()), target);
      const images = await readOciLayout(read, {});
      const top = images[0]?.layers[1]?.path ?? "";
      const remove = (): unknown =>
        removeImage(paths, "old:1", { isForced: false, use: () => UNUSED });
      const places = { paths, staging, files: interrupted(read, top, remove) };

      await rejects(
        new ArchiveStager(places, { mayReuseLayers: true }).bringIn(images),
        StoreChangedError,
      );
      deepStrictEqual(store.list().filter((path) => path.startsWith("layers/")), []);
      const again = { ...places, files: read };
      await new ArchiveStager(again, { mayReuseLayers: false }).bringIn(images);
    }

    const { layerDirs } = getImage(paths, "new:1");
    strictEqual(Deno.lstatSync(`${layerDirs[0]}/base`).isFile, true);
    strictEqual(Deno.lstatSync(`${layerDirs[1]}/top`).isFile, true);
  },
});
