/**
 * Makes tars of directory trees: of what a container has changed, as a layer, and of whole root file systems.
 *
 * The same tree always gives the same bytes. Left out are sockets, which no archive can hold, and names that mean
 * something else in a layer.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { closeDescriptor } from "../../kernel/file.ts";
import {
  findAttribute,
  listAttributes,
  openLocation,
  readLink,
  readSome,
} from "../../kernel/file_reading.ts";
import { type ByteString, byteStringOf, quoted } from "../tar/byte_string.ts";
import type { ExtendedAttribute } from "../tar/pax.ts";
import { splitPath } from "./root_directory.ts";
import type { TarBody, TarMember } from "../tar/tar_writer.ts";
import type { TreeChange } from "./tree_changes.ts";
import {
  isWhiteout,
  LayeredTree,
  type TreeEntry,
  type TreeSource,
  type WalkOptions,
} from "./tree_walk.ts";
import { WHITEOUT_PREFIX } from "./entry_path.ts";
import { OPAQUE_MARKER } from "./whiteouts.ts";

const NO_NAME = "" as ByteString;
/** How archives name the directory that all else is in. */
const ROOT_NAME = "./" as ByteString;
const EPOCH = { seconds: 0n, nanoseconds: 0n };

/** Attributes that are part of a file's meaning on any host; `security.selinux`, for example, is not. */
const KEPT_ATTRIBUTE = /^(?:user\.|trusted\.|security\.capability$|system\.posix_acl_)/;
/** Those by which overlayfs keeps its own accounts: of `user.`, one that somebody has mounted in a container. */
const OVERLAY_ATTRIBUTE = /^(?:trusted|user)\.overlay\./;
/** Those that make overlayfs look for a file or its bytes elsewhere in the layers below. */
const ELSEWHERE_ATTRIBUTE = /^trusted\.overlay\.(?:redirect|metacopy)$/;

/** How to write a layer. */
export interface LayerSourceOptions extends WalkOptions {
  /**
   * Told of each file or directory that a layer cannot hold because its name would mean a deletion.
   * @default {nobody}
   */
  onUnnameable?: (path: ByteString) => void;
}

function withoutUnnameable(
  { onUnnameable = () => {}, isExcluded = () => false }: LayerSourceOptions,
): WalkOptions {
  return {
    isExcluded: (path) => {
      if (isExcluded(path)) return true;
      const [, name] = splitPath(path);
      const isUnnameable = name.startsWith(WHITEOUT_PREFIX);
      if (isUnnameable) onUnnameable(path);
      return isUnnameable;
    },
  };
}

/**
 * The members of a layer: what overlayfs has in an upper directory, with its whiteouts as the image specification
 * has them.
 *
 * @param directory May be in use by a container.
 * @throws {WherryError} `unsupported` if something in it cannot be in an archive.
 * @throws {SystemError} If it cannot be read.
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts}
 */
export function* layerMembers(
  directory: string,
  options: LayerSourceOptions = {},
): Generator<TarMember> {
  using tree = LayeredTree.openLayer(directory);
  const links = new HardLinks();
  for (const entry of tree.walk(withoutUnnameable(options))) {
    if (isWhiteout(entry.status)) yield whiteoutOf(entry.path);
    else yield* membersOf(entry, links);
    if (entry.isOpaque) yield markerAt(`${entry.path}/${OPAQUE_MARKER}` as ByteString);
  }
}

/**
 * The members of a root file system, as a container sees it.
 *
 * @param sources Directories of its layers, the topmost first.
 * @param options For a layer that holds all of it. @default {everything, whatever its name}
 * @throws {WherryError} `unsupported` if something in it cannot be in an archive.
 * @throws {SystemError} If it cannot be read.
 */
export function* rootfsMembers(
  sources: readonly TreeSource[],
  options?: LayerSourceOptions,
): Generator<TarMember> {
  using tree = LayeredTree.openMerged(sources);
  const links = new HardLinks();
  const walk = options === undefined ? {} : withoutUnnameable(options);
  for (const entry of tree.walk(walk)) yield* membersOf(entry, links);
}

/**
 * The root directory of a root file system itself, as `./`.
 *
 * @param sources Directories of its layers, the topmost first; at least one.
 * @throws {SystemError} If it cannot be read.
 */
export function* rootMember(sources: readonly TreeSource[]): Generator<TarMember> {
  using tree = LayeredTree.openMerged(sources);
  using root = tree.open(tree.root);
  if (root === undefined) return;
  yield* membersOf({ ...root.entry, path: ROOT_NAME }, new HardLinks());
}

/**
 * The members of a directory as it is, itself first: also what overlayfs keeps in it, as an engine in a container does.
 *
 * @param directory May be in use by containers; what is mounted in it is left out.
 * @throws {WherryError} `unsupported` if something in it cannot be in an archive.
 * @throws {SystemError} If it cannot be read.
 */
export function* plainMembers(directory: string): Generator<TarMember> {
  using tree = LayeredTree.openPlain(directory);
  const links = new HardLinks();
  using top = tree.open(tree.root);
  if (top !== undefined) {
    yield* membersOf({ ...top.entry, path: ROOT_NAME }, links, readAllAttributes);
  }
  for (const entry of tree.walk()) yield* membersOf(entry, links, readAllAttributes);
}

/**
 * The members of a layer that makes of the layers below it what a copy of them has become.
 *
 * @param copy All files of a root file system; may be in use by a container.
 * @param changes All that is different in it, see `tree_changes.ts`.
 * @throws {WherryError} `unsupported` if something in it cannot be in an archive.
 * @throws {SystemError} If it cannot be read.
 */
export function* changedMembers(
  copy: string,
  changes: readonly TreeChange[],
  options: LayerSourceOptions = {},
): Generator<TarMember> {
  using tree = LayeredTree.openMerged([{ path: copy, mayHoldMounts: false }]);
  const changed = new Set(
    changes.flatMap(({ kind, path }) => kind === "deleted" ? [] : [path]),
  );
  const walk = withoutUnnameable(options);
  const linked = new Set<string>();
  for (const { path, status } of tree.walk(walk)) {
    if (status.linkCount > 1 && changed.has(path)) linked.add(status.identity);
  }
  const links = new HardLinks();
  for (const { kind, path } of changes) if (kind === "deleted") yield whiteoutOf(path);
  for (const entry of tree.walk(walk)) {
    // The other names of a changed file, or they would go on being those of the old one
    const isLinked = entry.status.type !== "directory" && linked.has(entry.status.identity);
    if (changed.has(entry.path) || isLinked) yield* membersOf(entry, links);
  }
}

/** Which files with several names have been written, and by what name. */
export class HardLinks {
  readonly #paths = new Map<string, ByteString>();

  /**
   * The name that the file was first written by.
   *
   * @returns `undefined` if it has not been written: from now on `path` is that name.
   */
  findOrAdd(
    { path, status: { type, linkCount, identity } }: Pick<TreeEntry, "path" | "status">,
  ): ByteString | undefined {
    if (type === "directory" || linkCount < 2) return undefined;
    const first = this.#paths.get(identity);
    if (first === undefined) this.#paths.set(identity, path);
    return first;
  }
}

function* membersOf(
  entry: TreeEntry,
  links: HardLinks,
  attributesOf: (entry: TreeEntry) => ExtendedAttribute[] = readAttributes,
): Generator<TarMember> {
  const { path, status, location } = entry;
  const { type, identity: _identity, linkCount: _linkCount, ...fields } = status;
  if (type === "socket") return;
  const first = links.findOrAdd(entry);
  if (first !== undefined) {
    yield {
      entry: { ...fields, type: "hardlink", name: path, linkName: first, size: 0, attributes: [] },
    };
    return;
  }
  const linkName = type === "symlink" ? linkNameOf(location) : NO_NAME;
  const size = type === "file" ? checkedSize(entry) : 0;
  using body = size > 0 ? new FileBody(location) : undefined;
  // They are read faster from a file that is open
  const attributes = attributesOf(
    body === undefined ? entry : { ...entry, location: body.descriptor },
  );
  yield { entry: { ...fields, type, name: path, linkName, size, attributes }, body };
}

/**
 * A file's size in bytes.
 *
 * @throws {WherryError} `unsupported` if it is absurdly large.
 */
export function checkedSize(
  { path, status: { size } }: Pick<TreeEntry, "path" | "status">,
): number {
  if (Number.isSafeInteger(size)) return size;
  throw new WherryError(
    "unsupported",
    `Cannot write ${quoted(path)} to an archive: no archive holds a file of ${size} bytes`,
  );
}

/** What a symbolic link says. */
export function linkNameOf(location: number): ByteString {
  const content = readLink(location);
  return byteStringOf(content, 0, content.length);
}

function readAttributes({ path, location }: TreeEntry): ExtendedAttribute[] {
  const attributes: ExtendedAttribute[] = [];
  for (const name of listAttributes(location)) {
    if (ELSEWHERE_ATTRIBUTE.test(name)) throw elsewhere(path, name);
    if (!KEPT_ATTRIBUTE.test(name) || OVERLAY_ATTRIBUTE.test(name)) continue;
    const value = findAttribute(location, name);
    if (value !== undefined) attributes.push({ name, value });
  }
  return attributes;
}

/** With those of an overlayfs that is none of ours. */
function readAllAttributes({ location }: TreeEntry): ExtendedAttribute[] {
  return listAttributes(location).filter((name) => KEPT_ATTRIBUTE.test(name)).flatMap((name) => {
    const value = findAttribute(location, name);
    return value === undefined ? [] : [{ name, value }];
  });
}

function elsewhere(path: ByteString, name: string): WherryError {
  return new WherryError(
    "unsupported",
    `Cannot write ${
      quoted(path)
    } to an archive: it has the attribute ${name}, so that it is not all in one place`,
  );
}

/** The bytes of a file as many as there were; zeros in place of those that are gone by the time they are read. */
export class FileBody implements TarBody, Disposable {
  readonly #fd: number;

  constructor(location: number) {
    this.#fd = openLocation(location);
  }

  /** The open file. */
  get descriptor(): number {
    return this.#fd;
  }

  read(buffer: Uint8Array<ArrayBuffer>): number {
    const count = readSome(this.#fd, buffer);
    if (count > 0) return count;
    buffer.fill(0);
    return buffer.length;
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#fd);
  }
}

/** `.wh.NAME`: there is nothing called NAME any more. */
function whiteoutOf(path: ByteString): TarMember {
  const [parent, name] = splitPath(path);
  const marker = `${WHITEOUT_PREFIX}${name}`;
  return markerAt((parent === "" ? marker : `${parent}/${marker}`) as ByteString);
}

/** An empty file whose name says all. */
function markerAt(name: ByteString): TarMember {
  return {
    entry: {
      type: "file",
      name,
      linkName: NO_NAME,
      mode: 0o600,
      uid: 0,
      gid: 0,
      size: 0,
      modifiedAt: EPOCH,
      deviceMajor: 0,
      deviceMinor: 0,
      attributes: [],
    },
  };
}
