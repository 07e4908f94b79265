import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { TestImageStore, testStore, UNUSED } from "../../../tests/fakes/image_store.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import { bzip2, xz } from "../../../tests/fakes/host_compression.ts";
import { sweepImages } from "../store/image_sweep.ts";
import { getImage } from "../store/images.ts";
import { ImagePaths } from "../store/image_paths.ts";
import { type ImportedImage, importRootfs } from "./import.ts";
import { parseReference } from "../spec/reference.ts";

const TAR = tarOf(
  { name: "bin/", type: "5", mode: 0o755 },
  { name: "bin/sh", mode: 0o755, content: "#!".repeat(5000) },
);
const GZIP = new Uint8Array(gzipSync(TAR));
const ZSTD = new Uint8Array(zstdCompressSync(TAR));

function importBytes(
  paths: ImagePaths,
  bytes: Uint8Array,
  name = "box",
): Promise<ImportedImage> {
  return importRootfs(paths, sourceOf(bytes), {
    reference: parseReference(name),
    sourceName: "rootfs.tar",
  });
}

const FORMS: ReadonlyArray<readonly [form: string, bytes: Uint8Array]> = [
  ["a plain tar", TAR],
  ["a gzipped tar", GZIP],
  ["gzip members in a row", concat(gzip(TAR.slice(0, 3000)), gzip(TAR.slice(3000)))],
  ["a tar in zstd", ZSTD],
  ["zstd frames in a row", concat(zstd(TAR.slice(0, 3000)), zstd(TAR.slice(3000)))],
];

function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

function zstd(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(bytes));
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  return new Uint8Array([...first, ...second]);
}

for (const [form, bytes] of FORMS) {
  testStore(`importRootfs() unpacks ${form}`, async (store) => {
    const { id } = await importBytes(store.paths, bytes);

    const image = getImage(store.paths, "box");
    strictEqual(image.id, id);
    strictEqual(Deno.readTextFileSync(`${image.layerDirs[0]}/bin/sh`).length, 10_000);
  });

  testStore(`importRootfs() stores ${form} as it came`, async (store) => {
    await importBytes(store.paths, bytes);

    const hex = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
    const blob = Deno.readFileSync(`${store.paths.blobs}/${hex.toHex()}`);
    deepStrictEqual(blob, new Uint8Array(bytes));
  });
}

const FOREIGN = [["xz", xz], ["bzip2", bzip2]] as const;

for (const [format, compress] of FOREIGN) {
  testStore(`importRootfs() unpacks a tar in ${format} and stores it as gzip`, async (store) => {
    await importBytes(store.paths, await compress(TAR));

    const { layerDirs, config, digest } = getImage(store.paths, "box");
    strictEqual(Deno.readTextFileSync(`${layerDirs[0]}/bin/sh`).length, 10_000);
    const { layers: [layer] } = JSON.parse(Deno.readTextFileSync(store.paths.blob(digest)));
    strictEqual(layer.mediaType, "application/vnd.oci.image.layer.v1.tar+gzip");
    const blob = Deno.readFileSync(store.paths.blob(layer.digest));
    deepStrictEqual(new Uint8Array(gunzipSync(blob)), TAR);
    const hex = new Uint8Array(await crypto.subtle.digest("SHA-256", TAR)).toHex();
    deepStrictEqual(config.diffIds, [`sha256:${hex}`]);
  });
}

testStore("importRootfs() hashes a stream of large chunks on another thread", async (store) => {
  const large = tarOf({ name: "f", content: new Uint8Array(5 << 20).fill(1) });
  await importRootfs(store.paths, sourceOf(gzip(large), 100_000), {
    reference: parseReference("box"),
    sourceName: "-",
  });

  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", large)).toHex();
  deepStrictEqual(getImage(store.paths, "box").config.diffIds, [`sha256:${digest}`]);
});

const REFUSED: ReadonlyArray<
  readonly [what: string, bytes: Uint8Array, kind: string, message: RegExp]
> = [
  ["an empty file", new Uint8Array(0), "corrupt", /: not a tar archive: it is empty$/],
  ["nothing but zeros", new Uint8Array(10240), "corrupt", /: not a tar archive/],
  ["text", new TextEncoder().encode("hello\n"), "corrupt", /: not a tar archive$/],
  ["a long text", new Uint8Array(9999).fill(0x61), "corrupt", /: not a tar archive$/],
  ["a gzipped text", gzip(new Uint8Array(9999).fill(0x61)), "corrupt", /: not a tar archive$/],
  ["a truncated tar", TAR.slice(0, 4000), "corrupt", /: truncated tar archive: it ends at/],
  ["a truncated gzip", GZIP.slice(0, -9), "corrupt", /: truncated gzip stream$/],
  ["a truncated zstd", ZSTD.slice(0, -2), "corrupt", /: truncated zstd stream$/],
  ["a truncated xz", Uint8Array.fromHex("fd377a585a000000"), "corrupt", /: truncated xz stream$/],
  [
    "a truncated bzip2",
    new TextEncoder().encode("BZh91AY"),
    "corrupt",
    /: truncated bzip2 stream$/,
  ],
  ["a name out of the image", tarOf({ name: "../x" }), "corrupt", /: entry "..\/x" leads out/],
];

for (const [what, bytes, kind, message] of REFUSED) {
  testStore(`importRootfs() refuses ${what} and leaves the store as it was`, async (store) => {
    await importBytes(store.paths, tarOf({ name: "first" }), "first");
    const before = store.list();

    await rejects(importBytes(store.paths, bytes), {
      name: "WherryError",
      kind,
      message: new RegExp(`^Cannot import "rootfs.tar"${message.source}`),
    });

    deepStrictEqual(store.list(), before);
  });
}

testStore("importRootfs() leaves the store as it was when the disk fills up", async (store) => {
  using disk = new SmallDisk(store.root, 2);
  await importBytes(store.paths, tarOf({ name: "first" }), "first");
  const before = store.list();
  const large = tarOf({ name: "f", content: new Uint8Array(4 << 20) });

  await rejects(importBytes(store.paths, large), {
    kind: "unavailable",
    message: 'Cannot import "rootfs.tar": no space left on device',
  });

  deepStrictEqual(store.list(), before);
  strictEqual(disk.isMounted, true);
});

testStore(
  "importRootfs() leaves nothing when the disk fills up with unpacked files",
  async (store) => {
    using _disk = new SmallDisk(store.root, 2);
    const compressible = gzip(tarOf({ name: "f", content: new Uint8Array(8 << 20) }));

    await rejects(importBytes(store.paths, compressible), /no space left on device/);

    deepStrictEqual(store.list(), ["blobs", "layers", "staging"]);
  },
);

testStore(
  "importRootfs() refuses a tar of a known size for which there is no room",
  async (store) => {
    const options = { sourceName: "rootfs.tar", sourceBytes: 9e15 };

    await rejects(importRootfs(store.paths, sourceOf(TAR), options), {
      kind: "unavailable",
      message:
        /^Cannot import "rootfs.tar": cannot unpack: no space left on device: it needs 9000000000.0 MB, [\d.]+ MB are/,
    });

    deepStrictEqual(store.list(), ["blobs", "layers", "staging"]);
  },
);

/** A tmpfs of a few megabytes. */
class SmallDisk implements Disposable {
  readonly isMounted: boolean;
  readonly #path: string;

  constructor(path: string, megabytes: number) {
    this.#path = path;
    const args = ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=755`, "wherry-test", path];
    this.isMounted = new Deno.Command("mount", { args }).outputSync().success;
  }

  [Symbol.dispose](): void {
    new Deno.Command("umount", { args: [this.#path] }).outputSync();
  }
}

testStore("importRootfs() makes one layer of two imports at a time", async (store) => {
  await Promise.all([
    importBytes(store.paths, TAR, "one"),
    importBytes(store.paths, TAR, "two"),
  ]);

  const [one, two] = [getImage(store.paths, "one"), getImage(store.paths, "two")];
  deepStrictEqual(one.layerDirs, two.layerDirs);
  strictEqual([...Deno.readDirSync(store.paths.layers)].length, 1);
});

testStore("importRootfs() gives the name to the new image and keeps the old one", async (store) => {
  const { id: old } = await importBytes(store.paths, tarOf({ name: "old" }));

  const { id } = await importBytes(store.paths, tarOf({ name: "new" }));

  strictEqual(getImage(store.paths, "box").id, id);
  strictEqual(getImage(store.paths, old).id, old);
});

testStore("importRootfs() says which root cannot be used", async (store) => {
  Deno.writeTextFileSync(`${store.root}/file`, "");
  const paths = new ImagePaths(`${store.root}/file`);

  await rejects(importBytes(paths, TAR), {
    kind: "unavailable",
    message: new RegExp(`^Cannot import "rootfs.tar": cannot use root "${store.root}/file"`),
  });
});

testStore("sweepImages() removes what a killed import left behind", async (store) => {
  await importBytes(store.paths, TAR);
  const before = store.list();
  await startAndKillImport(store);

  const sweep = sweepImages(store.paths, () => UNUSED);

  strictEqual(sweep.stagingCount, 1);
  deepStrictEqual(store.list(), before);
});

/** Imports an endless stream in another process and kills it while it unpacks. */
async function startAndKillImport(store: TestImageStore): Promise<void> {
  const script = `
    import { importRootfs } from ${JSON.stringify(import.meta.resolve("./import.ts"))};
    import { ImagePaths } from ${JSON.stringify(import.meta.resolve("../store/image_paths.ts"))};
    await importRootfs(new ImagePaths(${
    JSON.stringify(store.root)
  }), Deno.stdin, { sourceName: "-" });`;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      `--config=${config}`,
      `data:text/javascript,${encodeURIComponent(script)}`,
    ],
    stdin: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(tarOf({ name: "big", content: new Uint8Array(3 << 20) }).slice(0, 2 << 20));
  while (!isUnpacking(store)) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGKILL");
  await child.status;
  await writer.abort().catch(() => undefined);
}

function isUnpacking(store: TestImageStore): boolean {
  const find = new Deno.Command("find", { args: [store.paths.staging, "-name", "big"] });
  return find.outputSync().stdout.length > 0;
}

testStore("sweepImages() leaves an import in progress alone", async (store) => {
  const gate = Promise.withResolvers<void>();
  const slow = sourceOf(TAR);
  const importing = importRootfs(
    store.paths,
    {
      read: async (buffer) => {
        await gate.promise;
        return await slow.read(buffer);
      },
    },
    { reference: parseReference("box"), sourceName: "-" },
  );

  sweepImages(store.paths, () => UNUSED);
  gate.resolve();
  const { id } = await importing;

  strictEqual(getImage(store.paths, "box").id, id);
});

testStore("importRootfs() makes an image for the platform that somebody says", async (store) => {
  await importRootfs(store.paths, sourceOf(TAR), {
    reference: parseReference("box"),
    sourceName: "-",
    platform: { os: "linux", architecture: "arm", variant: "v7" },
  });

  const { os, architecture, variant } = getImage(store.paths, "box").config;
  deepStrictEqual([os, architecture, variant], ["linux", "arm", "v7"]);
});

testStore("importRootfs() refuses a change before it reads anything", async (store) => {
  const source = {
    read: (): Promise<number | null> => Promise.reject(new Error("Cannot be read")),
  };

  await rejects(importRootfs(store.paths, source, { sourceName: "-", changes: ["COPY a b"] }), {
    kind: "invalid_argument",
    message: 'Cannot import standard input: cannot apply the change "COPY a b": not understood',
  });
});
