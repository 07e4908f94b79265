/** The files of an archive that is read as a stream, kept in the staging area. @module */

import { ArchiveError } from "./archive_error.ts";
import { BlobWriter, type StagedBlob } from "./blob_store.ts";
import { textOf } from "./byte_string.ts";
import { decompressed, detectCompression } from "./decompress.ts";
import type { Hasher } from "./digester.ts";
import { type ByteSource, chunksOf, peek } from "./source.ts";
import type { Staging } from "./staging.ts";
import { looksLikeTar, readHeader } from "./tar_header.ts";
import { type TarEntry, TarReader, type TarSink } from "./tar_reader.ts";

/** Most entries of an archive; docker's have about three for each layer. */
const MAX_ENTRIES = 20_000;
/** Most symbolic links from one name to the file. */
const MAX_LINKS = 8;

/** Top-level names of docker archives and OCI image layouts. */
const ARCHIVE_NAME =
  /^(?:\.\/)*(?:blobs|oci-layout|index\.json|manifest\.json|repositories|(?:sha256:)?[0-9a-f]{64}(?:\.json|\.tar|\.tar\.gz)?)(?:\/|$)/;

/**
 * Tells an archive of images from the tar of a root file system by its first entry.
 *
 * @param start First bytes of the uncompressed stream.
 */
export function looksLikeImageArchive(start: Uint8Array): boolean {
  return looksLikeTar(start) && ARCHIVE_NAME.test(textOf(readHeader(start).name));
}

/** Files by name; symbolic and hard links lead to the same file. */
export class ArchiveFiles {
  readonly #blobs = new Map<string, StagedBlob>();
  readonly #links = new Map<string, string>();

  private constructor() {}

  /**
   * Reads the whole archive and writes each of its files to the staging area.
   *
   * @param source Plain, or compressed with gzip, zstd, xz or bzip2.
   * @throws {ArchiveError} If it is damaged, or clearly not an archive of images.
   */
  static async read(staging: Staging, hasher: Hasher, source: ByteSource): Promise<ArchiveFiles> {
    const files = new ArchiveFiles();
    const peeked = await peek(chunksOf(source));
    const spool = new Spool(staging, hasher, files.#blobs, files.#links);
    const reader = new TarReader(spool);
    let isFirst = true;
    try {
      for await (const tar of decompressed(peeked.chunks, detectCompression(peeked.start))) {
        if (isFirst) checkStart(tar);
        isFirst = false;
        reader.push(tar);
        await spool.drain();
      }
      reader.end();
    } finally {
      await spool.close();
    }
    return files;
  }

  /** Finds a file by its path in the archive. */
  find(name: string): StagedBlob | undefined {
    let path = normalise(name);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const blob = this.#blobs.get(path);
      if (blob !== undefined) return blob;
      const target = this.#links.get(path);
      if (target === undefined) return undefined;
      path = target;
    }
    return undefined;
  }
}

function checkStart(start: Uint8Array): void {
  if (!looksLikeTar(start)) throw new ArchiveError("not a tar archive");
  if (looksLikeImageArchive(start)) return;
  throw new ArchiveError("not a docker archive", "corrupt", {
    hint: "The tar of a root file system becomes an image with `wherry import`",
  });
}

/** Removes `.`, `..` and doubled slashes; `..` never leads above the archive. */
function normalise(path: string): string {
  const components: string[] = [];
  for (const component of path.split("/")) {
    if (component === "..") components.pop();
    else if (component !== "" && component !== ".") components.push(component);
  }
  return components.join("/");
}

/** Writes files one after the other; the writing goes on after a call returns. */
class Spool implements TarSink {
  readonly #staging: Staging;
  readonly #hasher: Hasher;
  readonly #blobs: Map<string, StagedBlob>;
  readonly #links: Map<string, string>;
  #entryCount = 0;
  #name = "";
  #writer: BlobWriter | undefined;
  /** Everything that was asked for so far, in order. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    staging: Staging,
    hasher: Hasher,
    blobs: Map<string, StagedBlob>,
    links: Map<string, string>,
  ) {
    this.#staging = staging;
    this.#hasher = hasher;
    this.#blobs = blobs;
    this.#links = links;
  }

  entry(entry: TarEntry): void {
    if (++this.#entryCount > MAX_ENTRIES) {
      throw new ArchiveError(`not a docker archive: it has more than ${MAX_ENTRIES} entries`);
    }
    const name = normalise(textOf(entry.name));
    const link = textOf(entry.linkName);
    if (entry.type === "symlink") {
      this.#links.set(name, normalise(link.startsWith("/") ? link : `${name}/../${link}`));
    } else if (entry.type === "hardlink") {
      this.#links.set(name, normalise(link));
    } else if (entry.type === "file" && !entry.isSparse) {
      this.#name = name;
      this.#writer = new BlobWriter(this.#staging, this.#hasher.open());
    }
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
    this.#blobs.set(name, await writer.finish());
  }
}
