/**
 * Writes the file that `native/launcher.c` starts; its format is described there.
 *
 * @module
 */

/** Every section begins at a multiple of this: the largest page of any architecture. */
export const SECTION_ALIGNMENT = 65536;
/** Bytes of `struct trailer`. */
export const TRAILER_BYTES = 280;
/** Room for carried libraries in the trailer. */
export const MAX_CARRIED_LIBRARIES = 6;

const MAGIC = "wherry-3";
const BUILD_OFFSET = 248;
const MAX_BUILD_LENGTH = 23;
const MAGIC_OFFSET = 272;

/** What the file is made of. */
export interface PackedParts {
  /** The launcher's program. */
  launcher: Uint8Array;
  /** deno, with its relative relocations applied for `base`. */
  deno: Uint8Array;
  /** The JavaScript module that deno runs. */
  mainModule: Uint8Array;
  /** What the main module evaluates. */
  bundle: Uint8Array;
  /** `libwherry.so`. */
  library: Uint8Array;
  /** `wherry-monitor`. */
  monitor: Uint8Array;
  /** The dynamic linker to use when the host has none that fits. */
  loader: Uint8Array;
  /** The libraries to use with it; at most {@linkcode MAX_CARRIED_LIBRARIES}. */
  libraries: readonly Uint8Array[];
  /** What deno's code cache begins with, see `code_cache.ts`; empty for none. */
  codeCache: Uint8Array;
  /** Address for which deno has been relocated. */
  base: bigint;
  /** Distance of the relocations from that address. */
  relocations: bigint;
  /** Number of the relocations. */
  relocationCount: bigint;
  /** Whether processes may be made of a snapshot, see `native/snapshot.h`. */
  hasSnapshots: boolean;
  /** Build id; at most 23 characters. */
  build: string;
}

/** Where a section stands in the file, in bytes. */
interface Section {
  offset: number;
  size: number;
}

/**
 * Writes an executable file.
 *
 * @param path Where to; an existing file is overwritten.
 * @throws {RangeError} If there are too many libraries or the build id is too long.
 */
export async function writePackedFile(path: string, parts: PackedParts): Promise<void> {
  const contents = sectionContents(parts);
  const sections = placeSections(parts.launcher.length, contents);
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o755 });
  await writeAt(file, 0, parts.launcher);
  for (const [index, section] of sections.entries()) {
    await writeAt(file, section.offset, contents[index] ?? new Uint8Array());
  }
  const end = endOf(parts.launcher.length, sections);
  await writeAt(file, end, encodeTrailer(parts, sections, end + TRAILER_BYTES));
  await Deno.chmod(path, 0o755);
}

/** The sections' bytes in the order of `struct trailer`; unused library slots are empty. */
function sectionContents(parts: PackedParts): Uint8Array[] {
  if (parts.libraries.length > MAX_CARRIED_LIBRARIES) {
    throw new RangeError(`Cannot carry ${parts.libraries.length} libraries: 6 fit`);
  }
  const unused = Array.from(
    { length: MAX_CARRIED_LIBRARIES - parts.libraries.length },
    () => new Uint8Array(),
  );
  return [
    parts.deno,
    parts.mainModule,
    parts.bundle,
    parts.library,
    parts.monitor,
    parts.loader,
    ...parts.libraries,
    ...unused,
    parts.codeCache,
  ];
}

function alignUp(offset: number): number {
  return Math.ceil(offset / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
}

function endOf(launcherSize: number, sections: readonly Section[]): number {
  const last = sections.at(-1);
  return last === undefined ? launcherSize : last.offset + last.size;
}

function placeSections(launcherSize: number, contents: readonly Uint8Array[]): Section[] {
  const sections: Section[] = [];
  for (const { length } of contents) {
    sections.push({ offset: alignUp(endOf(launcherSize, sections)), size: length });
  }
  return sections;
}

function encodeTrailer(
  parts: PackedParts,
  sections: readonly Section[],
  fileSize: number,
): Uint8Array {
  if (parts.build.length > MAX_BUILD_LENGTH) {
    throw new RangeError(`Cannot use build id "${parts.build}": it is longer than 23 characters`);
  }
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  const numbers = [
    ...sections.flatMap(({ offset, size }) => [BigInt(offset), BigInt(size)]),
    parts.base,
    parts.relocations,
    parts.relocationCount,
    BigInt(fileSize),
    parts.hasSnapshots ? 1n : 0n,
  ];
  for (const [index, number] of numbers.entries()) view.setBigUint64(8 * index, number, true);
  new TextEncoder().encodeInto(parts.build, bytes.subarray(BUILD_OFFSET));
  new TextEncoder().encodeInto(MAGIC, bytes.subarray(MAGIC_OFFSET));
  return bytes;
}

async function writeAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
