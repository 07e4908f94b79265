/** A repository in memory, honest or not. @module */

import { gzipSync } from "node:zlib";
import { type Digest, digestOfBytes } from "../../mod/image/spec/digest.ts";
import { type Descriptor, formatDescriptor, MEDIA_TYPE } from "../../mod/image/spec/oci.ts";
import type {
  FetchedManifest,
  ReadBlobOptions,
  Repository,
  TransferOptions,
  Upload,
  UploadResult,
} from "../../mod/image/registry/registry.ts";
import { WherryError } from "../../mod/errors.ts";
import { tarOf } from "./tar_builder.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes that a blob comes in. */
const PIECE_SIZE = 1000;

/** One layer to make. */
export interface FakeLayer {
  /** Files by name. */
  files: Readonly<Record<string, string>>;
  /** @default {MEDIA_TYPE.layerGzip} */
  mediaType?: string;
}

/** One image to make. */
export interface FakeImage {
  layers: readonly FakeLayer[];
  /** Fields of the config that are not as usual. */
  config?: Readonly<Record<string, unknown>>;
  /** Fields of the manifest that are not as usual. */
  manifest?: Readonly<Record<string, unknown>>;
}

/** Answers from memory; what is asked of it is written down. */
export class FakeRepository implements Repository {
  readonly blobs = new Map<string, Bytes>();
  /** What a mirror has in the place of blobs. */
  readonly mirrored = new Map<string, Bytes>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Bytes }>();
  /** Digests of the blobs that were asked for, with `@OFFSET` where that is not 0. */
  readonly requests: string[] = [];
  /** Digests of the blobs that were to be uploaded, and the tags that were put, in order. */
  readonly uploads: string[] = [];
  /** Other repositories of the same registry, by path, which blobs can be mounted from. */
  readonly neighbours = new Map<string, FakeRepository>();
  /** Called before each piece of a blob, with its offset; throws or waits to disturb the transfer. */
  onPiece: (digest: Digest, offset: number, options: TransferOptions) => void | Promise<void> =
    () => {};

  /** Stores a blob; returns its descriptor. */
  addBlob(bytes: Bytes, mediaType: string): Descriptor {
    const digest = digestOfBytes(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length, annotations: {} };
  }

  /** Stores a document under its digest and under `tags`; returns its descriptor. */
  addDocument(document: unknown, mediaType: string, ...tags: string[]): Descriptor {
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    const digest = digestOfBytes(bytes);
    for (const name of [digest, ...tags]) this.manifests.set(name, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length, annotations: {} };
  }

  /** Stores an image; returns the descriptor of its manifest. */
  addImage({ layers, config = {}, manifest = {} }: FakeImage, ...tags: string[]): Descriptor {
    const made = layers.map((layer) => this.#addLayer(layer));
    const text = JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["sh"] },
      rootfs: { type: "layers", "diff_ids": made.map(({ diffId }) => diffId) },
      ...config,
    });
    const blob = this.addBlob(new TextEncoder().encode(text), MEDIA_TYPE.config);
    return this.addDocument(
      {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.manifest,
        config: formatDescriptor(blob),
        layers: made.map(({ descriptor }) => formatDescriptor(descriptor)),
        ...manifest,
      },
      MEDIA_TYPE.manifest,
      ...tags,
    );
  }

  /** Stores an index of documents; returns its descriptor. */
  addIndex(manifests: readonly Descriptor[], ...tags: string[]): Descriptor {
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.index,
      manifests: manifests.map(formatDescriptor),
    };
    return this.addDocument(document, MEDIA_TYPE.index, ...tags);
  }

  #addLayer({ files, mediaType = MEDIA_TYPE.layerGzip }: FakeLayer): {
    descriptor: Descriptor;
    diffId: Digest;
  } {
    const tar = tarOf(...Object.entries(files).map(([name, content]) => ({ name, content })));
    const bytes = mediaType === MEDIA_TYPE.layerGzip ? new Uint8Array(gzipSync(tar)) : tar;
    return { descriptor: this.addBlob(bytes, mediaType), diffId: digestOfBytes(tar) };
  }

  get hasMirrors(): boolean {
    return this.mirrored.size > 0;
  }

  getManifest(reference: string): Promise<FetchedManifest> {
    const found = this.manifests.get(reference);
    if (found === undefined) {
      const message = `Cannot fetch manifest "${reference}": manifest unknown`;
      return Promise.reject(new WherryError("not_found", message));
    }
    return Promise.resolve({ ...found, digest: digestOfBytes(found.bytes) });
  }

  async *readBlob(
    { digest, size }: { digest: Digest; size: number },
    offset: number,
    options: ReadBlobOptions,
  ): AsyncGenerator<Bytes> {
    this.requests.push(offset === 0 ? digest : `${digest}@${offset}`);
    const mirrored = options.avoidsMirrors === true ? undefined : this.mirrored.get(digest);
    const bytes = mirrored ?? this.blobs.get(digest);
    if (bytes === undefined) {
      throw new WherryError("not_found", `Cannot fetch blob "${digest}": blob unknown`);
    }
    const end = Math.min(size, bytes.length);
    for (let at = offset; at < end; at += PIECE_SIZE) {
      await this.onPiece(digest, at, options);
      options.signal.throwIfAborted();
      yield bytes.slice(at, Math.min(at + PIECE_SIZE, end));
    }
  }

  async uploadBlob(
    { digest, size, mountFrom, open }: Upload,
    options: TransferOptions & { onSent?: ((bytes: number) => void) | undefined },
  ): Promise<UploadResult> {
    this.uploads.push(digest);
    if (this.blobs.has(digest)) return { type: "exists" };
    const from = mountFrom.find((path) => this.neighbours.get(path)?.blobs.has(digest));
    if (from !== undefined) {
      this.blobs.set(digest, this.neighbours.get(from)?.blobs.get(digest) ?? new Uint8Array());
      return { type: "mounted", from };
    }
    const bytes = new Uint8Array(size);
    let length = 0;
    for await (const piece of open(0)) {
      await this.onPiece(digest, length, options);
      options.signal.throwIfAborted();
      bytes.set(piece, length);
      options.onSent?.(length += piece.length);
    }
    if (digestOfBytes(bytes) !== digest) {
      throw new WherryError("corrupt", `Cannot upload blob "${digest}": digest invalid`);
    }
    this.blobs.set(digest, bytes);
    return { type: "uploaded" };
  }

  putManifest(
    reference: string,
    { mediaType, digest, bytes }: FetchedManifest,
  ): Promise<void> {
    this.uploads.push(reference);
    for (const name of [reference, digest]) this.manifests.set(name, { mediaType, bytes });
    return Promise.resolve();
  }

  async *listTags(): AsyncGenerator<string> {
    yield* [...this.manifests.keys()].filter((name) => !name.startsWith("sha256:"));
  }
}
