/** What is in volumes as tars, out and in. @module */

import { WherryError } from "../../errors.ts";
import { decompressed, detectCompression } from "../../image/compression/decompress.ts";
import { plainMembers } from "../../image/layer/layer_writer.ts";
import { PlainUnpacker } from "../../image/layer/plain_unpacker.ts";
import { checkRoom } from "../../image/layer/room.ts";
import { mergeTree } from "../../image/layer/tree_merge.ts";
import { explainFailure, quoteSource } from "../../image/tar/archive_error.ts";
import { chunksOf, peek } from "../../image/tar/source.ts";
import { TarReader } from "../../image/tar/tar_reader.ts";
import { writeTar } from "../../image/tar/tar_writer.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Volume } from "../../volume/volume.ts";
import { backingOf } from "../../volume/volume_backing.ts";
import { VolumeStaging } from "../../volume/volume_staging.ts";
import type { Engine } from "../base/engine.ts";
import type { NamedSource } from "../image/images.ts";
import { findMount } from "../record/mounted_volumes.ts";
import { finishVolume } from "../mount/volume_copy.ts";
import { findVolume, holdVolumes } from "../mount/volumes.ts";

/**
 * Writes what is in a volume as a tar: its own directory first, and nothing that is mounted in it. Containers that use
 * it go on meanwhile: of a file that they write to, the tar has some of both.
 *
 * @returns Chunks, each valid until `VALID_CHUNKS` (source.ts) more have been asked for.
 * @throws {WherryError} While iterating: `not_found` if there is no such volume; `conflict` if it is removed meanwhile,
 * or a file system that no container has mounted;
 * `unsupported` if something in it cannot be in an archive; `unavailable` if it cannot be read.
 */
export async function* exportVolume(
  engine: Engine,
  name: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const data = readableDataOf(engine, findVolume(engine, name));
  settle(engine, name);
  try {
    const before = identityOf(data);
    yield* writeTar(plainMembers(data));
    if (identityOf(data) === before) return;
  } catch (error) {
    throw explainFailure(`export volume "${name}"`, error);
  }
  throw new WherryError(
    "conflict",
    `Cannot export volume "${name}": another command has removed it meanwhile`,
  );
}

/**
 * Where what is in a volume can be read.
 *
 * @throws {WherryError} `conflict` if it is a file system that is not mounted.
 */
function readableDataOf(engine: Engine, volume: Volume): string {
  const backing = backingOf(volume);
  if (backing.type === "bind") return backing.device;
  const { name } = volume;
  const { data } = engine.paths.volume(name);
  if (backing.type === "directory" || findMount(engine, name) !== undefined) return data;
  throw new WherryError(
    "conflict",
    `Cannot read volume "${name}": it is a file system that is mounted as long as containers that use it run`,
    {
      hint: `Start one first, or let one read it: "wherry run --rm -v ${name}:/data IMAGE tar ..."`,
    },
  );
}

/**
 * Where something can be moved in.
 *
 * @throws {WherryError} `unsupported` if what is in the volume is on another file system.
 */
function writableDataOf(engine: Engine, volume: Volume): string {
  const { name } = volume;
  if (backingOf(volume).type === "directory") return engine.paths.volume(name).data;
  throw new WherryError(
    "unsupported",
    `Cannot write to volume "${name}": what is in it is elsewhere, as its options say`,
    { hint: `Let a container do it: "wherry run --rm -i -v ${name}:/data IMAGE tar -xC /data"` },
  );
}

/** What an image had for a volume is all there, also if a kill interrupted that. */
function settle(engine: Engine, name: string): void {
  if (!isPresent(engine.paths.volume(name).filling)) return;
  using _lock = holdVolumes(engine, "shared");
  finishVolume(engine, name);
}

/** @returns `undefined` if there is nothing. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.lstatSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What was put into a volume. */
export interface ImportedFiles {
  /** Extended attributes that the file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
}

/**
 * Puts what is in a tar, plain or compressed with gzip, zstd, xz or bzip2, into a volume.
 *
 * All of the tar is unpacked out of sight first; then what has the same name in the volume makes way, and all else
 * stays. So nothing of a damaged tar gets into the volume, and a container that uses it never sees half a file.
 *
 * @param source Read to its end; the caller closes it.
 * @param signal Ends the work; the volume is as it was then. @default {never}
 * @throws {WherryError} `not_found` if there is no such volume, `unsupported` if it has options, `corrupt` if it is not a sound tar, `unavailable` for
 * example on a full disk; the signal's reason.
 */
export async function importVolume(
  engine: Engine,
  name: string,
  { source, signal }: { source: NamedSource; signal?: AbortSignal },
): Promise<ImportedFiles> {
  writableDataOf(engine, findVolume(engine, name));
  settle(engine, name);
  try {
    using staging = openStaging(engine);
    if (source.size !== undefined) checkRoom(staging.data, source.size);
    using unpacker = new PlainUnpacker(staging.data);
    await unpack(source, unpacker, signal);
    moveIn(engine, name, { staging, unpacker });
    return { skippedAttributes: unpacker.skippedAttributes };
  } catch (error) {
    signal?.throwIfAborted();
    throw explainFailure(`import ${quoteSource(source.name)} into volume "${name}"`, error);
  }
}

function openStaging(engine: Engine): VolumeStaging {
  using _lock = holdVolumes(engine, "shared");
  return new VolumeStaging(engine.paths);
}

async function unpack(
  { bytes }: NamedSource,
  unpacker: PlainUnpacker,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { start, chunks } = await peek(chunksOf(bytes));
  const reader = new TarReader(unpacker);
  for await (const chunk of decompressed(chunks, detectCompression(start))) {
    signal?.throwIfAborted();
    reader.push(chunk);
  }
  reader.end();
  unpacker.finish();
}

function moveIn(
  engine: Engine,
  name: string,
  { staging, unpacker }: { staging: VolumeStaging; unpacker: PlainUnpacker },
): void {
  using _lock = holdVolumes(engine, "shared");
  // Somebody may have removed it meanwhile
  const data = writableDataOf(engine, findVolume(engine, name));
  mergeTree(staging.data, data, {
    replaced: staging.replaced,
    isDescribed: (path) => unpacker.isDescribed(path),
  });
}
