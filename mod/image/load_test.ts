import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sourceOf } from "../../tests/fakes/byte_source.ts";
import { TestImageStore } from "../../tests/fakes/image_store.ts";
import { type TarMember, tarOf } from "../../tests/fakes/tar_builder.ts";
import { needs } from "../../tests/needs.ts";
import { loadArchive, type LoadedImage } from "./load.ts";
import { sha256Hex } from "./sha256.ts";
import type { ImagePaths } from "./image_paths.ts";
import { getImage } from "./images.ts";
import { formatFamiliar, parseReference } from "./reference.ts";

const encoder = new TextEncoder();
const BASE = tarOf({ name: "etc/", type: "5" }, { name: "etc/os", content: "base" });
const TOP = tarOf({ name: "etc/", type: "5" }, { name: "etc/.wh.os" }, { name: "etc/new" });

function configOf(...layers: Uint8Array[]): Uint8Array {
  const diffIds = layers.map((layer) => `sha256:${sha256Hex(layer)}`);
  return encoder.encode(JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", "diff_ids": diffIds },
  }));
}

function manifestOf(...images: readonly unknown[]): TarMember {
  return { name: "manifest.json", content: JSON.stringify(images) };
}

const CONFIG = configOf(BASE, TOP);
const CONFIG_HEX = sha256Hex(CONFIG);

/** As docker before 25 saves: the second layer's directory may be a link to another's. */
const OLD_LAYOUT = tarOf(
  { name: `${"1".repeat(64)}/`, type: "5" },
  { name: `${"1".repeat(64)}/VERSION`, content: "1.0" },
  { name: `${"1".repeat(64)}/layer.tar`, content: BASE },
  { name: `${"2".repeat(64)}/layer.tar`, type: "2", link: `../${"3".repeat(64)}/layer.tar` },
  { name: `${"3".repeat(64)}/layer.tar`, content: TOP },
  { name: `${CONFIG_HEX}.json`, content: CONFIG },
  manifestOf({
    Config: `${CONFIG_HEX}.json`,
    RepoTags: ["web:1", "team/web:2"],
    Layers: [`${"1".repeat(64)}/layer.tar`, `${"2".repeat(64)}/layer.tar`],
  }),
);

function blob(content: Uint8Array): TarMember & { name: string } {
  return { name: `blobs/sha256/${sha256Hex(content)}`, content };
}

const PACKED_TOP = new Uint8Array(gzipSync(TOP));

/** As docker since 25 saves: an OCI layout with a manifest.json. */
const NEW_LAYOUT = tarOf(
  { name: "blobs/", type: "5" },
  blob(BASE),
  blob(PACKED_TOP),
  blob(CONFIG),
  manifestOf({
    Config: blob(CONFIG).name,
    RepoTags: ["web:1"],
    Layers: [blob(BASE).name, blob(PACKED_TOP).name],
  }),
  { name: "oci-layout", content: "{}" },
);

function load(paths: ImagePaths, bytes: Uint8Array): Promise<LoadedImage[]> {
  return loadArchive(paths, sourceOf(bytes), {
    sourceName: "images.tar",
  });
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

const FORMS: ReadonlyArray<readonly [form: string, bytes: Uint8Array]> = [
  ["the old layout", OLD_LAYOUT],
  ["the new layout", NEW_LAYOUT],
  ["the old layout in gzip", new Uint8Array(gzipSync(OLD_LAYOUT))],
  ["the new layout in zstd", new Uint8Array(zstdCompressSync(NEW_LAYOUT))],
];

for (const [form, bytes] of FORMS) {
  test(`loadArchive() loads ${form}`, async ({ paths }) => {
    const [loaded] = await load(paths, bytes);

    strictEqual(loaded?.id, `sha256:${CONFIG_HEX}`);
    const { layerDirs, config } = getImage(paths, "web:1");
    deepStrictEqual(config.process.command, ["sh"]);
    strictEqual(Deno.readTextFileSync(`${layerDirs[0]}/etc/os`), "base");
    strictEqual(Deno.lstatSync(`${layerDirs[1]}/etc/os`).isCharDevice, true);
  });
}

test("loadArchive() gives an image all its names", async ({ paths }) => {
  const [loaded] = await load(paths, OLD_LAYOUT);

  deepStrictEqual(loaded?.references.map(formatFamiliar), ["web:1", "team/web:2"]);
  strictEqual(getImage(paths, "team/web:2").id, loaded?.id);
});

test("loadArchive() loads several images that share a layer", async ({ paths }) => {
  const small = configOf(BASE);
  const archive = tarOf(
    blob(BASE),
    blob(TOP),
    blob(CONFIG),
    blob(small),
    manifestOf(
      { Config: blob(small).name, RepoTags: ["small"], Layers: [blob(BASE).name] },
      { Config: blob(CONFIG).name, RepoTags: null, Layers: [blob(BASE).name, blob(TOP).name] },
    ),
  );

  const loaded = await load(paths, archive);

  deepStrictEqual(loaded.map(({ references }) => references.length), [1, 0]);
  strictEqual([...Deno.readDirSync(paths.layers)].length, 2);
  strictEqual(getImage(paths, `sha256:${CONFIG_HEX}`).layerDirs.length, 2);
});

test("loadArchive() names an image without a name as it is told", async ({ paths }) => {
  const archive = tarOf(
    blob(BASE),
    blob(configOf(BASE)),
    manifestOf({ Config: blob(configOf(BASE)).name, Layers: [blob(BASE).name] }),
  );
  const reference = parseReference("localhost/file");

  await loadArchive(paths, sourceOf(archive), {
    sourceName: "x",
    defaultReference: reference,
  });

  strictEqual(getImage(paths, "localhost/file").layerDirs.length, 1);
});

const PLAIN_MANIFEST = manifestOf({
  Config: blob(CONFIG).name,
  RepoTags: [],
  Layers: [blob(BASE).name, blob(TOP).name],
});

const REFUSED: ReadonlyArray<readonly [what: string, bytes: Uint8Array, message: RegExp]> = [
  ["a root file system", tarOf({ name: "bin/", type: "5" }), /: not an archive of images$/],
  ["text", encoder.encode("hello"), /: not a tar archive$/],
  [
    "an archive without a list of images",
    tarOf(blob(BASE)),
    /: not an archive of images: it has no index.json or manifest.json$/,
  ],
  ["a manifest that is not JSON", tarOf({ name: "manifest.json", content: "{" }), /is not JSON$/],
  ["a manifest of another shape", tarOf(manifestOf({ Config: 1 })), /: damaged manifest.json$/],
  [
    "a missing layer",
    tarOf(blob(BASE), blob(CONFIG), PLAIN_MANIFEST),
    /: it has no file "blobs\/sha256\/[0-9a-f]{64}"$/,
  ],
  [
    "a layer that is not what its name says",
    tarOf(
      { ...blob(tarOf({ name: "other" })), content: TOP },
      blob(configOf(tarOf({ name: "other" }))),
      manifestOf({
        Config: blob(configOf(tarOf({ name: "other" }))).name,
        Layers: [blob(tarOf({ name: "other" })).name],
      }),
    ),
    /: cannot use "blobs\/.*": its digest is sha256:[0-9a-f]{64}, not sha256:/,
  ],
  [
    "a layer that is not the one of the config",
    tarOf(
      blob(BASE),
      blob(CONFIG),
      manifestOf({ Config: blob(CONFIG).name, Layers: [blob(BASE).name, blob(BASE).name] }),
    ),
    /: cannot use layer "blobs\/.*": its digest is/,
  ],
  [
    "fewer layers than the config has",
    tarOf(
      blob(BASE),
      blob(CONFIG),
      manifestOf({ Config: blob(CONFIG).name, Layers: [blob(BASE).name] }),
    ),
    /is about 2 layers, the archive lists 1$/,
  ],
  ["a cut archive", NEW_LAYOUT.slice(0, 3000), /: truncated tar archive: it ends at byte 3000$/],
  [
    "a layer that leads out",
    tarOf(
      blob(tarOf({ name: "../x" })),
      blob(configOf(tarOf({ name: "../x" }))),
      manifestOf({
        Config: blob(configOf(tarOf({ name: "../x" }))).name,
        Layers: [blob(tarOf({ name: "../x" })).name],
      }),
    ),
    /: entry "..\/x" leads out of the image$/,
  ],
];

for (const [what, bytes, message] of REFUSED) {
  test(`loadArchive() refuses ${what} and leaves the store as it was`, async (store) => {
    await load(store.paths, OLD_LAYOUT);
    const before = store.list();

    await rejects(load(store.paths, bytes), {
      name: "WherryError",
      message: new RegExp(`^Cannot load "images.tar"${message.source.replace(/^(?!:)/, ".*")}`),
    });

    deepStrictEqual(store.list(), before);
  });
}
