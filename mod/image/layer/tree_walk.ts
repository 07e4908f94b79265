/**
 * Walks through a directory tree that overlayfs made, or would make of several directories, without mounting it.
 *
 * The tree may be that of a container that runs: whatever it does meanwhile, the walk never follows a symbolic link,
 * never leaves the directories and opens no device. What goes while it is looked at is passed over.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { AT_FDCWD, closeDescriptor, openDirectoryAt } from "../../kernel/file.ts";
import {
  type FileStatus,
  findAttribute,
  findDirectoryBeneath,
  findLocationAt,
  type FoundDirectory,
  listDirectory,
  openWithoutMounts,
  readStatus,
} from "../../kernel/file_reading.ts";
import { type ByteString, byteStringOf, quoted } from "../tar/byte_string.ts";
import { kernelPathOf } from "./root_directory.ts";
import { WHITEOUT_PREFIX } from "./entry_path.ts";
import { OPAQUE_MARKER } from "./whiteouts.ts";

/** Attribute by which overlayfs marks a directory that hides what is below it in lower layers. */
const OPAQUE_ATTRIBUTE = "trusted.overlay.opaque";
const YES = 0x79;

/** Longest path that the kernel resolves, in bytes. */
const MAX_PATH_LENGTH = 4095;

/** Something in a tree. */
export interface TreeEntry {
  /** Relative to the tree's root; never empty. */
  path: ByteString;
  status: FileStatus;
  /** Open until the next entry is asked for, `O_PATH` unless it is a directory. */
  location: number;
  /** Whether a directory hides what lower layers have at its path. */
  isOpaque: boolean;
}

/** A directory that overlayfs takes as a layer. */
export interface TreeSource {
  /** Absolute. */
  path: string;
  /** Whether others may have mounted something in it, which overlayfs does not see. */
  mayHoldMounts: boolean;
  /** Whether whiteouts may be in it by their names, see `whiteouts.ts`. @default {false} */
  mayHoldMarkers?: boolean;
}

/** Which entries a walk gives. */
export interface WalkOptions {
  /** Whether an entry is left out, and all that is below it. @default {none is} */
  isExcluded?: (path: ByteString) => boolean;
  /** Whether what is in a directory is given, too; not asked of the root. @default {all is} */
  isEntered?: (directory: TreeEntry) => boolean;
}

/** Where a directory of a tree is. */
export interface DirectoryPlace {
  /** Relative to the tree's root, for which it is empty. */
  path: ByteString;
  /** Which layers may have a part of it, topmost first. */
  layers: readonly number[];
}

/** A part of a directory, in one layer. */
interface DirectoryPart {
  layer: number;
  fd: number;
  mayHoldMarkers: boolean;
}

/** Whether an entry is overlayfs's mark that there is nothing by its name. */
export function isWhiteout({ type, deviceMajor, deviceMinor }: FileStatus): boolean {
  return type === "character" && deviceMajor === 0 && deviceMinor === 0;
}

/** Layers that are open for walks; disposing of it closes them. */
export class LayeredTree implements Disposable {
  /** Topmost first. */
  readonly #roots: number[] = [];
  readonly #keepsWhiteouts: boolean;
  readonly #mayHoldMarkers: readonly boolean[];

  private constructor(
    sources: readonly TreeSource[],
    { keepsWhiteouts }: { keepsWhiteouts: boolean },
  ) {
    this.#keepsWhiteouts = keepsWhiteouts;
    this.#mayHoldMarkers = sources.map(({ mayHoldMarkers = false }) => mayHoldMarkers);
    using undo = new DisposableStack();
    undo.use(this);
    for (const { path, mayHoldMounts } of sources) {
      this.#roots.push(mayHoldMounts ? openWithoutMounts(path) : openDirectoryAt(AT_FDCWD, path));
    }
    undo.move();
  }

  /**
   * Opens one layer as it is, whiteouts included: they are entries of type `character`, see {@linkcode isWhiteout}.
   *
   * @throws {SystemError} If it is missing.
   */
  static openLayer(path: string): LayeredTree {
    return new LayeredTree([{ path, mayHoldMounts: false }], { keepsWhiteouts: true });
  }

  /**
   * Opens a directory as it is, to which nothing that is in it means anything; without what is mounted in it.
   *
   * @throws {SystemError} If it is missing.
   */
  static openPlain(path: string): LayeredTree {
    return new LayeredTree([{ path, mayHoldMounts: true }], { keepsWhiteouts: true });
  }

  /**
   * Opens layers as overlayfs shows them, each hiding what is below it.
   *
   * @param sources The topmost first.
   * @throws {SystemError} If one is missing.
   */
  static openMerged(sources: readonly TreeSource[]): LayeredTree {
    return new LayeredTree(sources, { keepsWhiteouts: false });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#roots.splice(0)) closeDescriptor(fd);
  }

  /** The directory that all others are in. */
  get root(): DirectoryPlace {
    return { path: "" as ByteString, layers: this.#roots.map((_, index) => index) };
  }

  /**
   * Opens a directory.
   *
   * @returns `undefined` if it is gone.
   * @throws {WherryError} `unsupported` if its path is longer than the kernel takes.
   * @throws {SystemError} If a file system fails.
   */
  open({ path, layers }: DirectoryPlace): OpenDirectory | undefined {
    checkLength(path);
    using undo = new DisposableStack();
    const parts: DirectoryPart[] = [];
    let isTopOpaque = false;
    for (const layer of layers) {
      const fd = this.#findPart(path, layer);
      if (fd === "missing") continue;
      if (fd === "other") break;
      undo.defer(() => closeDescriptor(fd));
      const part = { layer, fd, mayHoldMarkers: this.#mayHoldMarkers[layer] ?? false };
      parts.push(part);
      if (!isOpaque(path, part)) continue;
      isTopOpaque = parts.length === 1;
      break;
    }
    const [top] = parts;
    if (top === undefined) return undefined;
    const keepsWhiteouts = this.#keepsWhiteouts;
    return new OpenDirectory(path, {
      parts,
      isOpaque: isTopOpaque,
      keepsWhiteouts,
      stack: undo.move(),
    });
  }

  #findPart(path: ByteString, layer: number): FoundDirectory {
    const root = this.#roots[layer];
    if (root === undefined) throw new TypeError(`Cannot open layer ${layer}: there is none`);
    return findDirectoryBeneath(root, path === "" ? "." : kernelPathOf(path));
  }

  /**
   * All entries: of each directory itself, then what is in it but for directories, then those; each sorted by name.
   *
   * @throws {WherryError} `unsupported` if a path is longer than the kernel takes.
   * @throws {SystemError} If a file system fails.
   */
  *walk(
    { isExcluded = () => false, isEntered = () => true }: WalkOptions = {},
  ): Generator<TreeEntry> {
    const pending = [this.root];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const found: DirectoryPlace[] = [];
      yield* this.#walkDirectory(next, { isExcluded, isEntered, found });
      for (const directory of found.reverse()) pending.push(directory);
    }
  }

  *#walkDirectory(
    place: DirectoryPlace,
    { isExcluded, isEntered, found }: Required<WalkOptions> & { found: DirectoryPlace[] },
  ): Generator<TreeEntry> {
    using directory = this.open(place);
    if (directory === undefined) return;
    if (place.path !== "") {
      const { entry } = directory;
      yield entry;
      if (!isEntered(entry)) return;
    }
    for (const name of directory.names()) {
      const path = directory.pathOf(name);
      if (isExcluded(path)) continue;
      using child = directory.find(name);
      if (child === undefined) continue;
      if (child.status.type === "directory") found.push(child.place);
      else yield { path, status: child.status, location: child.fd, isOpaque: false };
    }
  }
}

function checkLength(path: ByteString): void {
  if (path.length <= MAX_PATH_LENGTH) return;
  throw new WherryError(
    "unsupported",
    `Cannot read ${
      quoted(path)
    }: its path has ${path.length} bytes, at most ${MAX_PATH_LENGTH} are possible`,
  );
}

/** The mark has no meaning on a layer's root. */
function isOpaque(path: ByteString, part: DirectoryPart): boolean {
  if (path === "") return false;
  return findAttribute(part.fd, OPAQUE_ATTRIBUTE)?.[0] === YES || hasMarker(part, OPAQUE_MARKER);
}

function hasMarker({ fd, mayHoldMarkers }: DirectoryPart, marker: string): boolean {
  const location = mayHoldMarkers
    ? findLocationAt(fd, kernelPathOf(marker as ByteString))
    : undefined;
  if (location === undefined) return false;
  closeDescriptor(location);
  return true;
}

/** What an {@linkcode OpenDirectory} is made of. */
interface DirectoryContent {
  /** Topmost first; at least one. */
  parts: readonly DirectoryPart[];
  isOpaque: boolean;
  keepsWhiteouts: boolean;
  /** Closes the parts. */
  stack: DisposableStack;
}

/** A directory of a tree; disposing of it closes it. */
export class OpenDirectory implements Disposable {
  /** Relative to the tree's root. */
  readonly path: ByteString;
  /** Whether it hides what lower layers have at its path. */
  readonly isOpaque: boolean;
  readonly #parts: readonly DirectoryPart[];
  readonly #keepsWhiteouts: boolean;
  readonly #stack: DisposableStack;

  constructor(path: ByteString, { parts, isOpaque, keepsWhiteouts, stack }: DirectoryContent) {
    this.path = path;
    this.isOpaque = isOpaque;
    this.#parts = parts;
    this.#keepsWhiteouts = keepsWhiteouts;
    this.#stack = stack;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** The directory itself. */
  get entry(): TreeEntry {
    const { path, isOpaque } = this;
    const location = this.#parts[0]?.fd ?? -1;
    return { path, status: readStatus(location), location, isOpaque };
  }

  /** The path of what is called `name` in it. */
  pathOf(name: ByteString): ByteString {
    return (this.path === "" ? name : `${this.path}/${name}`) as ByteString;
  }

  /** What is called what in it, sorted; also names that turn out to be hidden. */
  names(): ByteString[] {
    const names = new Set<ByteString>();
    for (const { fd, mayHoldMarkers } of this.#parts) {
      for (const bytes of listDirectory(fd)) {
        const name = byteStringOf(bytes, 0, bytes.length);
        if (!mayHoldMarkers || !name.startsWith(WHITEOUT_PREFIX)) names.add(name);
      }
    }
    return [...names].sort();
  }

  /**
   * Finds what is called `name`. Dispose of it to close it.
   *
   * @returns `undefined` if there is nothing of that name, or not any more.
   */
  find(name: ByteString): FoundEntry | undefined {
    const bytes = kernelPathOf(name);
    const parts = this.#partsDownTo(name);
    for (const [depth, { fd: directory }] of parts.entries()) {
      const fd = findLocationAt(directory, bytes);
      if (fd === undefined) continue;
      const layers = parts.slice(depth).map(({ layer }) => layer);
      const found = new FoundEntry(fd, { path: this.pathOf(name), layers });
      if (this.#keepsWhiteouts || !isWhiteout(found.status)) return found;
      found[Symbol.dispose]();
      return undefined;
    }
    return undefined;
  }

  /** The parts in which there may be something called `name`, down to the first that has a marker for it. */
  #partsDownTo(name: ByteString): readonly DirectoryPart[] {
    const marker = `${WHITEOUT_PREFIX}${name}`;
    const last = this.#parts.findIndex((part) => hasMarker(part, marker));
    return last < 0 ? this.#parts : this.#parts.slice(0, last + 1);
  }
}

/** Something that has been found by its name. */
export class FoundEntry implements Disposable {
  /** As a mere location, `O_PATH`. */
  readonly fd: number;
  readonly status: FileStatus;
  /** Where it is if it is a directory. */
  readonly place: DirectoryPlace;

  /** @param fd Closed when this is disposed of. */
  constructor(fd: number, place: DirectoryPlace) {
    this.fd = fd;
    this.place = place;
    this.status = readStatus(fd);
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.fd);
  }
}
