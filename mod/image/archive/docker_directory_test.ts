import { deepStrictEqual, rejects } from "node:assert/strict";
import { TestImageStore } from "../../../tests/fakes/image_store.ts";
import { TestLayout } from "../../../tests/fakes/test_layout.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { loadArchive } from "./load.ts";

async function load(manifest: unknown): Promise<unknown> {
  using store = new TestImageStore();
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("manifest.json"), JSON.stringify(manifest));
  return await loadArchive(store.paths, directory.path, { sourceName: "x" });
}

Deno.test("readDockerDirectory() refuses an image for several platforms", async () => {
  await rejects(load({ schemaVersion: 2, manifests: [] }), {
    kind: "unsupported",
    message: 'Cannot load "x": it is a list of images for several platforms',
  });
});

Deno.test("readDockerDirectory() refuses a manifest that calls itself something else", async () => {
  const layout = new TestLayout();
  const { digest } = layout.addImage({ manifestType: "application/x\nX-Other: header" });
  const bytes = layout.blobs.get(digest.slice("sha256:".length));

  await rejects(load(JSON.parse(new TextDecoder().decode(bytes))), {
    kind: "unsupported",
    message: 'Cannot load "x": manifest.json is no manifest of an image',
  });
});

Deno.test("readDockerDirectory() names a blob that is missing", async () => {
  const layout = new TestLayout();
  const { digest } = layout.addImage();
  const manifest = JSON.parse(
    new TextDecoder().decode(layout.blobs.get(digest.slice("sha256:".length))),
  );

  await rejects(load(manifest), { message: /^Cannot load "x": it has no file "[0-9a-f]{64}"$/ });
});

Deno.test("isDockerDirectory() waits for no FIFO", async () => {
  using store = new TestImageStore();
  using directory = new TemporaryDirectory();
  await new Deno.Command("mkfifo", { args: [directory.join("manifest.json")] }).output();

  await rejects(loadArchive(store.paths, directory.path, { sourceName: "x" }), {
    message: 'Cannot load "x": not an archive of images: it has no index.json or manifest.json',
  });
  deepStrictEqual(store.list().includes("index.json"), false);
});
