/**
 * Image references: `[host[:port]/]repository[:tag][@digest]`.
 *
 * The grammar and the rules of normalisation are those of
 * `github.com/distribution/reference`, which docker uses.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";

/** A reference in full: nothing is left to a default. */
export interface Reference {
  /** Registry host, with its port if one was given; `docker.io` by default. */
  readonly domain: string;
  /** Repository on that host, for example `library/busybox`. */
  readonly path: string;
  /** Tag; `latest` if neither tag nor digest was given. */
  readonly tag: string | undefined;
  /** Digest of the manifest or index. */
  readonly digest: Digest | undefined;
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
const DEFAULT_TAG = "latest";
const MAX_PATH_LENGTH = 255;
const MAX_TAG_LENGTH = 128;

const DOMAIN_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(
  `^(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]*$/;
const IMAGE_ID = /^[a-f0-9]{64}$/;

/** What a person typed, and how to complain about a part of it. */
class ReferenceText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** @param position Of the offending part, counted from 1; 0 if it is the whole text. */
  refuse(position: number, rule: string, cause?: unknown): never {
    const shown = JSON.stringify(
      this.text.length > 300 ? `${this.text.slice(0, 300)}…` : this.text,
    );
    const where = position === 0 ? "" : ` at position ${position}`;
    throw new WherryError(
      "invalid_argument",
      `Cannot parse image reference ${shown}: invalid reference format: ${rule}${where}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/** Splits off `@digest`. */
function splitDigest(source: ReferenceText): [rest: string, digest: Digest | undefined] {
  const at = source.text.indexOf("@");
  if (at < 0) return [source.text, undefined];
  const digest = source.text.slice(at + 1);
  try {
    return [source.text.slice(0, at), parseDigest(digest)];
  } catch (cause) {
    source.refuse(at + 2, `malformed or unsupported digest`, cause);
  }
}

/** Whether a text may stand as the tag of a reference. */
export function isTag(text: string): boolean {
  return text.length <= MAX_TAG_LENGTH && TAG.test(text);
}

/** Splits off `:tag`; a colon before a slash belongs to a port. */
function splitTag(
  source: ReferenceText,
  text: string,
): [rest: string, tag: string | undefined] {
  const colon = text.lastIndexOf(":");
  if (colon < 0 || text.indexOf("/", colon) >= 0) return [text, undefined];
  const tag = text.slice(colon + 1);
  const position = colon + 2;
  if (tag === "") source.refuse(position, "empty tag");
  if (tag.length > MAX_TAG_LENGTH) {
    source.refuse(position, `tag longer than ${MAX_TAG_LENGTH} characters`);
  }
  if (!TAG.test(tag)) {
    source.refuse(
      position,
      'tag that is not letters, digits, "_", "." and "-" (and starts with neither "." nor "-")',
    );
  }
  return [text.slice(0, colon), tag];
}

/** Whether the first component of a name is a host and not a part of the path. */
function isDomain(component: string): boolean {
  return /[.:]/.test(component) || component === "localhost" ||
    component !== component.toLowerCase();
}

function splitDomain(name: string): [domain: string | undefined, path: string] {
  const slash = name.indexOf("/");
  if (slash < 0 || !isDomain(name.slice(0, slash))) return [undefined, name];
  return [name.slice(0, slash), name.slice(slash + 1)];
}

function checkPath(source: ReferenceText, path: string, start: number): void {
  if (path === "") source.refuse(start + 1, "empty repository name");
  let position = start;
  for (const component of path.split("/")) {
    if (component === "") source.refuse(position + 1, "empty path component");
    if (!PATH_COMPONENT.test(component)) {
      source.refuse(
        position + 1,
        `path component "${component}" that is not lower-case letters and digits separated by ".", "_", "__" or "-"`,
      );
    }
    position += component.length + 1;
  }
}

/**
 * Parses a reference and fills in what it leaves out, exactly as docker does:
 * `busybox` is `docker.io/library/busybox:latest`.
 *
 * @param text As a person types it.
 * @throws {WherryError} `invalid_argument`; the message says which rule is broken, and where.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatReference, parseReference } from "./reference.ts";
 *
 * strictEqual(formatReference(parseReference("busybox")), "docker.io/library/busybox:latest");
 * ```
 */
export function parseReference(text: string): Reference {
  const source = new ReferenceText(text);
  if (text === "") source.refuse(0, "it is empty");
  if (IMAGE_ID.test(text)) {
    source.refuse(
      0,
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const [named, digest] = splitDigest(source);
  const [name, tag] = splitTag(source, named);
  const [domain, givenPath] = splitDomain(name);
  if (domain !== undefined && !DOMAIN.test(domain)) source.refuse(1, `malformed host "${domain}"`);
  const path = officialPath(domain, givenPath);
  if (/[A-Z]/.test(path)) source.refuse(0, `repository name (${path}) must be lowercase`);
  checkPath(source, givenPath, name.length - givenPath.length);
  if (path.length > MAX_PATH_LENGTH) {
    source.refuse(0, `the repository name is longer than ${MAX_PATH_LENGTH} characters`);
  }
  return {
    domain: domain === undefined || domain === LEGACY_DEFAULT_DOMAIN ? DEFAULT_DOMAIN : domain,
    path,
    tag: tag ?? (digest === undefined ? DEFAULT_TAG : undefined),
    digest,
  };
}

/** Adds `library/` where the default registry keeps its official images. */
function officialPath(domain: string | undefined, path: string): string {
  const isDefault = domain === undefined || domain === DEFAULT_DOMAIN ||
    domain === LEGACY_DEFAULT_DOMAIN;
  return isDefault && !path.includes("/") ? OFFICIAL_PREFIX + path : path;
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/** The reference in full; {@linkcode parseReference} gives the same one back. */
export function formatReference(reference: Reference): string {
  return `${formatRepository(reference)}${suffix(reference)}`;
}

/** Host and path, without tag and digest. */
export function formatRepository({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** Host and path as people write them: without the default host and `library/`. */
export function formatFamiliarRepository({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const short = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path;
  // `library/a/b` must keep its prefix: `a/b` is another repository
  return short.includes("/") ? path : short;
}

/** The reference as people write it: `busybox:latest`. */
export function formatFamiliar(reference: Reference): string {
  return `${formatFamiliarRepository(reference)}${suffix(reference)}`;
}
