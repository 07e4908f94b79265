/** The options of volumes, `type`, `device` and `o`: what may be asked for. @module */

import { WherryError } from "../errors.ts";
import { MAX_MOUNT_DATA_BYTES, splitMountOptions } from "../kernel/mount.ts";
import type { Volume } from "./volume.ts";
import { isBind, splitOptions, withoutBind } from "./volume_backing.ts";

/** Options by name. */
type Options = Volume["options"];

const KNOWN = ["type", "device", "o", "size"];

/** What each takes with it, as with docker. */
const REQUIRED: readonly (readonly [option: string, required: readonly string[]])[] = [
  ["device", ["type"]],
  ["type", ["device"]],
  ["o", ["device", "type"]],
];

/** A way to have what `size` would give. */
const SIZED =
  "A file system in memory can be limited: -o type=tmpfs -o device=tmpfs -o o=size=64m; " +
  "or give the volume a block device of that size";

/**
 * Checks the options of a volume that is to be made.
 *
 * What only the host can tell, such as whether the device is there, is found out when the volume is used.
 *
 * @throws {WherryError} `invalid_argument` for what makes no sense, `unsupported` for what there is not.
 */
export function checkVolumeOptions(name: string, options: Options): void {
  const fault = findFault(options);
  if (fault === undefined) return;
  const { kind = "invalid_argument", text, hint } = fault;
  throw new WherryError(
    kind,
    `Cannot make volume "${name}": ${text}`,
    hint === undefined ? {} : { hint },
  );
}

interface Fault {
  /** @default {"invalid_argument"} */
  kind?: "unsupported";
  text: string;
  hint?: string;
}

function findFault(options: Options): Fault | undefined {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    return { text: `invalid option: "${unknown}"`, hint: `There are ${KNOWN.join(", ")}` };
  }
  if (Object.values(options).some((value) => value.includes("\0"))) {
    return { text: "an option has a NUL byte" };
  }
  return findSizeFault(options["size"]) ?? findMissing(options) ?? findWrongWord(options);
}

/** The kernel's quota by directory is not used: a limit is refused, never dropped. */
function findSizeFault(size: string | undefined): Fault | undefined {
  if (size === undefined || /^0+$/.test(size)) return undefined;
  if (!/^\d+(\.\d+)? ?([kmgtp]i?)?b?$/i.test(size)) return { text: `invalid size: "${size}"` };
  return {
    kind: "unsupported",
    text: "quota size requested but no quota support",
    hint: SIZED,
  };
}

function findMissing(options: Options): Fault | undefined {
  const missing = REQUIRED.filter(([option]) => options[option] !== undefined)
    .flatMap(([, required]) => required)
    .find((name) => isMissing(options, name));
  if (missing === undefined) return undefined;
  return {
    text: `missing required option: "${missing}"`,
    hint:
      "For example -o type=tmpfs -o device=tmpfs, or -o type=none -o o=bind -o device=/srv/data",
  };
}

/** The type says nothing of a bind mount. */
function isMissing(options: Options, name: string): boolean {
  const value = options[name];
  return value === undefined || value === "" && !(name === "type" && isBind(splitOptions(options)));
}

/** Words that mount(8) knows, with what there is in their place. */
const OF_MOUNT_COMMAND: Readonly<Record<string, string>> = {
  loop: 'Attach the file with "losetup --find --show FILE", and give the loop device',
  remount: "Make another volume in place of this one",
  move: "Give the device itself",
};

const PROPAGATIONS = /^r?(private|slave|shared|unbindable)$/;

function findWrongWord(options: Options): Fault | undefined {
  const words = splitOptions(options);
  const wrong = words.find((word) => Object.hasOwn(OF_MOUNT_COMMAND, wordName(word)));
  if (wrong !== undefined) {
    const hint = OF_MOUNT_COMMAND[wordName(wrong)];
    return { text: `o=${wrong}: mount(2) has no such option`, ...(hint && { hint }) };
  }
  const propagation = words.find((word) => PROPAGATIONS.test(word));
  if (propagation !== undefined) {
    return {
      kind: "unsupported",
      text: `o=${propagation}: mounts made later are never passed on to or from a volume`,
      hint: "Mount the directory itself, for example -v /srv/data:/data:rslave",
    };
  }
  return isBind(words) ? findBindFault(options, words) : findLengthFault(words);
}

function wordName(word: string): string {
  return word.split("=", 1)[0] ?? "";
}

function findBindFault(options: Options, words: readonly string[]): Fault | undefined {
  const { data } = splitMountOptions(withoutBind(words));
  if (data !== "") {
    return { text: `o=${data}: options of a file system do not go with "bind", which makes none` };
  }
  const device = options["device"] ?? "";
  if (device.startsWith("/")) return undefined;
  return {
    text: `device=${device}: not an absolute path`,
    hint: 'Name the directory from the root, for example -o "device=$PWD/data"',
  };
}

function findLengthFault(words: readonly string[]): Fault | undefined {
  const { length } = new TextEncoder().encode(splitMountOptions(words.join(",")).data);
  if (length <= MAX_MOUNT_DATA_BYTES) return undefined;
  return {
    text: `o has ${length} bytes for the file system, of which mount(2) takes ` +
      `${MAX_MOUNT_DATA_BYTES}`,
  };
}
