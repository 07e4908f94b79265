/** The words of `--volumes-from`. @module */

import type { VolumesFromRequest } from "../../engine/mount/volumes_from.ts";
import { argumentError } from "../base/argument_error.ts";

/** Docker takes these words, too, and does nothing with them. */
const WITHOUT_EFFECT = ["z", "Z", "consistent", "cached", "delegated"];

/**
 * Reads one `--volumes-from CONTAINER[:ro|rw]`.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed, in docker's words.
 */
export function parseVolumesFromFlag(text: string): VolumesFromRequest {
  const at = text.indexOf(":");
  const container = at < 0 ? text : text.slice(0, at);
  if (container === "") {
    throw argumentError("volumes-from specification cannot be an empty string", {
      hint: "Write CONTAINER[:ro|rw]",
    });
  }
  const mode = at < 0 ? "" : text.slice(at + 1);
  const words = mode === "" ? [] : mode.split(",");
  const accesses = words.filter(isAccess);
  const others = words.filter((word) => !isAccess(word));
  if (accesses.length > 1 || !others.every((word) => WITHOUT_EFFECT.includes(word))) {
    throw argumentError(`invalid mode: ${mode}`, { hint: "Write CONTAINER[:ro|rw]" });
  }
  // What is read-only there stays so with rw, too
  return { container, ...(accesses[0] === "ro" ? { isReadOnly: true } : {}) };
}

function isAccess(word: string): boolean {
  return word === "ro" || word === "rw";
}
