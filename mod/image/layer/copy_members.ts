/**
 * What a copy of a file or directory consists of, wherever that is: in a container that runs, or on the host.
 *
 * Nothing is followed or opened that is no regular file or directory, whatever somebody does meanwhile; see
 * `tree_walk.ts`.
 *
 * @module
 */

import {
  findAttribute,
  listAttributes,
  listOpenAttributes,
  readStatus,
} from "../../kernel/file_reading.ts";
import { type ByteString } from "../tar/byte_string.ts";
import type { ExtendedAttribute } from "../tar/pax.ts";
import type { TarMember } from "../tar/tar_writer.ts";
import { checkedSize, FileBody, HardLinks, linkNameOf } from "./layer_writer.ts";
import { LayeredTree, type TreeEntry } from "./tree_walk.ts";

const NO_NAME = "" as ByteString;

/** Attributes that a copy keeps: those that mean the same everywhere. Others' ids, or labels, are of one place. */
const COPIED_ATTRIBUTE = /^(?:user\.(?!overlay\.)|security\.capability$)/;

/** What to copy, and how. */
export interface CopySource {
  /** The file or directory, open as a mere location. */
  location: number;
  /** What it is called in the copy: what is in a directory comes below that name. */
  name: ByteString;
  /** Whether what is in a directory below the source is copied, too. @default {all is} */
  isEntered?: (directory: TreeEntry) => boolean;
  /** Told of what no copy can be made of, by its name in the copy: sockets. @default {nobody} */
  onSkipped?: (name: ByteString) => void;
}

/**
 * The members of a copy: of a directory first itself, then what is in it.
 *
 * @throws {WherryError} `unsupported` if a path is longer than the kernel takes, or a file absurdly large.
 * @throws {SystemError} If something cannot be read.
 */
export function* copyMembers(source: CopySource): Generator<TarMember> {
  const { location, name, isEntered } = source;
  const links = new HardLinks();
  const status = readStatus(location);
  yield* memberOf({ path: name, status, location, isOpaque: false }, { source, links });
  if (status.type !== "directory") return;
  // By itself a link to what is open; with a name behind it, what is open
  using tree = LayeredTree.openLayer(`/proc/self/fd/${location}/.`);
  for (const entry of tree.walk(isEntered === undefined ? {} : { isEntered })) {
    const path = `${name}/${entry.path}` as ByteString;
    yield* memberOf({ ...entry, path }, { source, links });
  }
}

function* memberOf(
  entry: TreeEntry,
  { source: { onSkipped = () => {} }, links }: { source: CopySource; links: HardLinks },
): Generator<TarMember> {
  const { path, status, location } = entry;
  const { type, identity: _identity, linkCount: _linkCount, ...fields } = status;
  if (type === "socket") {
    onSkipped(path);
    return;
  }
  const first = links.findOrAdd(entry);
  if (first !== undefined) {
    yield {
      entry: { ...fields, type: "hardlink", name: path, linkName: first, size: 0, attributes: [] },
    };
    return;
  }
  const size = type === "file" ? checkedSize(entry) : 0;
  using body = size > 0 ? new FileBody(location) : undefined;
  const attributes = readAttributes(entry, body);
  const linkName = type === "symlink" ? linkNameOf(location) : NO_NAME;
  yield { entry: { ...fields, type, name: path, linkName, size, attributes }, body };
}

function readAttributes(
  { status: { type }, location }: TreeEntry,
  body: FileBody | undefined,
): ExtendedAttribute[] {
  if (type !== "file" && type !== "directory") return [];
  const names = body === undefined ? listAttributes(location) : listOpenAttributes(body.descriptor);
  const attributes: ExtendedAttribute[] = [];
  for (const name of names) {
    if (!COPIED_ATTRIBUTE.test(name)) continue;
    const value = findAttribute(location, name);
    if (value !== undefined) attributes.push({ name, value });
  }
  return attributes;
}
