/** What is wrong with an archive, separate from what was being done with it. @module */

import { SystemError } from "../../../ffi/errno.ts";
import { type ErrorKind, WherryError } from "../../errors.ts";

/** An archive that cannot be read or unpacked as it is. */
export class ArchiveError extends WherryError {
  /** The state alone, without the action, for example `not a tar archive`. */
  readonly detail: string;

  /**
   * @param detail What is wrong, without a full stop.
   * @param kind `corrupt` for a damaged or hostile archive, `unsupported` for a sound one that wherry cannot read.
   */
  constructor(
    detail: string,
    kind: "corrupt" | "unsupported" = "corrupt",
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(kind, `Cannot read archive: ${detail}`, options);
    this.detail = detail;
  }
}

/**
 * Names the source of an archive in messages.
 *
 * @param name A path, or `-`.
 */
export function quoteSource(name: string): string {
  return name === "-" ? "standard input" : `"${name}"`;
}

/**
 * Says in one line what was being done when `error` happened, without saying "Cannot" twice.
 *
 * @param action With its object, for example `import "rootfs.tar"`.
 */
export function explainFailure(action: string, error: unknown): WherryError {
  const [kind, state, hint] = stateOf(error);
  const options = hint === undefined ? { cause: error } : { cause: error, hint };
  return new WherryError(kind, `Cannot ${action}: ${state}`, options);
}

function stateOf(error: unknown): [kind: ErrorKind, state: string, hint: string | undefined] {
  if (error instanceof ArchiveError) return [error.kind, error.detail, error.hint];
  if (error instanceof WherryError) return [error.kind, lowerCannot(error.message), error.hint];
  if (isFullDisk(error)) {
    return ["unavailable", "no space left on device", "Free some space, or give another --root"];
  }
  if (error instanceof SystemError) return ["unavailable", lowerCannot(error.message), undefined];
  return ["unavailable", error instanceof Error ? error.message : String(error), undefined];
}

function lowerCannot(message: string): string {
  return message.replace(/^Cannot /, "cannot ");
}

/** Whether the file system is full, as the kernel or as Deno's file API says it. */
export function isFullDisk(error: unknown): boolean {
  if (error instanceof SystemError) return error.code === "ENOSPC" || error.code === "EDQUOT";
  return error instanceof Error && "code" in error &&
    (error.code === "ENOSPC" || error.code === "EDQUOT");
}
