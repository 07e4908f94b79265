/** The files of an archive that is read as a stream, kept in the staging area. @module */

import { ArchiveError } from "../tar/archive_error.ts";
import { type ArchiveFiles, isImageArchiveName, normalise } from "./archive_files.ts";
import { BlobWriter, pinIntactBlob, type StagedBlob } from "../store/blob_store.ts";
import { textOf } from "../tar/byte_string.ts";
import { decompressed, detectCompression } from "../compression/decompress.ts";
import { digestFromHex } from "../spec/digest.ts";
import { hasher } from "../spec/digester.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { checkRoom, UnpackBudget } from "../layer/room.ts";
import { type ByteSource, chunksOf, peek } from "../tar/source.ts";
import type { Staging } from "../store/staging.ts";
import { looksLikeTar } from "../tar/tar_header.ts";
import { type TarEntry, TarReader, type TarSink } from "../tar/tar_reader.ts";

/** Most entries of an archive; docker's have about three for each layer. */
const MAX_ENTRIES = 20_000;
/** Most symbolic links from one name to the file. */
const MAX_LINKS = 8;

/** Where the files of a stream go. */
export interface StreamTarget {
  /** What the store has already is not written again. */
  paths: ImagePaths;
  staging: Staging;
  /** Most bytes of the uncompressed archive; `undefined` for no limit. */
  maxBytes: number | undefined;
}

/** Files by name; symbolic and hard links lead to the same file. */
export class StreamedFiles implements ArchiveFiles {
  readonly #blobs: ReadonlyMap<string, StagedBlob>;
  readonly #links: ReadonlyMap<string, string>;

  private constructor({ blobs, links }: Spool) {
    this.#blobs = blobs;
    this.#links = links;
  }

  /**
   * Reads the whole archive and writes each of its files to the staging area.
   *
   * @param source Plain, or compressed with gzip, zstd, xz or bzip2.
   * @throws {ArchiveError} If it is damaged, too large, or clearly not an archive of images.
   * @throws {WherryError} `unavailable` if there is no room for one of the files.
   */
  static async read(source: ByteSource, target: StreamTarget): Promise<StreamedFiles> {
    const { start, chunks } = await peek(chunksOf(source));
    const budget = new UnpackBudget(target.maxBytes);
    const spool = new Spool(target);
    const reader = new TarReader(spool);
    let isFirst = true;
    try {
      for await (const tar of decompressed(chunks, detectCompression(start))) {
        if (isFirst && !looksLikeTar(tar)) throw new ArchiveError("not a tar archive");
        isFirst = false;
        budget.spend(tar.length);
        reader.push(tar);
        await spool.drain();
      }
      reader.end();
    } finally {
      await spool.close();
    }
    return new StreamedFiles(spool);
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  sizeOf(path: string): number | undefined {
    return this.#find(path)?.size;
  }

  readText(path: string): string {
    return Deno.readTextFileSync(this.#get(path).path);
  }

  stage(path: string): Promise<StagedBlob> {
    return Promise.resolve(this.#get(path));
  }

  #get(path: string): StagedBlob {
    const blob = this.#find(path);
    if (blob === undefined) throw new ArchiveError(`it has no file "${path}"`);
    return blob;
  }

  #find(path: string): StagedBlob | undefined {
    let name = normalise(path);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const blob = this.#blobs.get(name);
      if (blob !== undefined) return blob;
      const target = this.#links.get(name);
      if (target === undefined) return undefined;
      name = target;
    }
    return undefined;
  }
}

/** A file of the archive that is in the store if the archive does not lie. */
const BLOB_NAME = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** Writes files one after the other; the writing goes on after a call returns. */
class Spool implements TarSink {
  readonly blobs = new Map<string, StagedBlob>();
  readonly links = new Map<string, string>();
  readonly #target: StreamTarget;
  #isImageArchive = false;
  #entryCount = 0;
  #name = "";
  #writer: BlobWriter | undefined;
  /** Everything that was asked for so far, in order. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(target: StreamTarget) {
    this.#target = target;
  }

  entry(entry: TarEntry): void {
    const name = normalise(textOf(entry.name));
    this.#check(name);
    const link = textOf(entry.linkName);
    if (entry.type === "symlink") {
      this.#link(name, normalise(link.startsWith("/") ? link : `${name}/../${link}`));
    } else if (entry.type === "hardlink") {
      this.#link(name, normalise(link));
    } else if (entry.type === "file" && !entry.isSparse) {
      this.#begin(name, entry.size);
    }
  }

  #check(name: string): void {
    if (++this.#entryCount > MAX_ENTRIES) {
      throw new ArchiveError(`not an archive of images: it has more than ${MAX_ENTRIES} entries`);
    }
    if (this.#isImageArchive) return;
    const verdict = isImageArchiveName(name);
    if (verdict === false) {
      throw new ArchiveError("not an archive of images", "corrupt", {
        hint: "The tar of a root file system becomes an image with `wherry import`",
      });
    }
    this.#isImageArchive = verdict === true;
  }

  /** Of several entries of one name the last counts. */
  #link(name: string, target: string): void {
    this.#then(() => {
      this.blobs.delete(name);
      this.links.set(name, target);
      return Promise.resolve();
    });
  }

  #begin(name: string, size: number): void {
    const { paths, staging } = this.#target;
    const hex = BLOB_NAME.exec(name)?.[1];
    const known = hex === undefined
      ? undefined
      : pinIntactBlob(paths, staging, { digest: digestFromHex(hex), size });
    if (known !== undefined) {
      this.blobs.set(name, known);
      return;
    }
    checkRoom(paths.staging, size);
    this.#name = name;
    this.#writer = new BlobWriter(staging, hasher.open());
  }

  data(bytes: Uint8Array<ArrayBuffer>): void {
    const writer = this.#writer;
    if (writer !== undefined) this.#then(() => writer.write(bytes));
  }

  endEntry(): void {
    const [name, writer] = [this.#name, this.#writer];
    this.#writer = undefined;
    if (writer !== undefined) this.#then(() => this.#finish(name, writer));
  }

  /** Waits until all data that was passed in has been used, so that its buffer may be. */
  async drain(): Promise<void> {
    await this.#work;
  }

  /** Lets go of the file that is being written, if any. */
  async close(): Promise<void> {
    await this.#work.catch(() => undefined);
    this.#writer?.[Symbol.dispose]();
    this.#writer = undefined;
  }

  #then(action: () => Promise<void>): void {
    this.#work = this.#work.then(action);
    // Thrown by drain(); it must not count as unhandled before that
    this.#work.catch(() => undefined);
  }

  async #finish(name: string, writer: BlobWriter): Promise<void> {
    using _writer = writer;
    this.blobs.set(name, await writer.finish());
  }
}
