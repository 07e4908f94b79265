/** The words of `-v`. @module */

import type { BindMount, Propagation } from "../../container/record/mounts.ts";
import { checkTarget, normalisePath } from "../../engine/mount/mount_target.ts";
import type { VolumeRequest } from "../../engine/mount/mounts.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { checkVolumeName, VOLUME_DRIVER } from "../../volume/volume.ts";
import { argumentError } from "../base/argument_error.ts";

/** What one `-v` asks for. */
export type VolumeFlag =
  | {
    /** A new volume that goes with the container, unless something else is mounted there. */
    type: "anonymous";
    /** Absolute path inside. */
    target: string;
  }
  | {
    type: "mount";
    mount: BindMount | VolumeRequest;
    /** As docker's API has it: with an absolute source. */
    bind: string;
    /** Whether SELinux is to let the container use it (`z` and `Z`). */
    isRelabelled: boolean;
  };

/** Docker's words after the second colon, and `idmap`; of each line one may be given. */
const OPTION_KINDS = {
  access: ["ro", "rw"],
  label: ["z", "Z"],
  propagation: ["private", "rprivate", "slave", "rslave", "shared", "rshared"],
  copy: ["nocopy"],
  consistency: ["consistent", "cached", "delegated"],
  idmap: ["idmap"],
} as const;

type OptionKind = keyof typeof OPTION_KINDS;

type Options = Partial<Record<OptionKind, string>>;

/**
 * Reads one `-v [SOURCE:]TARGET[:OPTIONS]`.
 *
 * @param text As typed.
 * @param currentDirectory What a source that begins with `.` is relative to.
 * @throws {WherryError} `invalid_argument` if it is malformed, in docker's words.
 */
export function parseVolumeFlag(text: string, currentDirectory: string): VolumeFlag {
  const [first = "", second, mode = ""] = splitSpec(text);
  const refuse = (type: string, why: string, hint?: string): WherryError =>
    argumentError(
      `invalid volume specification: '${text}': invalid mount config for type "${type}": ${why}`,
      hint === undefined ? {} : { hint },
    );
  if (second === undefined) {
    return {
      type: "anonymous",
      target: checkTarget(first, { refuse: (why) => refuse("volume", why) }),
    };
  }
  // Docker takes TARGET:OPTIONS for a mistake
  if (readOptions(second) !== undefined) {
    throw argumentError(`invalid volume specification: '${text}'`, {
      hint: "A volume without a name takes no options: write NAME:TARGET:OPTIONS",
    });
  }
  const options = parseOptions(mode);
  const source = first.startsWith(".") ? normalisePath(`${currentDirectory}/${first}`) : first;
  const type = source.startsWith("/") ? "bind" : "volume";
  const target = checkTarget(second, { source, refuse: (why) => refuse(type, why) });
  return {
    type: "mount",
    mount: type === "bind"
      ? bindOf({ source, target, mode }, options, (why, hint) => refuse(type, why, hint))
      : volumeOf({ source, target, mode }, options, (why, hint) => refuse(type, why, hint)),
    bind: [source, ...text.split(":").slice(1)].join(":"),
    isRelabelled: options.label !== undefined,
  };
}

/** As docker's client reads it, which knows no sources with colons. */
function splitSpec(text: string): string[] {
  if (text === "") throw argumentError("invalid empty volume spec");
  const parts = text.split(":");
  const wrong = parts.findIndex((part, index) => part === "" || index > 2);
  if (wrong < 0) return parts;
  const why = wrong > 2 ? "too many colons" : "empty section between colons";
  throw argumentError(`invalid spec: ${text}: ${why}`, {
    hint: "Write [SOURCE:]TARGET[:OPTIONS], or use --mount for paths with colons",
  });
}

/** @returns `undefined` if some word is unknown, or two are of one kind. */
function readOptions(mode: string): Options | undefined {
  const options: Options = {};
  for (const word of mode.split(",")) {
    const kind = kindOf(word);
    if (kind === undefined || options[kind] !== undefined) return undefined;
    options[kind] = word;
  }
  return options;
}

function kindOf(word: string): OptionKind | undefined {
  return (Object.keys(OPTION_KINDS) as OptionKind[])
    .find((kind) => (OPTION_KINDS[kind] as readonly string[]).includes(word));
}

function parseOptions(mode: string): Options {
  if (mode === "") return {};
  const options = readOptions(mode);
  if (options !== undefined) return options;
  const unknown = mode.split(",").find((word) => kindOf(word) === undefined);
  throw argumentError(`invalid mode: ${mode}`, {
    hint: unknown === undefined
      ? "Of the options some exclude each other, or are given twice"
      : `"${unknown}" is none of ${Object.values(OPTION_KINDS).flat().join(", ")}`,
  });
}

interface Place {
  source: string;
  target: string;
  mode: string;
}

type Refuse = (why: string, hint?: string) => WherryError;

function bindOf({ source, target, mode }: Place, options: Options, refuse: Refuse): BindMount {
  if (options.copy !== undefined) {
    throw refuse("field VolumeOptions must not be specified", "nocopy is for volumes");
  }
  const isIdMapped = options.idmap !== undefined;
  return {
    type: "bind",
    source: normalisePath(source),
    target,
    isReadOnly: options.access === "ro",
    // A new directory would belong to the container's root, whom idmap makes nobody
    createsSource: !isIdMapped,
    propagation: (options.propagation ?? "rprivate") as Propagation,
    mode,
    ...(isIdMapped ? { isIdMapped } : {}),
  };
}

function volumeOf(
  { source, target, mode }: Place,
  options: Options,
  refuse: Refuse,
): VolumeRequest {
  if (options.propagation !== undefined) {
    throw refuse(
      "field BindOptions must not be specified",
      `${options.propagation} is for directories of the host`,
    );
  }
  if (options.idmap !== undefined) {
    throw refuse("idmap is for directories of the host", "Volumes are mapped without it");
  }
  return {
    type: "volume",
    name: checkVolumeName(source),
    target,
    isReadOnly: options.access === "ro",
    copiesContent: options.copy === undefined,
    subpath: "",
    // As docker shows it
    mode: mode === "" ? "z" : mode,
  };
}

/**
 * Checks who is to keep a volume.
 *
 * @throws {WherryError} `unsupported` for a plugin, in docker's words.
 */
export function checkVolumeDriver(name: string): void {
  if (name === "" || name === VOLUME_DRIVER) return;
  throw dockerError(
    "unsupported",
    `error looking up volume plugin ${name}: plugin "${name}" not found`,
    { hint: `There are no plugins: the only driver is "${VOLUME_DRIVER}"` },
  );
}

/** Says whether SELinux keeps containers from what is not labelled for them. @see selinux(8) */
const SELINUX_ENFORCE = "/sys/fs/selinux/enforce";

/**
 * Checks that `z` and `Z` have no effect because none is needed.
 *
 * @throws {WherryError} `unsupported` on a host where labels decide what a container may use.
 */
export function checkRelabelling(text: string, enforceFile = SELINUX_ENFORCE): void {
  if (!isEnforcing(enforceFile)) return;
  throw new WherryError(
    "unsupported",
    `Cannot relabel "${text}": SELinux is enforcing, and wherry sets no labels`,
    { hint: "Leave out z and Z, and label the directory with chcon -R -t container_file_t" },
  );
}

function isEnforcing(file: string): boolean {
  try {
    return Deno.readTextFileSync(file).trim() === "1";
  } catch (error) {
    // No SELinux
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
