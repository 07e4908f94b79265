/**
 * What a layer says about the layers below it: files that are gone, directories that hide what is below.
 *
 * An archive says so with names, `.wh.NAME` and `.wh..wh..opq`; overlayfs wants devices and extended attributes.
 * On a file system that takes neither, which cannot carry an overlay either, the names stay as empty files, for
 * `tree_walk.ts` to read.
 *
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts}
 * @module
 */

import { SystemError } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  createFileAt,
  makeDirectoryAt,
  makeNodeAt,
  NODE_TYPE,
  openDirectoryAt,
  setAttributeAt,
  setModeAt,
  unlinkAt,
} from "../../kernel/file.ts";
import { openForReading } from "../../kernel/open.ts";
import { listDirectory } from "../../kernel/file_reading.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { type ByteString, byteStringOf, quoted } from "../tar/byte_string.ts";
import { type Place, WHITEOUT_PREFIX } from "./entry_path.ts";
import { kernelPathOf, type RootDirectory, splitPath } from "./root_directory.ts";
import type { TarEntry } from "../tar/tar_entry.ts";

/** The name that makes its directory opaque. */
export const OPAQUE_MARKER = ".wh..wh..opq";
/** Other names with this prefix are AUFS's own. */
const META_PREFIX = ".wh..wh.";

const OVERLAY_OPAQUE = "trusted.overlay.opaque";
const YES = new TextEncoder().encode("y");
/** Mode of directories that the archive does not mention; docker uses the same. */
const IMPLIED_MODE = 0o755;

/** What a layer is on top of. */
export interface LayerOptions {
  /** Whether it is the lowest layer: there is nothing that whiteouts could hide, and they are left out. */
  isBase: boolean;
  /** Whether names that begin with {@linkcode WHITEOUT_PREFIX} are files like others. @default {false} */
  hasPlainNames?: boolean;
  /** Whether attributes of overlayfs are kept like others, where no overlayfs of ours looks. @default {false} */
  keepsOverlayAttributes?: boolean;
  /** The unpacked layers below, which this one may hide as a whole. @default {none} */
  lowerDirectories?: readonly string[];
}

/** The whiteouts of one layer. */
export class Whiteouts {
  readonly #root: RootDirectory;
  readonly #isBase: boolean;
  readonly #lowerDirectories: readonly string[];
  /** Paths at which nothing but a whiteout has been made so far. */
  readonly #made = new Set<ByteString>();
  #hidesLowerLayers = false;

  constructor(root: RootDirectory, { isBase, lowerDirectories = [] }: LayerOptions) {
    this.#root = root;
    this.#isBase = isBase;
    this.#lowerDirectories = lowerDirectories;
  }

  /**
   * Does what an entry says whose name begins with {@linkcode WHITEOUT_PREFIX}.
   *
   * @throws {ArchiveError} If it names no file.
   */
  apply(entry: TarEntry, parentPath: ByteString, baseName: ByteString): void {
    if (this.#isBase) return;
    if (baseName === OPAQUE_MARKER) {
      this.#makeOpaque(parentPath);
      return;
    }
    if (baseName.startsWith(META_PREFIX)) return;
    const hidden = baseName.slice(WHITEOUT_PREFIX.length) as ByteString;
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new ArchiveError(`entry ${quoted(entry.name)} is a whiteout of no file`);
    }
    this.makeVisible(parentPath);
    this.#hide({
      path: (parentPath === "" ? hidden : `${parentPath}/${hidden}`) as ByteString,
      parent: this.#root.ensure(parentPath),
      name: kernelPathOf(hidden),
    });
  }

  /**
   * Forgets a whiteout, because its path becomes that of a directory.
   *
   * @returns Whether there was one: the directory must then hide what is below.
   */
  take(path: ByteString): boolean {
    return this.#made.delete(path);
  }

  /** Makes directories of whiteouts on the way to `path`: something of this layer is below them. */
  makeVisible(path: ByteString): void {
    if (this.#made.size === 0) return;
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
      this.#reveal(path.slice(0, end) as ByteString);
    }
    this.#reveal(path);
  }

  /** Has a directory of this layer hide what is below it. */
  markOpaque(parent: number, name: Uint8Array<ArrayBuffer>): void {
    try {
      setAttributeAt(parent, name, OVERLAY_OPAQUE, YES);
    } catch (error) {
      if (!isCode(error, "EOPNOTSUPP", "EPERM")) throw error;
      const directory = openDirectoryAt(parent, name);
      try {
        makeMarker(directory, OPAQUE_MARKER as ByteString);
      } finally {
        closeDescriptor(directory);
      }
    }
  }

  /** Hides the lower layers if the archive says so; call it after the last entry. */
  finish(): void {
    if (!this.#hidesLowerLayers) return;
    // The kernel takes no notice of an opaque mark on a layer's root: so each name that is in it below is hidden
    const parent = this.#root.descriptor;
    for (const path of namesIn(this.#lowerDirectories)) {
      this.#hide({ path, parent, name: kernelPathOf(path) });
    }
  }

  #makeOpaque(path: ByteString): void {
    if (path === "") {
      this.#hidesLowerLayers = true;
      return;
    }
    this.makeVisible(path);
    this.markOpaque(this.#root.ensure(path), kernelPathOf("." as ByteString));
  }

  #hide(place: Place): void {
    const { path, parent, name } = place;
    try {
      makeNodeAt(parent, name, NODE_TYPE.character, 0);
      this.#made.add(path);
    } catch (error) {
      // A whiteout is about lower layers only: this layer's own entry stays, and hides what is below
      if (isCode(error, "EEXIST")) {
        if (isDirectoryAt(place)) this.markOpaque(parent, name);
        return;
      }
      if (!isCode(error, "EOPNOTSUPP", "EPERM", "EINVAL")) throw error;
      const [, baseName] = splitPath(path);
      makeMarker(parent, `${WHITEOUT_PREFIX}${baseName}` as ByteString);
      this.#made.add(path);
    }
  }

  #reveal(path: ByteString): void {
    if (!this.#made.delete(path)) return;
    const [parentPath, baseName] = splitPath(path);
    const parent = this.#root.ensure(parentPath);
    const name = kernelPathOf(baseName);
    try {
      unlinkAt(parent, name);
    } catch (error) {
      // Where it is only a marker
      if (!isCode(error, "ENOENT")) throw error;
    }
    makeDirectoryAt(parent, name, IMPLIED_MODE);
    setModeAt(parent, name, IMPLIED_MODE);
    this.markOpaque(parent, name);
  }
}

/** Makes an empty file; one that is there will do. */
function makeMarker(directory: number, name: ByteString): void {
  try {
    closeDescriptor(createFileAt(directory, kernelPathOf(name), 0o600));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** Names in the roots of layers, each once. */
function namesIn(directories: readonly string[]): Set<ByteString> {
  const names = new Set<ByteString>();
  for (const path of directories) {
    using directory = openForReading(path);
    for (const bytes of listDirectory(directory.number)) {
      const name = byteStringOf(bytes, 0, bytes.length);
      if (!name.startsWith(WHITEOUT_PREFIX)) names.add(name);
    }
  }
  return names;
}

/** Whether there is a directory at `place`, and no link to one. */
export function isDirectoryAt({ parent, name }: Place): boolean {
  try {
    closeDescriptor(openDirectoryAt(parent, name));
    return true;
  } catch (error) {
    if (isCode(error, "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
}

/** Whether the kernel has refused something for one of these reasons. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof SystemError && codes.includes(error.code);
}
