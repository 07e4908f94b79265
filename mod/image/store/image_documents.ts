/** Documents of all images, read with distrust. @module */

import { WherryError } from "../../errors.ts";
import { parseJson } from "./blob_store.ts";
import { type Digest, digestOfBytes } from "../spec/digest.ts";
import type { ImagePaths } from "./image_paths.ts";
import {
  type ImageConfig,
  type Manifest,
  MAX_DOCUMENT_SIZE,
  parseImageConfig,
  parseManifest,
} from "../spec/oci.ts";

/**
 * Reads manifests and config blobs, each once.
 *
 * What is listed and, above all, what may be deleted is decided by them: so a document is believed only if its bytes
 * are what its digest says. Its name is its content, so that what was read once stays true.
 */
export class ImageDocuments {
  readonly #paths: ImagePaths;
  readonly #manifests = new Map<Digest, Manifest | WherryError>();
  readonly #configs = new Map<Digest, ImageConfig | WherryError>();

  /** Reads nothing yet. */
  constructor(paths: ImagePaths) {
    this.#paths = paths;
  }

  /**
   * The manifest with a digest.
   *
   * @returns Why it cannot be used, `corrupt`, if it is damaged or missing.
   */
  findManifest(digest: Digest): Manifest | WherryError {
    return remember(this.#manifests, digest, () => this.#read(digest, parseManifest));
  }

  /**
   * The config blob with a digest.
   *
   * @returns Why it cannot be used, `corrupt`, if it is damaged or missing.
   */
  findConfig(digest: Digest): ImageConfig | WherryError {
    return remember(this.#configs, digest, () => this.#read(digest, parseImageConfig));
  }

  #read<T>(digest: Digest, parse: (json: unknown) => T): T | WherryError {
    try {
      const bytes = readBytes(this.#paths.blob(digest));
      if (bytes === undefined) {
        return damaged(digest, `no file of at most ${MAX_DOCUMENT_SIZE} bytes`);
      }
      if (digestOfBytes(bytes) !== digest) return damaged(digest, "not what its digest says");
      return parseJson(new TextDecoder().decode(bytes), digest, parse);
    } catch (cause) {
      // Whatever keeps one document from being read, a bad block of the disk too, concerns one image
      const state = cause instanceof Error ? cause.message : String(cause);
      return damaged(digest, state, cause);
    }
  }
}

/** @returns `undefined` for what is no file, or too large for a document. */
function readBytes(path: string): Uint8Array | undefined {
  const { isFile, size } = Deno.lstatSync(path);
  return isFile && size <= MAX_DOCUMENT_SIZE ? Deno.readFileSync(path) : undefined;
}

function damaged(digest: Digest, state: string, cause?: unknown): WherryError {
  return new WherryError("corrupt", `Cannot use blob "${digest}": ${state}`, { cause });
}

function remember<T>(known: Map<Digest, T>, digest: Digest, read: () => T): T {
  const value = known.get(digest) ?? read();
  known.set(digest, value);
  return value;
}
