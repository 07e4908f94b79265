import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { TestImageStore } from "../../../tests/fakes/image_store.ts";
import { type TestDescriptor, TestLayout, TYPE } from "../../../tests/fakes/test_layout.ts";
import { tarOf } from "../../../tests/fakes/tar_builder.ts";
import type { ArchivedImage } from "./archived_image.ts";
import { type LayoutRequest, readOciLayout } from "./oci_layout.ts";
import { parsePlatform } from "../spec/platform.ts";
import { formatReference, parseReference } from "../spec/reference.ts";
import { Staging } from "../store/staging.ts";
import { StreamedFiles } from "./streamed_files.ts";

async function read(layout: TestLayout, request: LayoutRequest = {}): Promise<ArchivedImage[]> {
  using store = new TestImageStore();
  using staging = Staging.open(store.paths);
  const target = { paths: store.paths, staging, maxBytes: undefined };
  const files = await StreamedFiles.read(sourceOf(layout.tar()), target);
  return await readOciLayout(files, request);
}

function digests(images: readonly ArchivedImage[]): unknown[] {
  return images.map(({ manifest }) => manifest?.blob.digest);
}

function names(images: readonly ArchivedImage[]): string[] {
  return images.flatMap(({ references }) => references.map(formatReference));
}

function forPlatform(descriptor: TestDescriptor, text: string): TestDescriptor {
  const [os = "", architecture = "", variant] = text.split("/");
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { ...descriptor, platform };
}

/** An image for each platform, in an index; what is not added to the blobs is missing. */
function multiPlatform(layout: TestLayout, ...platforms: readonly string[]): TestDescriptor[] {
  return platforms.map((text) => {
    const architecture = text.split("/")[1] ?? "";
    const layers = [tarOf({ name: text.replaceAll("/", "-") })];
    return forPlatform(layout.addImage({ architecture, layers }), text);
  });
}

Deno.test("readOciLayout() finds every image with its name, manifest and layers", async () => {
  const layout = new TestLayout();
  const one = layout.addImage();
  const two = layout.addImage({ layers: [tarOf({ name: "a" }), tarOf({ name: "b" })] });
  layout.name(one, "box:1").name(two, "host:5000/team/web:2");

  const images = await read(layout);

  deepStrictEqual(digests(images), [one.digest, two.digest]);
  deepStrictEqual(names(images), ["docker.io/library/box:1", "host:5000/team/web:2"]);
  deepStrictEqual(images.map(({ layers }) => layers.length), [1, 2]);
});

Deno.test("readOciLayout() prefers the name that containerd gives", async () => {
  const layout = new TestLayout();
  layout.entries.push({
    ...layout.addImage(),
    annotations: {
      "io.containerd.image.name": "docker.io/library/box:latest",
      "org.opencontainers.image.ref.name": "latest",
    },
  });

  deepStrictEqual(names(await read(layout)), ["docker.io/library/box:latest"]);
});

Deno.test("readOciLayout() puts a name that is only a tag on the repository", async () => {
  const layout = new TestLayout();
  layout.name(layout.addImage(), "v1.2");

  deepStrictEqual(names(await read(layout)), []);
  const repository = parseReference("localhost/box");
  deepStrictEqual(names(await read(layout, { repository })), ["localhost/box:v1.2"]);
});

for (const name of ["host/Upper:1", "a//b:1", "box@sha256:1234", "-"]) {
  Deno.test(`readOciLayout() takes "${name}" for no name`, async () => {
    const layout = new TestLayout();
    layout.name(layout.addImage(), name);

    const repository = parseReference("localhost/box");
    deepStrictEqual(names(await read(layout, { repository })), []);
  });
}

Deno.test("readOciLayout() reads only the image of the name that is wanted", async () => {
  const layout = new TestLayout();
  const two = layout.addImage({ layers: [tarOf({ name: "two" })] });
  layout.name(layout.addImage(), "one").name(two, "two");

  deepStrictEqual(digests(await read(layout, { name: "two" })), [two.digest]);
  await rejects(read(layout, { name: "three" }), { message: /: it has no image "three"$/ });
});

Deno.test("readOciLayout() chooses the image for this machine from an index", async () => {
  const layout = new TestLayout();
  const [arm, host] = multiPlatform(layout, "linux/s390x", `linux/${Deno.build.arch}`);
  layout.name(layout.addIndex(...[arm, host].filter((one) => one !== undefined)), "box:1");

  deepStrictEqual(digests(await read(layout)), [host?.digest]);
});

Deno.test("readOciLayout() chooses the image for the platform that is asked for", async () => {
  const layout = new TestLayout();
  const [v6, v7, host] = multiPlatform(layout, "linux/arm/v6", "linux/arm/v7", "linux/amd64");
  layout.name(layout.addIndex(...[v6, v7, host].filter((one) => one !== undefined)), "box:1");

  const images = await read(layout, { platform: parsePlatform("linux/arm/v6") });

  deepStrictEqual(digests(images), [v6?.digest]);
});

Deno.test("readOciLayout() refuses what is not there for the platform, and says what is", async () => {
  const layout = new TestLayout();
  layout.name(layout.addIndex(...multiPlatform(layout, "linux/s390x", "linux/arm/v7")), "box:1");

  await rejects(read(layout, { platform: parsePlatform("linux/riscv64") }), {
    kind: "unsupported",
    detail: "it has no image for linux/riscv64, only for linux/s390x, linux/arm/v7",
  });
});

Deno.test("readOciLayout() takes the only image that is there, whatever it is for", async () => {
  const layout = new TestLayout();
  const [only, gone] = multiPlatform(layout, "linux/s390x", "linux/amd64");
  layout.name(layout.addIndex(...[only, gone].filter((one) => one !== undefined)), "box:1");
  layout.blobs.delete(gone?.digest.slice("sha256:".length) ?? "");

  deepStrictEqual(digests(await read(layout)), [only?.digest]);
});

Deno.test("readOciLayout() looks into the config where an index does not say the platform", async () => {
  const layout = new TestLayout();
  const other = layout.addImage({ architecture: "s390x" });
  const host = layout.addImage({ architecture: "amd64" });
  layout.name(layout.addIndex(other, host), "box:1");

  deepStrictEqual(digests(await read(layout, { platform: parsePlatform("amd64") })), [host.digest]);
});

Deno.test("readOciLayout() takes entries without names for one image of several platforms", async () => {
  const layout = new TestLayout();
  const [s390x, host] = multiPlatform(layout, "linux/s390x", "linux/amd64");
  if (s390x !== undefined && host !== undefined) layout.entries.push(s390x, host);

  const images = await read(layout, { platform: parsePlatform("amd64") });

  deepStrictEqual(digests(images), [host?.digest]);
});

Deno.test("readOciLayout() takes entries without names for several images of one platform", async () => {
  const layout = new TestLayout();
  const [one, two] = multiPlatform(layout, "linux/amd64", "linux/amd64/v2");
  const entries = [one, two].map((entry) => forPlatform(entry ?? layout.addImage(), "linux/amd64"));
  layout.entries.push(...entries);

  strictEqual((await read(layout)).length, 2);
});

Deno.test("readOciLayout() passes attestations by", async () => {
  const layout = new TestLayout();
  const [host] = multiPlatform(layout, "linux/amd64");
  const attestation = {
    ...forPlatform(
      layout.addImage({ layerType: "application/vnd.in-toto+json" }),
      "unknown/unknown",
    ),
    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  };
  layout.name(layout.addIndex(attestation, ...(host === undefined ? [] : [host])), "box:1");

  deepStrictEqual(digests(await read(layout)), [host?.digest]);
});

/** An index in an index, so many times. */
function nested(layout: TestLayout, levels: number): TestDescriptor {
  let descriptor = layout.addImage();
  for (let level = 0; level < levels; level++) descriptor = layout.addIndex(descriptor);
  return descriptor;
}

Deno.test("readOciLayout() goes through four indexes", async () => {
  const layout = new TestLayout();
  layout.name(nested(layout, 4), "box:1");

  strictEqual((await read(layout)).length, 1);
});

const REFUSED: ReadonlyArray<
  readonly [what: string, fill: (layout: TestLayout) => void, message: RegExp]
> = [
  [
    "more indexes in each other",
    (layout) => layout.name(nested(layout, 5)),
    /: indexes are more than 4 deep$/,
  ],
  [
    "an index that says it is in itself",
    (layout) => {
      const index = layout.addIndex(layout.addImage());
      layout.blobs.set(
        index.digest.slice(7),
        layout.blobs.get(layout.addIndex(index).digest.slice(7)) ?? new Uint8Array(),
      );
      layout.name(index);
    },
    /(is \d+ bytes long, not \d+|its digest is sha256:\w+, not sha256:\w+)$/,
  ],
  ["no images", () => {}, /: it holds no image$/],
  [
    "more images than anybody has",
    (layout) => {
      const image = layout.addImage();
      for (let i = 0; i < 1001; i++) layout.name(image, `box:${i}`);
    },
    /: it holds more than 1000 images$/,
  ],
  [
    "a manifest of another size",
    (layout) => layout.name({ ...layout.addImage(), size: 1 }),
    /" is \d+ bytes long, not 1$/,
  ],
  [
    "a manifest of another digest",
    (layout) => {
      const image = layout.addImage();
      const bytes = layout.blobs.get(image.digest.slice(7)) ?? new Uint8Array();
      layout.blobs.set(image.digest.slice(7), bytes.map((byte) => byte === 0x31 ? 0x32 : byte));
      layout.name(image);
    },
    /its digest is sha256:\w+, not sha256:\w+$/,
  ],
  [
    "a manifest that is missing",
    (layout) => layout.name({ ...layout.addImage(), digest: `sha256:${"1".repeat(64)}` }),
    /: it has no blob "sha256:1+"$/,
  ],
  [
    "a manifest that is too large",
    (layout) => layout.name(layout.add(TYPE.manifest, new Uint8Array(5 << 20).fill(0x20))),
    /" is larger than 4194304 bytes$/,
  ],
  [
    "something that is no image",
    (layout) => layout.name(layout.addImage({ configType: "application/vnd.cncf.helm.config" })),
    /: not an image, but "application\/vnd.cncf.helm.config"$/,
  ],
  [
    "a document of an unknown type",
    (layout) => layout.name({ ...layout.addImage(), mediaType: "text/plain" }),
    /: not an image, but "text\/plain"$/,
  ],
  [
    "a layer of an unknown type",
    (layout) => layout.name(layout.addImage({ layerType: `${TYPE.layer}+encrypted` })),
    /: it has a layer of the unknown type ".*\+encrypted"$/,
  ],
  [
    "a foreign layer that is not there",
    (layout) => {
      const layer = tarOf({ name: "foreign" });
      layout.name(layout.addImage({
        layers: [layer],
        layerType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      }));
      layout.blobs.delete(layout.add(TYPE.layer, layer).digest.slice(7));
    },
    /: it has no foreign layer "sha256:\w+"$/,
  ],
  [
    "a config blob of another shape",
    (layout) => layout.name(layout.addIndex(layout.addImage({ config: { rootfs: [] } }))),
    /: rootfs is not an object$/,
  ],
];

for (const [what, fill, message] of REFUSED) {
  Deno.test(`readOciLayout() refuses ${what}`, async () => {
    const layout = new TestLayout();
    fill(layout);

    await rejects(read(layout), { message });
  });
}
