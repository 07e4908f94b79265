/** What copies in both directions have in common. @module */

import type { IdRange } from "../../container/record/namespaces.ts";
import { WherryError } from "../../errors.ts";
import type { CopyWriter } from "../../image/layer/copy_writer.ts";
import { FileBody } from "../../image/layer/layer_writer.ts";
import { ArchiveError, explainFailure, isFullDisk } from "../../image/tar/archive_error.ts";
import type { TarMember } from "../../image/tar/tar_writer.ts";
import { asFileOwner } from "../../kernel/file_identity.ts";
import { openDirectory } from "../../kernel/open.ts";
import { openContainerRoot } from "./container_view.ts";
import type { OpenContainer } from "./copy_container.ts";
import { ownerOnHost } from "./copy_owner.ts";
import type { CopyMeter } from "./copy_progress.ts";
import type { Engine } from "../base/engine.ts";
import { findContainer } from "../record/find.ts";

/** What has been copied. */
export interface CopyReport {
  /** Bytes that a tar of it has, which is what docker tells of. */
  bytes: number;
  /** Where to, as docker tells it: absolute, with what the end of the path said. */
  destination: string;
  /** Extended attributes that the file system would not take; worth a warning. */
  skippedAttributes: ReadonlySet<string>;
  /** Sockets, by their names in the copy, of which there is none; worth a warning. */
  skippedSockets: readonly string[];
}

/** A container that a copy is made from or to; disposing of it lets it go. */
export interface CopiedContainer extends OpenContainer, Disposable {
  /** The ids of the host that are its own; `null` if it has the host's. */
  idRange: IdRange | null;
  /** Makes sure that it has been there until now. */
  checkStillThere(): void;
}

/**
 * Opens the files of a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `not_found` if there is no such container; as `openContainerRoot()`.
 */
export async function openCopied(engine: Engine, wanted: string): Promise<CopiedContainer> {
  const container = findContainer(engine, wanted);
  using undo = new DisposableStack();
  const view = undo.use(await openContainerRoot(engine, container));
  const root = undo.use(openDirectory(view.path));
  const held = undo.move();
  return {
    wanted,
    config: container.config,
    root,
    idRange: view.idRange,
    checkStillThere: () => view.checkStillThere(),
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** Does something to a container's files by which new ones can become its own; it must not wait. */
export function inContainer<T>({ idRange }: CopiedContainer, action: () => T): T {
  return idRange === null
    ? action()
    : asFileOwner(ownerOnHost({ uid: 0, gid: 0 }, idRange), action);
}

/** Copies members one by one. */
export function writeMembers(
  members: Iterable<TarMember>,
  { writer, meter }: { writer: CopyWriter; meter: CopyMeter },
): void {
  for (const { entry, body } of members) {
    writer.entry({ ...entry, isSparse: false });
    if (body instanceof FileBody) writer.copyData(body.descriptor);
    writer.endEntry();
    meter.addEntry(entry);
  }
  writer.finish();
  meter.finish();
}

/**
 * Says what was being done when the kernel or an archive did not go along.
 *
 * @param action With its object, for example `copy "/etc" from container "web"`.
 */
export function copyFailure(action: string, error: unknown): unknown {
  if (error instanceof ArchiveError) return explainFailure(action, error);
  if (error instanceof WherryError) return error;
  if (!isFullDisk(error)) return explainFailure(action, error);
  return new WherryError("unavailable", `Cannot ${action}: no space left on device`, {
    cause: error,
    hint: "What has been copied is there: free some space, and try again",
  });
}
