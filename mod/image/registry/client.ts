/** A repository of a registry, and of its mirrors. @module */

import { WherryError } from "../../errors.ts";
import { DigestMismatchError } from "../store/blob_store.ts";
import { type Digest, digestOfBytes } from "../spec/digest.ts";
import { MAX_DOCUMENT_SIZE, MEDIA_TYPE } from "../spec/oci.ts";
import { formatFamiliarRepository } from "../spec/reference.ts";
import { type BlobReading, readBlobFrom } from "./blob_reader.ts";
import { BlobUpload } from "./blob_upload.ts";
import { Place, type RepositoryAction } from "./place.ts";
import type {
  FetchedManifest,
  ReadBlobOptions,
  Repository,
  TransferOptions,
  Upload,
  UploadResult,
} from "./registry.ts";
import { addressOf, RegistryHost } from "./registry_host.ts";
import type { RegistrySettings } from "./settings.ts";
import { readTags } from "./tags.ts";
import type { Answer } from "./transport.ts";

/** How a repository is used. */
export interface OpenRepositoryOptions {
  /** What for; mirrors are for pulling alone. */
  actions: RepositoryAction;
  settings: RegistrySettings;
}

/** A mirror is there to make things faster: it is not waited for as a registry is. */
const MIRROR_TRIES = 2;

/** Kinds of documents that are asked for. */
const ACCEPTED = [
  MEDIA_TYPE.index,
  MEDIA_TYPE.manifest,
  MEDIA_TYPE.dockerIndex,
  MEDIA_TYPE.dockerManifest,
].join(", ");

/**
 * Opens a repository. Nobody is asked anything yet.
 *
 * @param name As in a reference.
 */
export function openRepository(
  { domain, path }: { domain: string; path: string },
  { actions, settings }: OpenRepositoryOptions,
): Promise<Repository> {
  const name = formatFamiliarRepository({ domain, path, tag: undefined, digest: undefined });
  const common = { name, action: actions };
  const origin = new Place(new RegistryHost(addressOf(domain, settings), settings), {
    ...common,
    path,
  });
  const { patience } = settings;
  const hasty = { ...settings, patience: { ...patience, tries: MIRROR_TRIES } };
  const mirrors = (actions === "pull" ? settings.registries.get(domain)?.mirrors ?? [] : [])
    .map((url) =>
      new Place(new RegistryHost({ name: url.host, urls: [new URL(url.origin)] }, hasty), {
        ...common,
        path: `${url.pathname.replace(/^\/|\/$/g, "")}/${path}`.replace(/^\//, ""),
      })
    );
  return Promise.resolve(new RemoteRepository(origin, mirrors, settings));
}

class RemoteRepository implements Repository {
  readonly hasMirrors: boolean;
  readonly #origin: Place;
  /** The ones that are still believed to work. */
  readonly #mirrors: Set<Place>;
  readonly #settings: RegistrySettings;

  constructor(origin: Place, mirrors: readonly Place[], settings: RegistrySettings) {
    this.#origin = origin;
    this.hasMirrors = mirrors.length > 0;
    this.#mirrors = new Set(mirrors);
    this.#settings = settings;
  }

  async getManifest(reference: string, options: TransferOptions): Promise<FetchedManifest> {
    for (const mirror of this.#mirrors) {
      try {
        return await getManifestFrom(mirror, reference, options);
      } catch (error) {
        this.#passOver(mirror, error, options);
      }
    }
    return await getManifestFrom(this.#origin, reference, options);
  }

  async *readBlob(
    { digest, size }: { digest: Digest; size: number },
    offset: number,
    options: ReadBlobOptions,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const reading: BlobReading = { digest, size, position: offset };
    const { patience } = this.#settings;
    for (const mirror of options.avoidsMirrors === true ? [] : this.#mirrors) {
      try {
        const hasty = { ...patience, tries: MIRROR_TRIES };
        yield* readBlobFrom(mirror, reading, { patience: hasty, options });
        return;
      } catch (error) {
        this.#passOver(mirror, error, options);
      }
    }
    yield* readBlobFrom(this.#origin, reading, { patience, options });
  }

  async uploadBlob(
    upload: Upload,
    options: TransferOptions & { onSent?: ((bytes: number) => void) | undefined },
  ): Promise<UploadResult> {
    const { patience } = this.#settings;
    return await new BlobUpload(this.#origin, upload, { ...options, patience }).run();
  }

  async putManifest(
    reference: string,
    { mediaType, digest, bytes }: FetchedManifest,
    options: TransferOptions,
  ): Promise<void> {
    const { host, path, scopes } = this.#origin;
    await using answer = await host.request({
      method: "PUT",
      target: `${path}/manifests/${reference}`,
      headers: { "content-type": mediaType },
      body: bytes,
      scopes,
      expected: [200, 201, 202],
      explain: (refusal, authorization) =>
        this.#origin.explain(refusal, authorization, { type: "manifest", reference }),
    }, options);
    const stored = statedDigest(answer);
    if (stored !== undefined && stored !== digest) {
      throw new DigestMismatchError(`what "${host.name}" has stored`, digest, stored);
    }
  }

  async *listTags(options: TransferOptions): AsyncGenerator<string> {
    yield* readTags(this.#origin, options);
  }

  /** Goes on without a mirror that did not do. */
  #passOver(mirror: Place, error: unknown, { signal, onRetry }: TransferOptions): void {
    signal.throwIfAborted();
    if (!(error instanceof WherryError)) throw error;
    // One that lacks something may have something else
    if (error.kind !== "not_found") this.#mirrors.delete(mirror);
    onRetry?.(`mirror ${mirror.host.name}: ${error.message}`, 0);
  }
}

async function getManifestFrom(
  place: Place,
  reference: string,
  options: TransferOptions,
): Promise<FetchedManifest> {
  const { host, path, scopes } = place;
  await using answer = await host.request({
    method: "GET",
    target: `${path}/manifests/${reference}`,
    headers: { accept: ACCEPTED },
    scopes,
    expected: [200],
    explain: (refusal, authorization) =>
      place.explain(refusal, authorization, { type: "manifest", reference }),
  }, options);
  const what = `manifest of "${place.describe(reference)}"`;
  const bytes = await answer.bytes(MAX_DOCUMENT_SIZE);
  if (bytes === undefined) {
    throw new WherryError(
      "corrupt",
      `Cannot use ${what}: it is larger than ${MAX_DOCUMENT_SIZE} bytes`,
    );
  }
  const digest = digestOfBytes(bytes);
  const expected = reference.includes(":") ? reference : statedDigest(answer);
  if (expected !== undefined && expected !== digest) {
    throw new DigestMismatchError(what, expected, digest);
  }
  return { mediaType: mediaTypeOf(answer, bytes, what), digest, bytes };
}

/** What the registry says the digest is, if it is of the kind that can be compared. */
function statedDigest({ headers }: Answer): string | undefined {
  const header = headers.get("docker-content-digest");
  return header?.startsWith("sha256:") ? header : undefined;
}

/** Content types that say nothing about a document. */
const VAGUE_TYPES = ["", "application/json", "application/octet-stream", "text/plain"];

/** What kind of document it is: the registry and the document must not contradict each other. */
function mediaTypeOf(
  { headers }: Answer,
  bytes: Uint8Array,
  what: string,
): string {
  const header = (headers.get("content-type") ?? "").replace(/;.*$/s, "").trim().toLowerCase();
  const stated = VAGUE_TYPES.includes(header) ? undefined : header;
  const { mediaType: own, ...fields } = parseDocument(bytes, what);
  if (typeof own === "string") {
    if (stated === undefined || stated === own) return own;
    throw new WherryError("corrupt", `Cannot use ${what}: it is "${own}", but sent as "${stated}"`);
  }
  if (stated !== undefined) return stated;
  // Neither has to say it
  return "manifests" in fields ? MEDIA_TYPE.index : MEDIA_TYPE.manifest;
}

function parseDocument(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new WherryError("corrupt", `Cannot use ${what}: it is not JSON`, { cause });
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new WherryError("corrupt", `Cannot use ${what}: it is not an object`);
}
