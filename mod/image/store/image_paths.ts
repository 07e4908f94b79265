/** Where images live below wherry's root. @module */

import { type ChainId, type Digest, hexOf } from "../spec/digest.ts";

/**
 * The layout of the image store, which is also an OCI image layout:
 *
 * ```
 * oci-layout            marks the directory as an image layout
 * index.json            every image: a manifest's descriptor for each reference
 * index.lock            locked by whoever changes index.json, blobs/ or layers/
 * blobs/sha256/<hex>    manifests, config blobs, layers as they came
 * layers/<hex>/         unpacked layers, by ChainID
 * layer-sizes.json      what those take, as far as somebody has asked; see layer_sizes.ts
 * partial/<hex>         beginnings of blobs that a pull has not finished; partial/<hex>.lock while one goes on
 * staging/<id>/         what an import has not finished, or a removal has not deleted
 * ```
 */
export class ImagePaths {
  /** Everything is below it. */
  readonly root: string;

  /** @param root Absolute path. */
  constructor(root: string) {
    this.root = root;
  }

  /** The marker of an OCI image layout. */
  get layoutMarker(): string {
    return `${this.root}/oci-layout`;
  }

  /** The list of images. */
  get index(): string {
    return `${this.root}/index.json`;
  }

  /** Lock file of the whole image store. */
  get lock(): string {
    return `${this.root}/index.lock`;
  }

  /** Directory of blobs. */
  get blobs(): string {
    return `${this.root}/blobs/sha256`;
  }

  /** Directory of unpacked layers. */
  get layers(): string {
    return `${this.root}/layers`;
  }

  /** What unpacked layers take. */
  get layerSizes(): string {
    return `${this.root}/layer-sizes.json`;
  }

  /** Directory of unfinished work. */
  get staging(): string {
    return `${this.root}/staging`;
  }

  /** Directory of the beginnings of blobs, see the pull. */
  get partial(): string {
    return `${this.root}/partial`;
  }

  /** File of one blob. */
  blob(digest: Digest): string {
    return `${this.blobs}/${hexOf(digest)}`;
  }

  /** Directory of one unpacked layer. */
  layer(id: ChainId): string {
    return `${this.layers}/${hexOf(id)}`;
  }
}
