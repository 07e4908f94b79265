/** The step that mounts an overlay. @module */

import { cString } from "../../../ffi/c_string.ts";
import type { Step } from "./plan.ts";

/** The directories of an overlay. */
export interface OverlayDirectories {
  /** Where it is mounted. */
  merged: string;
  /** Of the changes; empty if nobody can write to it, and then there are two lower ones at least. */
  upper: string;
  /** On the same mount as `upper`. */
  work: string;
  /** Absolute paths, the topmost first. */
  lowers: readonly string[];
}

/** Most bytes of options that mount(2) takes: a page without the NUL that ends them. */
const MAX_MOUNT_DATA = 4095;

/**
 * Some kernels have a renamed directory, or a file whose mode was changed, tell overlayfs where to look for the rest of
 * it: such changes could not become a layer. And some refuse to mount, with an index, what is still mounted elsewhere:
 * by a container's last run that somebody holds on to.
 */
const OVERLAY_OPTIONS = "index=off,redirect_dir=off,metacopy=off";

/** @param flags `MS` bits. */
export function planOverlay(
  { merged, upper, work, lowers }: OverlayDirectories,
  flags: number,
): Step {
  const lower = `${OVERLAY_OPTIONS},lowerdir=${lowers.map(escapeOverlayPath).join(":")}`;
  const data = upper === ""
    ? lower
    : `${lower},upperdir=${escapeOverlayPath(upper)},workdir=${escapeOverlayPath(work)}`;
  // A character is at most three bytes: only what may be too long is worth counting
  if (data.length * 3 <= MAX_MOUNT_DATA || cString(data).length <= MAX_MOUNT_DATA + 1) {
    return ["mount", "overlay", merged, "overlay", String(flags), data];
  }
  return ["overlay", merged, String(flags), OVERLAY_OPTIONS, upper, work, ...lowers];
}

/** A path as overlay's options want it: the separators `:` and `,` escaped. */
function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/g, (character) => `\\${character}`);
}
