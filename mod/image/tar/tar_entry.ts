/** Members of a tar archive: what a header, and the extended headers before it, say together. @module */

import { ArchiveError } from "./archive_error.ts";
import { type ByteString, byteStringOf, quoted } from "./byte_string.ts";
import {
  attributeOf,
  type ExtendedAttribute,
  type FileTime,
  parsePaxTime,
  type PaxRecord,
} from "./pax.ts";
import { parseSparseMap, type SparseRegion } from "./sparse.ts";
import { checkId, type RawHeader, readDecimal } from "./tar_header.ts";

/** What an entry is. */
export type TarEntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character"
  | "block"
  | "fifo";

/** One member of an archive, extended headers included. */
export interface TarEntry {
  type: TarEntryType;
  /** As the archive has it: may be absolute and contain `..`. */
  name: ByteString;
  /** Content of a symbolic link, or the other name of a hard link. */
  linkName: ByteString;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Size of the file in bytes, holes included; 0 for anything but a file. */
  size: number;
  modifiedAt: FileTime;
  deviceMajor: number;
  deviceMinor: number;
  attributes: readonly ExtendedAttribute[];
  /** Whether the file has holes: the offsets of its data then have gaps. */
  isSparse: boolean;
}

/** Most bytes of a name or link target. */
export const MAX_NAME_LENGTH = 4096;

const ENTRY_TYPES: Readonly<Record<string, TarEntryType>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  "D": "directory", // GNU incremental dump: the directory's listing follows as data
  "S": "file",
};

const decoder = new TextDecoder();

/** The name in the data of a GNU long name header. */
export function readLongName(payload: Uint8Array): ByteString {
  const nul = payload.indexOf(0);
  return checkedName(payload.subarray(0, nul < 0 ? payload.length : nul));
}

/** A name out of an extended header, which has no length of its own to keep to. */
function checkedName(bytes: Uint8Array): ByteString {
  if (bytes.length > MAX_NAME_LENGTH) {
    const start = quoted(byteStringOf(bytes, 0, 80));
    throw new ArchiveError(
      `name or link target of ${bytes.length} bytes that starts with ${start}: at most ${MAX_NAME_LENGTH} are accepted`,
    );
  }
  const name = byteStringOf(bytes, 0, bytes.length);
  if (name.includes("\0")) throw new ArchiveError(`NUL byte in the name ${quoted(name)}`);
  return name;
}

/** What comes before a header. */
export interface ExtendedHeaders {
  /** In the order in which they apply. */
  records: readonly PaxRecord[];
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
}

/** An entry, and how its data stands in the archive. */
export interface MergedEntry {
  entry: TarEntry;
  /** Bytes of data in the archive, a sparse map included. */
  storedSize: number;
  /** Sparse regions that the headers themselves list. */
  regions: SparseRegion[] | undefined;
  /** Whether the data starts with a sparse map (PAX format 1.0). */
  hasMapInData: boolean;
}

/** What PAX records say about the entry that follows them; the last one of a key wins. */
interface PaxOverrides {
  name?: ByteString;
  linkName?: ByteString;
  size?: number;
  uid?: number;
  gid?: number;
  modifiedAt?: FileTime;
  attributes: Map<string, ExtendedAttribute>;
  sparseName?: ByteString;
  sparseSize?: number;
  sparseRegions?: SparseRegion[];
  /** Offset of a region of format 0.0 whose length comes in the next record. */
  sparseOffset?: number;
  sparseMajor?: number;
}

type RecordHandler = (overrides: PaxOverrides, value: Uint8Array<ArrayBuffer>) => void;

/** What each key means; keys that are not here say nothing about a file on disk. */
const RECORD_HANDLERS: ReadonlyMap<string, RecordHandler> = new Map<string, RecordHandler>([
  ["path", (overrides, value) => overrides.name = checkedName(value)],
  ["linkpath", (overrides, value) => overrides.linkName = checkedName(value)],
  ["size", (overrides, value) => overrides.size = decimalOf(value, "size")],
  ["uid", (overrides, value) => overrides.uid = idOf(value, "user id")],
  ["gid", (overrides, value) => overrides.gid = idOf(value, "group id")],
  ["mtime", (overrides, value) => overrides.modifiedAt = parsePaxTime(decoder.decode(value))],
  ["GNU.sparse.name", (overrides, value) => overrides.sparseName = checkedName(value)],
  ["GNU.sparse.size", (overrides, value) => overrides.sparseSize = decimalOf(value, "size")],
  ["GNU.sparse.realsize", (overrides, value) => overrides.sparseSize = decimalOf(value, "size")],
  ["GNU.sparse.major", (overrides, value) => overrides.sparseMajor = decimalOf(value, "version")],
  ["GNU.sparse.map", (overrides, value) => {
    overrides.sparseRegions = parseSparseMap(decoder.decode(value));
  }],
  ["GNU.sparse.numblocks", (overrides) => overrides.sparseRegions ??= []],
  ["GNU.sparse.offset", (overrides, value) => {
    overrides.sparseOffset = decimalOf(value, "sparse map");
  }],
  ["GNU.sparse.numbytes", (overrides, value) => {
    const offset = overrides.sparseOffset;
    if (offset === undefined) throw new ArchiveError("damaged sparse map");
    (overrides.sparseRegions ??= []).push({ offset, length: decimalOf(value, "sparse map") });
    delete overrides.sparseOffset;
  }],
]);

function decimalOf(value: Uint8Array, field: string): number {
  return readDecimal(decoder.decode(value), field);
}

function idOf(value: Uint8Array, field: string): number {
  return checkId(decimalOf(value, field), field);
}

function readOverrides(records: readonly PaxRecord[]): PaxOverrides {
  const overrides: PaxOverrides = { attributes: new Map() };
  for (const record of records) {
    const handler = RECORD_HANDLERS.get(record.key);
    // An empty value only takes back what a global record said
    if (handler !== undefined && record.value.length > 0) handler(overrides, record.value);
    const attribute = attributeOf(record);
    if (attribute !== undefined) overrides.attributes.set(attribute.name, attribute);
  }
  return overrides;
}

const NO_OVERRIDES: PaxOverrides = { attributes: new Map() };
const NO_ATTRIBUTES: readonly ExtendedAttribute[] = [];

/**
 * Puts an entry together; PAX records win over GNU long names, which win over the header.
 *
 * @throws {ArchiveError} If one of them makes no sense.
 */
export function mergeHeaders(
  header: RawHeader,
  { records, longName, longLink }: ExtendedHeaders,
): MergedEntry {
  const pax = records.length === 0 ? NO_OVERRIDES : readOverrides(records);
  const name = pax.sparseName ?? pax.name ?? longName ?? header.name;
  const type = entryType(header.type, name);
  const storedSize = type === "file" || header.type === "D" ? pax.size ?? header.size : 0;
  const hasMapInData = type === "file" && pax.sparseMajor === 1;
  const isSparse = type === "file" && (pax.sparseRegions !== undefined || hasMapInData);
  const entry: TarEntry = {
    type,
    name,
    linkName: pax.linkName ?? longLink ?? header.linkName,
    mode: header.mode,
    uid: pax.uid ?? header.uid,
    gid: pax.gid ?? header.gid,
    size: type !== "file" ? 0 : isSparse ? pax.sparseSize ?? storedSize : storedSize,
    modifiedAt: pax.modifiedAt ?? { seconds: BigInt(header.mtime), nanoseconds: 0n },
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    attributes: pax.attributes.size === 0 ? NO_ATTRIBUTES : [...pax.attributes.values()],
    isSparse,
  };
  return { entry, storedSize, regions: pax.sparseRegions, hasMapInData };
}

function entryType(flag: string, name: ByteString): TarEntryType {
  const type = ENTRY_TYPES[flag];
  if (type === undefined) {
    throw new ArchiveError(
      `entry ${quoted(name)} is of the unknown type ${JSON.stringify(flag)}`,
      "unsupported",
    );
  }
  // Archives older than ustar have no type for directories
  return type === "file" && flag !== "S" && name.endsWith("/") ? "directory" : type;
}
