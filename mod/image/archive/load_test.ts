import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { testStore } from "../../../tests/fakes/image_store.ts";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { TestLayout } from "../../../tests/fakes/test_layout.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { type TarMember, tarOf } from "../../../tests/fakes/tar_builder.ts";
import type { LoadedImage } from "./archive_stager.ts";
import { loadArchive } from "./load.ts";
import { sha256Hex } from "../spec/sha256.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { readIndex, SIZE_ANNOTATION } from "../store/image_index.ts";
import { listImages } from "../store/image_list.ts";
import { getImage } from "../store/images.ts";
import { parsePlatform } from "../spec/platform.ts";
import { formatFamiliar, parseReference } from "../spec/reference.ts";

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

const FORMS: ReadonlyArray<readonly [form: string, bytes: Uint8Array]> = [
  ["the old layout", OLD_LAYOUT],
  ["the new layout", NEW_LAYOUT],
  ["the old layout in gzip", new Uint8Array(gzipSync(OLD_LAYOUT))],
  ["the new layout in zstd", new Uint8Array(zstdCompressSync(NEW_LAYOUT))],
];

for (const [form, bytes] of FORMS) {
  testStore(`loadArchive() loads ${form}`, async ({ paths }) => {
    const [loaded] = await load(paths, bytes);

    strictEqual(loaded?.id, `sha256:${CONFIG_HEX}`);
    const { layerDirs, config } = getImage(paths, "web:1");
    deepStrictEqual(config.process.command, ["sh"]);
    strictEqual(Deno.readTextFileSync(`${layerDirs[0]}/etc/os`), "base");
    strictEqual(Deno.lstatSync(`${layerDirs[1]}/etc/os`).isCharDevice, true);
  });
}

testStore("loadArchive() gives an image all its names", async ({ paths }) => {
  const [loaded] = await load(paths, OLD_LAYOUT);

  deepStrictEqual(loaded?.references.map(formatFamiliar), ["web:1", "team/web:2"]);
  strictEqual(getImage(paths, "team/web:2").id, loaded?.id);
});

testStore("loadArchive() loads several images that share a layer", async ({ paths }) => {
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

testStore("loadArchive() names an image without a name as it is told", async ({ paths }) => {
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
  testStore(`loadArchive() refuses ${what} and leaves the store as it was`, async (store) => {
    await load(store.paths, OLD_LAYOUT);
    const before = store.list();

    await rejects(load(store.paths, bytes), {
      name: "WherryError",
      message: new RegExp(`^Cannot load "images.tar"${message.source.replace(/^(?!:)/, ".*")}`),
    });

    deepStrictEqual(store.list(), before);
  });
}

/** A layout of one image, whose second layer is compressed. */
function sampleLayout(): TestLayout {
  const layout = new TestLayout();
  const image = layout.addImage({ layers: [BASE, PACKED_TOP], tars: [BASE, TOP] });
  return layout.name(image, "web:1");
}

testStore("loadArchive() keeps the manifest of an OCI archive byte for byte", async ({ paths }) => {
  const layout = sampleLayout();

  await load(paths, layout.tar());

  const { digest, layerDirs } = getImage(paths, "web:1");
  strictEqual(digest, layout.entries[0]?.digest);
  deepStrictEqual(
    Deno.readFileSync(paths.blob(digest)),
    layout.blobs.get(digest.slice("sha256:".length)),
  );
  strictEqual(Deno.lstatSync(`${layerDirs[1]}/etc/os`).isCharDevice, true);
});

testStore("loadArchive() keeps the media type of docker's manifests", async ({ paths }) => {
  const docker = "application/vnd.docker";
  const manifestType = `${docker}.distribution.manifest.v2+json`;
  const layout = new TestLayout();
  layout.name(
    layout.addImage({
      layers: [PACKED_TOP],
      tars: [TOP],
      manifestType,
      configType: `${docker}.container.image.v1+json`,
      layerType: `${docker}.image.rootfs.diff.tar.gzip`,
    }),
    "web:1",
  );

  await load(paths, layout.tar());

  const index = JSON.parse(Deno.readTextFileSync(paths.index));
  strictEqual(index.manifests[0].mediaType, manifestType);
});

testStore("loadArchive() loads an OCI layout from a directory", async ({ paths }) => {
  using directory = new TemporaryDirectory();
  sampleLayout().write(directory.path);

  const [loaded] = await loadArchive(paths, directory.path, { sourceName: "x" });

  deepStrictEqual(loaded?.references.map(formatFamiliar), ["web:1"]);
  strictEqual(getImage(paths, "web:1").layerDirs.length, 2);
});

testStore(
  "loadArchive() loads a directory as skopeo's dir: writes it, without a name",
  async (store) => {
    using directory = new TemporaryDirectory();
    const layout = sampleLayout();
    for (const [hex, content] of layout.blobs) {
      const isManifest = layout.entries[0]?.digest.endsWith(hex);
      Deno.writeFileSync(directory.join(isManifest ? "manifest.json" : hex), content);
    }

    const [loaded] = await loadArchive(store.paths, directory.path, { sourceName: "x" });

    deepStrictEqual(loaded?.references, []);
    strictEqual(getImage(store.paths, loaded?.id ?? "").digest, layout.entries[0]?.digest);
  },
);

testStore(
  "loadArchive() unpacks a layer of the store no more and writes its blob no more",
  async (store) => {
    const layout = sampleLayout();
    await load(store.paths, layout.tar());
    const { layerDirs, digest } = getImage(store.paths, "web:1");
    const places = [...layerDirs, store.paths.blob(digest)];
    const inodes = places.map((place) => Deno.statSync(place).ino);

    await load(store.paths, layout.name(layout.addImage({ layers: [BASE] }), "base:1").tar());

    deepStrictEqual(places.map((place) => Deno.statSync(place).ino), inodes);
    deepStrictEqual(getImage(store.paths, "base:1").layerDirs, layerDirs.slice(0, 1));
    strictEqual([...Deno.readDirSync(store.paths.layers)].length, 2);
  },
);

testStore("loadArchive() mends what of an image is damaged in the store", async ({ paths }) => {
  await load(paths, NEW_LAYOUT);
  const places = [CONFIG, BASE].map((content) => `${paths.blobs}/${sha256Hex(content)}`);
  for (const path of places) Deno.writeTextFileSync(path, "x".repeat(Deno.statSync(path).size));

  await load(paths, NEW_LAYOUT);

  deepStrictEqual(listImages(paths).damaged, []);
  deepStrictEqual(places.map((path) => Deno.readFileSync(path)), [CONFIG, BASE]);
});

testStore("loadArchive() gives an image that it knows the same size again", async ({ paths }) => {
  await load(paths, sampleLayout().tar());
  const before = readIndex(paths);

  await load(paths, sampleLayout().tar());

  strictEqual(
    before.manifests[0]?.annotations[SIZE_ANNOTATION],
    String(BASE.length + TOP.length),
  );
  deepStrictEqual(readIndex(paths), before);
});

testStore(
  "loadArchive() does not believe that a layer is one that the store has",
  async ({ paths }) => {
    await load(paths, sampleLayout().tar());
    const other = new Uint8Array(gzipSync(tarOf({ name: "other" })));
    const layout = new TestLayout();
    layout.name(layout.addImage({ layers: [BASE, other], tars: [BASE, TOP] }), "lie:1");

    await rejects(load(paths, layout.tar()), { message: /: cannot use layer ".*": its digest is/ });

    strictEqual(listImages(paths).images.length, 1);
  },
);

testStore("loadArchive() takes the last of several entries of one name", async ({ paths }) => {
  const archive = tarOf(
    { ...blob(BASE), content: TOP },
    blob(BASE),
    blob(configOf(BASE)),
    { name: "manifest.json", content: "[]" },
    manifestOf({ Config: "config", RepoTags: ["web:1"], Layers: [blob(BASE).name] }),
    { name: "config", content: "{}" },
    { name: "config", type: "2", link: blob(configOf(BASE)).name },
  );

  await load(paths, archive);

  strictEqual(getImage(paths, "web:1").layerDirs.length, 1);
});

testStore(
  "loadArchive() refuses an image for another platform than the one asked for",
  async (store) => {
    const platform = parsePlatform("linux/arm64");

    for (const bytes of [OLD_LAYOUT, sampleLayout().tar()]) {
      const options = { sourceName: "x", platform };
      await rejects(loadArchive(store.paths, sourceOf(bytes), options), {
        kind: "unsupported",
        message: 'Cannot load "x": it has no image for linux/arm64, only for linux/amd64',
      });
    }
  },
);

for (const what of ["the archive itself", "a layer in it"]) {
  testStore(
    `loadArchive() stops where more comes out of ${what} than is allowed`,
    async ({ paths }) => {
      const large = tarOf({ name: "zeros", content: new Uint8Array(8 << 20) });
      const packed = new Uint8Array(gzipSync(large));
      const layout = new TestLayout();
      const isInside = what === "a layer in it";
      layout.name(layout.addImage({ layers: [isInside ? packed : large], tars: [large] }), "web:1");
      const archive = isInside ? layout.tar() : new Uint8Array(gzipSync(layout.tar()));
      const options = { sourceName: "x", maxUnpackedBytes: 1 << 20 };

      await rejects(loadArchive(paths, sourceOf(archive), options), {
        kind: "unsupported",
        message: 'Cannot load "x": it unpacks to more than the limit of 1048576 bytes',
      });

      strictEqual(listImages(paths).images.length, 0);
      await loadArchive(paths, sourceOf(archive), { ...options, maxUnpackedBytes: 16 << 20 });
    },
  );
}

testStore(
  "loadArchive() refuses a file for which there is no room, before it comes",
  async (store) => {
    const member = { ...blob(BASE), pax: { size: "9000000000000000" } };

    await rejects(load(store.paths, tarOf(member).slice(0, 2048)), {
      kind: "unavailable",
      message:
        /^Cannot load "images.tar": cannot unpack: no space left on device: it needs 9000000000.0 MB, \d+\.\d MB are free$/,
    });
  },
);

testStore("loadArchive() refuses more entries than any archive has", async ({ paths }) => {
  const members = Array.from({ length: 20_001 }, (_, i) => ({ name: `blobs/${i}`, type: "5" }));

  await rejects(load(paths, tarOf(...members)), { message: /it has more than 20000 entries$/ });
});

testStore("loadArchive() keeps what leads out of the archive in it", async ({ paths }) => {
  const archive = tarOf(
    blob(BASE),
    blob(configOf(BASE)),
    { name: "blobs/../../../../../../tmp/wherry-escaped", content: "x" },
    { name: "blobs/link", type: "2", link: "../../../../../../etc/passwd" },
    manifestOf({ Config: "blobs/link", RepoTags: ["web:1"], Layers: [blob(BASE).name] }),
  );

  await rejects(load(paths, archive), { message: /: it has no file "blobs\/link"$/ });

  await rejects(Deno.lstat("/tmp/wherry-escaped"), Deno.errors.NotFound);
});

testStore("loadArchive() refuses an archive that is cut anywhere", async ({ paths }) => {
  const archive = sampleLayout().tar();
  const whole = archive.findLastIndex((byte) => byte !== 0);

  for (let length = 0; length <= whole; length += 777) {
    await rejects(load(paths, archive.slice(0, length)), { name: "WherryError" }, `at ${length}`);
  }

  deepStrictEqual(listImages(paths).images, []);
  deepStrictEqual([...Deno.readDirSync(paths.blobs)], []);
});

const ODD: ReadonlyArray<readonly [what: string, config: unknown]> = [
  ["a list", []],
  ["no layers", { os: "linux", rootfs: { "diff_ids": [] } }],
  ["layers that are numbers", { os: "linux", rootfs: { "diff_ids": [1] } }],
  ["an environment that is a text", {
    os: "linux",
    config: { Env: "A=b" },
    rootfs: { "diff_ids": [`sha256:${sha256Hex(BASE)}`] },
  }],
  ["another system", { os: "windows", rootfs: { "diff_ids": [`sha256:${sha256Hex(BASE)}`] } }],
];

for (const [what, config] of ODD) {
  testStore(`loadArchive() refuses a config blob with ${what}`, async ({ paths }) => {
    const content = encoder.encode(JSON.stringify(config));
    const archive = tarOf(
      blob(BASE),
      blob(content),
      manifestOf({ Config: blob(content).name, RepoTags: ["odd:1"], Layers: [blob(BASE).name] }),
    );

    await rejects(load(paths, archive), { name: "WherryError", message: /^Cannot load "images/ });

    deepStrictEqual(listImages(paths).images, []);
  });
}

testStore("loadArchive() says that an image has no layers", async ({ paths }) => {
  const config = blob(configOf());
  const archive = tarOf(config, manifestOf({ Config: config.name, Layers: [] }));

  await rejects(load(paths, archive), {
    kind: "unsupported",
    message: /^Cannot load "[^"]*": "[^"]*" is an image without layers$/,
  });
});
