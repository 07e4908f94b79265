/** From what a reference names to the manifest of one image. @module */

import { WherryError } from "../../errors.ts";
import { parseJson } from "../store/blob_store.ts";
import {
  type Descriptor,
  type ImageIndex,
  INDEX_TYPES,
  type Manifest,
  MANIFEST_TYPES,
  MEDIA_TYPE,
  parseImageIndex,
  parseManifest,
} from "../spec/oci.ts";
import { choosePlatform, formatPlatform, type Platform } from "../spec/platform.ts";
import { formatReference, type Reference } from "../spec/reference.ts";
import type { FetchedManifest, Repository, TransferOptions } from "./registry.ts";

/** How many indexes may lead to one another. */
const MAX_INDEX_DEPTH = 4;
/** How many documents are fetched in search of one image. */
const MAX_DOCUMENTS = 32;

/** The manifest of one image, and how it was found. */
export interface ResolvedManifest {
  /** What the reference names: an index, or the manifest itself. */
  named: FetchedManifest;
  /** The image's manifest, as it came. */
  fetched: FetchedManifest;
  /** The same, checked. */
  manifest: Manifest;
}

/** Which image is wanted. */
export interface ResolveOptions {
  reference: Reference;
  /** What it is to run on. */
  platform: Platform;
  transfer: TransferOptions;
  /** Told when the registry has given what the reference names. */
  onNamed?: (() => void) | undefined;
}

/**
 * Finds the image that a reference names; of an index, the one that runs best on a platform.
 *
 * @throws {WherryError} `not_found` if an index has nothing for the platform, `unsupported` for something that is no
 * image, `corrupt` for a damaged document; otherwise as {@linkcode Repository.getManifest}.
 */
export async function resolveManifest(
  repository: Repository,
  options: ResolveOptions,
): Promise<ResolvedManifest> {
  const { reference, transfer } = options;
  const named = await repository.getManifest(reference.digest ?? reference.tag ?? "", transfer);
  options.onNamed?.();
  const document = parseDocument(named, formatReference(reference));
  if (document.type === "manifest") return { named, fetched: named, manifest: document.manifest };
  const search = new IndexSearch(repository, options);
  const found = await search.find(document.index, [named.digest]);
  if (found !== undefined) return { named, ...found };
  throw search.nothingFits();
}

/** A document of a registry. */
type Document =
  | { type: "index"; index: ImageIndex }
  | { type: "manifest"; manifest: Manifest };

const SCHEMA_1_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);
/** What config blobs of images are. */
const CONFIG_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPE.config,
  MEDIA_TYPE.dockerConfig,
  // What docker before 1.10 pushed
  "application/octet-stream",
]);

/** Reads a document as what it is, and as nothing else. */
function parseDocument({ mediaType, bytes }: FetchedManifest, name: string): Document {
  const text = new TextDecoder().decode(bytes);
  return parseJson(text, name, (json) => {
    const fields = typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
    const type = documentType(mediaType, fields);
    if (type === "index") return { type, index: parseImageIndex(json) };
    checkIsImage(fields);
    return { type, manifest: parseManifest(json) };
  });
}

/**
 * What the registry says and what the document says must not contradict each other: two programs could take it for
 * two different things.
 *
 * @see {@link https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m}
 */
function documentType(
  mediaType: string,
  fields: Record<string, unknown>,
): "index" | "manifest" {
  const own = fields["mediaType"];
  const isKnown = INDEX_TYPES.includes(mediaType) || MANIFEST_TYPES.includes(mediaType);
  const type = typeof own === "string" && !isKnown ? own : mediaType;
  if (SCHEMA_1_TYPES.has(type) || fields["schemaVersion"] === 1) throw schema1Error();
  if (typeof own === "string" && own !== type) {
    refuse(`the registry calls it ${mediaType}, and it calls itself ${own}`);
  }
  if ("manifests" in fields && ("layers" in fields || "config" in fields)) {
    refuse("it is a manifest and an index at once");
  }
  const isIndex = INDEX_TYPES.includes(type) ||
    !MANIFEST_TYPES.includes(type) && "manifests" in fields;
  if (!isIndex && !MANIFEST_TYPES.includes(type) && !("layers" in fields && "config" in fields)) {
    throw new WherryError("unsupported", `Cannot use the manifest: its type is unknown: ${type}`);
  }
  return isIndex ? "index" : "manifest";
}

function refuse(state: string): never {
  throw new WherryError("corrupt", `Cannot use the manifest: ${state}`);
}

function schema1Error(): WherryError {
  return new WherryError(
    "unsupported",
    "Cannot use the manifest: it is of docker's schema 1, which verifies no content",
    { hint: "Push the image again with a docker that is younger than 2016" },
  );
}

/** Charts, signatures and the like are stored as images are, and cannot run. */
function checkIsImage({ config, artifactType }: Record<string, unknown>): void {
  const type = typeof config === "object" && config !== null
    ? (config as Record<string, unknown>)["mediaType"]
    : undefined;
  if (typeof type !== "string" || CONFIG_TYPES.has(type)) return;
  const what = typeof artifactType === "string" ? artifactType : type;
  throw new WherryError("unsupported", `Cannot use the manifest: it is not an image but ${what}`);
}

/** What an index led to. */
type Found = Pick<ResolvedManifest, "fetched" | "manifest">;

/** The search through an index, and through those in it. */
class IndexSearch {
  readonly #repository: Repository;
  readonly #options: ResolveOptions;
  readonly #offered = new Set<string>();
  #documentCount = 0;

  constructor(repository: Repository, options: ResolveOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** @param path Digests of the indexes that led here. */
  async find({ manifests }: ImageIndex, path: readonly string[]): Promise<Found | undefined> {
    const offers = manifests.filter(({ platform }) => platform?.os !== "unknown");
    for (const { platform } of offers) {
      if (platform !== undefined) this.#offered.add(formatPlatform(platform));
    }
    const best = choosePlatform(offers, this.#options.platform, ({ platform }) => platform);
    if (best !== undefined) return await this.#follow(best, path);
    const unmarked = offers.filter(({ platform }) => platform === undefined);
    for (const nested of unmarked.filter(isIndex)) {
      const found = await this.#follow(nested, path);
      if (found !== undefined) return found;
    }
    // The only one needs no platform to be told from others
    const [only, second] = unmarked.filter((offer) => !isIndex(offer));
    return only === undefined || second !== undefined || this.#offered.size > 0
      ? undefined
      : await this.#follow(only, path);
  }

  async #follow(descriptor: Descriptor, path: readonly string[]): Promise<Found | undefined> {
    const { digest, size } = descriptor;
    if (path.includes(digest)) refuse(`the index ${digest} contains itself`);
    if (path.length > MAX_INDEX_DEPTH) {
      refuse(`more than ${MAX_INDEX_DEPTH} indexes lead to one another`);
    }
    if (++this.#documentCount > MAX_DOCUMENTS) {
      refuse(`its indexes lead to more than ${MAX_DOCUMENTS} documents`);
    }
    const fetched = await this.#repository.getManifest(digest, this.#options.transfer);
    if (fetched.bytes.length !== size) {
      refuse(`${digest} is of ${fetched.bytes.length} bytes, not of ${size} as its index says`);
    }
    const document = parseDocument(fetched, digest);
    return document.type === "manifest"
      ? { fetched, manifest: document.manifest }
      : await this.find(document.index, [...path, digest]);
  }

  nothingFits(): WherryError {
    const wanted = formatPlatform(this.#options.platform);
    const offered = [...this.#offered];
    return new WherryError(
      "not_found",
      `Cannot use the index: no matching manifest for ${wanted} in the manifest list entries`,
      offered.length === 0 ? {} : { hint: `There is one for: ${shorten(offered).join(", ")}` },
    );
  }
}

/** Most platforms that are named. */
const MAX_OFFERED = 30;

function shorten(offered: readonly string[]): readonly string[] {
  return offered.length <= MAX_OFFERED ? offered : [...offered.slice(0, MAX_OFFERED), "…"];
}

function isIndex({ mediaType }: Descriptor): boolean {
  return INDEX_TYPES.includes(mediaType);
}
