/** Builds what `docker save` writes, before docker 25 and since. @module */

import { type TarMember, tarOf } from "./tar_builder.ts";

/** `blobs`: all files under `blobs/sha256/`; `directories`: each layer as `<id>/layer.tar`. */
export type DockerArchiveLayout = "blobs" | "directories";

/** What goes into the archive. */
export interface ArchivedImage {
  /** With tags. */
  references: readonly string[];
  /** Plain tars, base layer first. */
  layers: readonly Uint8Array<ArrayBuffer>[];
  /** The `config` object of the config blob. @default {empty} */
  process?: Readonly<Record<string, unknown>>;
}

/** An archive with one image in it. */
export async function dockerArchive(
  layout: DockerArchiveLayout,
  { references, layers, process = {} }: ArchivedImage,
): Promise<Uint8Array<ArrayBuffer>> {
  const hexes = await Promise.all(layers.map(sha256));
  const config = new TextEncoder().encode(JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: process,
    rootfs: { type: "layers", "diff_ids": hexes.map((hex) => `sha256:${hex}`) },
  }));
  const configHex = await sha256(config);
  const isNew = layout === "blobs";
  const configName = isNew ? `blobs/sha256/${configHex}` : `${configHex}.json`;
  const layerNames = hexes.map((hex) => isNew ? `blobs/sha256/${hex}` : `${hex}/layer.tar`);
  const manifest = [{ Config: configName, RepoTags: references, Layers: layerNames }];
  return tarOf(
    ...layers.map((content, index): TarMember => ({ name: layerNames[index] ?? "", content })),
    { name: configName, content: config },
    { name: "manifest.json", content: JSON.stringify(manifest) },
  );
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
