/** The words of `--tmpfs`. @module */

import type { TmpfsMount } from "../../container/record/mounts.ts";
import { checkTarget } from "../../engine/mount/mount_target.ts";
import type { WherryError } from "../../errors.ts";
import { splitMountOptions } from "../../kernel/mount.ts";
import { argumentError } from "../base/argument_error.ts";

/**
 * Reads one `--tmpfs TARGET[:OPTIONS]`.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function parseTmpfsFlag(text: string): TmpfsMount {
  const at = text.indexOf(":");
  const target = at < 0 ? text : text.slice(0, at);
  const options = at < 0 ? "" : text.slice(at + 1);
  const refuse = (why: string): WherryError => malformed(text, why);
  const checked = checkTarget(target, { refuse });
  checkTmpfsOptions(options, refuse);
  return { type: "tmpfs", target: checked, options };
}

/** Options with a value, as the kernel's tmpfs takes them. @see tmpfs(5) */
const TMPFS_OPTION =
  /^(?:size=\d+[kmg%]?|nr_blocks=\d+[kmg]?|nr_inodes=\d+[kmg]?|mode=[0-7]+|[ug]id=\d+|huge=\w+|mpol=\S+)$/i;

/** The kernel itself says only that something is invalid. */
function checkTmpfsOptions(options: string, refuse: (why: string) => WherryError): void {
  for (const word of splitMountOptions(options).data.split(",")) {
    if (word === "" || (TMPFS_OPTION.test(word) && !isTooLarge(word))) continue;
    throw refuse(`tmpfs takes no option "${word}"`);
  }
}

const UNIT_BITS: Readonly<Record<string, number>> = { k: 10, m: 20, g: 30 };

/** What does not fit into 63 bits the kernel takes for another number. */
function isTooLarge(word: string): boolean {
  const [, digits, unit = ""] = /^\w+=(\d+)([kmg]?)$/i.exec(word) ?? [];
  return digits !== undefined &&
    Number(digits) * 2 ** (UNIT_BITS[unit.toLowerCase()] ?? 0) >= 2 ** 63;
}

function malformed(text: string, why: string): WherryError {
  return argumentError(`Cannot mount "${text}": ${why}`, {
    hint: "Write --tmpfs /path[:size=64m]",
  });
}
