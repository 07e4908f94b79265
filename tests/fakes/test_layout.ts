/** Builds OCI image layouts, sound ones and others. @module */

import { createHash } from "node:crypto";
import { type TarMember, tarOf } from "./tar_builder.ts";

/** Media types of the specification. */
export const TYPE = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/** A descriptor as JSON; what it says need not be true. */
export interface TestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { os: string; architecture: string; variant?: string };
  urls?: string[];
}

/** What an image is made of; everything has a harmless default. */
export interface TestImage {
  /** Base layer first. @default {one layer with the file "file"} */
  layers?: readonly Uint8Array[];
  /** Plain forms of the layers, where they are compressed. @default {the layers} */
  tars?: readonly Uint8Array[];
  architecture?: string;
  layerType?: string;
  configType?: string;
  manifestType?: string;
  /** Added to the config blob. */
  config?: Record<string, unknown>;
}

const encoder = new TextEncoder();

function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Files of a layout, as they are collected. */
export class TestLayout {
  /** Contents of `blobs/sha256/`, by name; a test may change them. */
  readonly blobs = new Map<string, Uint8Array>();
  /** Of `index.json`. */
  readonly entries: TestDescriptor[] = [];

  /** Adds a blob and describes it. */
  add(mediaType: string, content: Uint8Array | object): TestDescriptor {
    const bytes = content instanceof Uint8Array
      ? content
      : encoder.encode(JSON.stringify(content, undefined, 1));
    const hex = sha256Hex(bytes);
    this.blobs.set(hex, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  }

  /** Adds an image's blobs and describes its manifest, which no index names yet. */
  addImage({
    layers = [tarOf({ name: "file" })],
    tars = layers,
    architecture = "amd64",
    layerType = TYPE.layer,
    configType = TYPE.config,
    manifestType = TYPE.manifest,
    config = {},
  }: TestImage = {}): TestDescriptor {
    const diffIds = tars.map((tar) => `sha256:${sha256Hex(tar)}`);
    const rootfs = { type: "layers", "diff_ids": diffIds };
    return this.add(manifestType, {
      schemaVersion: 2,
      mediaType: manifestType,
      config: this.add(configType, { architecture, os: "linux", rootfs, ...config }),
      layers: layers.map((layer) => this.add(layerType, layer)),
    });
  }

  /** Adds an index. */
  addIndex(...manifests: readonly TestDescriptor[]): TestDescriptor {
    return this.add(TYPE.index, { schemaVersion: 2, mediaType: TYPE.index, manifests });
  }

  /** Names an image in `index.json`. */
  name(descriptor: TestDescriptor, name?: string): this {
    const annotations = name === undefined ? {} : { "org.opencontainers.image.ref.name": name };
    this.entries.push({ ...descriptor, annotations });
    return this;
  }

  /** All files, as `tar` writes them. */
  members(): TarMember[] {
    return [
      { name: "blobs/", type: "5" },
      ...Array.from(this.blobs, ([hex, content]) => ({ name: `blobs/sha256/${hex}`, content })),
      {
        name: "index.json",
        content: JSON.stringify({ schemaVersion: 2, manifests: this.entries }),
      },
      { name: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    ];
  }

  /** The layout as an archive. */
  tar(): Uint8Array<ArrayBuffer> {
    return tarOf(...this.members());
  }

  /** Writes the layout to a directory. */
  write(directory: string): void {
    Deno.mkdirSync(`${directory}/blobs/sha256`, { recursive: true });
    for (const { name, content } of this.members()) {
      if (content === undefined) continue;
      const bytes = typeof content === "string" ? encoder.encode(content) : content;
      Deno.writeFileSync(`${directory}/${name}`, bytes);
    }
  }
}
