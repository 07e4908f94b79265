/** The files of a directory that holds images. @module */

import type { ArchiveFiles } from "./archive_files.ts";
import { normalise } from "./archive_files.ts";
import { BlobWriter, pinIntactBlob, type StagedBlob } from "../store/blob_store.ts";
import type { Digest } from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { checkRoom } from "../layer/room.ts";
import { chunksOf } from "../tar/source.ts";
import type { Staging } from "../store/staging.ts";

/**
 * Files below a directory. Links are followed, also out of it: whoever calls wherry can read what they lead to, and
 * nothing gets into the store that does not have the digest that it should have.
 */
export class DirectoryFiles implements ArchiveFiles {
  readonly #directory: string;
  readonly #paths: ImagePaths;
  readonly #staging: Staging;
  readonly #staged = new Map<string, StagedBlob>();

  constructor(directory: string, { paths, staging }: { paths: ImagePaths; staging: Staging }) {
    this.#directory = directory;
    this.#paths = paths;
    this.#staging = staging;
  }

  has(path: string): boolean {
    return this.sizeOf(path) !== undefined;
  }

  sizeOf(path: string): number | undefined {
    return sizeOfFile(this.#place(path));
  }

  readText(path: string): string {
    return Deno.readTextFileSync(this.#place(path));
  }

  async stage(path: string, expected?: Digest): Promise<StagedBlob> {
    const known = this.#staged.get(path) ?? this.#findStored(path, expected) ??
      await this.#copy(this.#place(path));
    this.#staged.set(path, known);
    return known;
  }

  #findStored(path: string, digest: Digest | undefined): StagedBlob | undefined {
    const size = this.sizeOf(path);
    if (digest === undefined || size === undefined) return undefined;
    return pinIntactBlob(this.#paths, this.#staging, { digest, size });
  }

  async #copy(place: string): Promise<StagedBlob> {
    using file = Deno.openSync(place);
    checkRoom(this.#paths.staging, file.statSync().size);
    using writer = new BlobWriter(this.#staging, hasher.open());
    for await (const chunk of chunksOf(file)) await writer.write(chunk);
    return await writer.finish();
  }

  #place(path: string): string {
    return `${this.#directory}/${normalise(path)}`;
  }
}

/** @returns `undefined` for what is missing or no file: a FIFO would never end. */
function sizeOfFile(path: string): number | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile ? size : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
