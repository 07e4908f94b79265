/** The words of `--mount`. @module */

import type { BindOptions, MountSpec, VolumeOptions } from "../../container/record/mounts.ts";
import { planMount } from "../../engine/mount/mount_spec.ts";
import { normalisePath } from "../../engine/mount/mount_target.ts";
import type { MountRequest } from "../../engine/mount/mounts.ts";
import { WherryError } from "../../errors.ts";
import { argumentError, flagError } from "../base/argument_error.ts";
import { parseCsvLine } from "../base/csv.ts";
import { EXIT_ENGINE_FAILURE } from "../base/exit_code.ts";
import { quoteText } from "../template/go_quote.ts";
import { parseSize } from "../base/units.ts";

/** What one `--mount` asks for. */
export interface MountFlag {
  mount: MountRequest;
  /** The same as docker's API has it. */
  spec: MountSpec;
  /** What people should know of it. */
  warnings: string[];
}

/**
 * Reads one `--mount KEY=VALUE[,KEY=VALUE...]`.
 *
 * @param text As typed.
 * @param currentDirectory What a source that begins with `.` is relative to.
 * @throws {WherryError} `invalid_argument` if it is malformed, in docker's words.
 */
export function parseMountFlag(text: string, currentDirectory: string): MountFlag {
  const draft: Draft = { spec: { Type: "volume" }, currentDirectory, warnings: [] };
  try {
    if (text === "") throw argumentError("value is empty");
    for (const field of parseCsvLine(text)) readField(draft, field);
    checkSpec(draft.spec);
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    throw flagError(
      `invalid argument ${quoteText(text)} for "--mount" flag: ${error.message}`,
      { hint: "Write --mount type=bind|volume|tmpfs|image,source=SOURCE,target=TARGET[,...]" },
    );
  }
  const { spec, warnings } = draft;
  return { mount: planFlag(spec), spec, warnings };
}

/** Docker's daemon would refuse it, and every command ends as if the client had. */
function planFlag(spec: MountSpec): MountRequest {
  try {
    return planMount(spec);
  } catch (error) {
    throw error instanceof WherryError ? error.withExitCode(EXIT_ENGINE_FAILURE) : error;
  }
}

/** What has been read so far. */
interface Draft {
  spec: MountSpec;
  currentDirectory: string;
  warnings: string[];
}

/** What one key does with its value. */
type Setter = (draft: Draft, value: string, key: string) => void;

/** Keys that mean true by themselves. */
const FLAG_KEYS = [
  "readonly",
  "ro",
  "volume-nocopy",
  "bind-nonrecursive",
  "bind-create-src",
  "idmap",
];

const NON_RECURSIVE_WARNING =
  "bind-nonrecursive is deprecated, use bind-recursive=disabled instead";

const setSource: Setter = ({ spec, currentDirectory }, value) => {
  spec.Source = value.startsWith(".") ? normalisePath(`${currentDirectory}/${value}`) : value;
};
const setTarget: Setter = ({ spec }, value) => void (spec.Target = value);
const setReadOnly: Setter = ({ spec }, value, key) =>
  setFlag(spec, "ReadOnly", readBoolean(value, key));

const SETTERS: Readonly<Record<string, Setter>> = {
  "type": ({ spec }, value) => void (spec.Type = value.toLowerCase()),
  "source": setSource,
  "src": setSource,
  "target": setTarget,
  "dst": setTarget,
  "destination": setTarget,
  "readonly": setReadOnly,
  "ro": setReadOnly,
  "consistency": ({ spec }, value, key) => {
    const wanted = value.toLowerCase();
    if (!CONSISTENCIES.includes(wanted)) throw invalidValue(key, value);
    spec.Consistency = wanted;
  },
  "bind-propagation": ({ spec }, value) => {
    bindOf(spec).Propagation = value.toLowerCase();
  },
  "bind-nonrecursive": ({ spec, warnings }, value, key) => {
    setFlag(bindOf(spec), "NonRecursive", readBoolean(value, key));
    warnings.push(NON_RECURSIVE_WARNING);
  },
  "bind-recursive": ({ spec }, value, key) => {
    const field = RECURSIVE_FIELDS.get(value);
    if (field === undefined) {
      throw argumentError(
        `invalid value for ${key}: ${value} ` +
          '(must be "enabled", "disabled", "writable", or "readonly")',
      );
    }
    if (field !== "") bindOf(spec)[field] = true;
  },
  "bind-create-src": ({ spec }, value, key) => {
    setFlag(bindOf(spec), "CreateMountpoint", readBoolean(value, key));
  },
  "idmap": ({ spec }, value, key) => setFlag(bindOf(spec), "IdMapped", readBoolean(value, key)),
  "volume-subpath": ({ spec }, value) => void (volumeOf(spec).Subpath = value),
  "volume-nocopy": ({ spec }, value, key) =>
    setFlag(volumeOf(spec), "NoCopy", readBoolean(value, key)),
  "volume-label": ({ spec }, value) => {
    const options = volumeOf(spec);
    options.Labels = withValue(options.Labels, value);
  },
  "volume-driver": ({ spec }, value) => void (driverOf(spec).Name = value),
  "volume-opt": ({ spec }, value) => {
    const driver = driverOf(spec);
    driver.Options = withValue(driver.Options, value);
  },
  "image-subpath": ({ spec }, value) => {
    spec.ImageOptions = { Subpath: value };
  },
  "tmpfs-size": ({ spec }, value, key) => {
    spec.TmpfsOptions = { ...spec.TmpfsOptions, SizeBytes: readSize(value, key) };
  },
  "tmpfs-mode": ({ spec }, value, key) => {
    if (!/^[0-7]+$/.test(value) || parseInt(value, 8) > MAX_MODE) throw invalidValue(key, value);
    spec.TmpfsOptions = { ...spec.TmpfsOptions, Mode: parseInt(value, 8) };
  },
};

/** They say what containers on macOS may find late. */
const CONSISTENCIES = ["", "default", "consistent", "cached", "delegated"];

/** All permission bits there are. */
const MAX_MODE = 0o7777;

const RECURSIVE_FIELDS: ReadonlyMap<string, RecursiveField | ""> = new Map([
  ["enabled", ""],
  ["disabled", "NonRecursive"],
  ["writable", "ReadOnlyNonRecursive"],
  ["readonly", "ReadOnlyForceRecursive"],
]);

type RecursiveField = "NonRecursive" | "ReadOnlyNonRecursive" | "ReadOnlyForceRecursive";

function readField(draft: Draft, field: string): void {
  const at = field.indexOf("=");
  const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  if (at < 0 && !FLAG_KEYS.includes(key)) {
    throw argumentError(`invalid field '${field}' must be a key=value pair`);
  }
  const set = Object.hasOwn(SETTERS, key) ? SETTERS[key] : undefined;
  if (set === undefined) throw argumentError(`unexpected key '${key}' in '${field}'`);
  set(draft, at < 0 ? "true" : field.slice(at + 1), key);
}

/** What is false is left out, as in docker's API. */
function setFlag<F extends string>(
  options: Partial<Record<F, boolean>>,
  field: F,
  isSet: boolean,
): void {
  if (isSet) options[field] = true;
  else delete options[field];
}

const OPTIONS = [
  ["volume", "VolumeOptions"],
  ["image", "ImageOptions"],
  ["bind", "BindOptions"],
  ["tmpfs", "TmpfsOptions"],
] as const;

/** What docker's client checks itself. */
function checkSpec(spec: MountSpec): void {
  const { Type: type, Target: target = "", BindOptions: bind = {}, ReadOnly: isReadOnly } = spec;
  if (type === "") throw argumentError("type is required");
  if (target === "") throw argumentError("target is required");
  for (const [owner, options] of OPTIONS) {
    if (type === owner || spec[options] === undefined) continue;
    const isOwn = Object.keys(spec[options]).join() === "IdMapped";
    const words = isOwn ? "'idmap'" : `'${owner}-*' options`;
    throw argumentError(`cannot mix ${words} with mount type '${type}'`);
  }
  if (bind.ReadOnlyNonRecursive === true && isReadOnly !== true) {
    throw missingCompanion("writable", "readonly");
  }
  if (bind.ReadOnlyForceRecursive !== true) return;
  if (isReadOnly !== true) throw missingCompanion("readonly", "readonly");
  if (bind.Propagation !== "rprivate") {
    throw missingCompanion("readonly", "bind-propagation=rprivate");
  }
}

function missingCompanion(value: string, companion: string): WherryError {
  return argumentError(
    `option 'bind-recursive=${value}' requires '${companion}' to be specified in conjunction`,
  );
}

/** As Go's `strconv.ParseBool` reads it. */
function readBoolean(value: string, key: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(value)) return false;
  throw invalidValue(key, value);
}

function readSize(value: string, key: string): number {
  try {
    return parseSize(value);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    throw invalidValue(key, value);
  }
}

function invalidValue(key: string, value: string): WherryError {
  return argumentError(`invalid value for ${key}: ${value}`);
}

function bindOf(spec: MountSpec): BindOptions {
  return spec.BindOptions ??= {};
}

/** Docker's client names a driver, if an empty one, with every option of volumes. */
function volumeOf(spec: MountSpec): VolumeOptions {
  return spec.VolumeOptions ??= { DriverConfig: {} };
}

function driverOf(spec: MountSpec): NonNullable<VolumeOptions["DriverConfig"]> {
  return volumeOf(spec).DriverConfig ??= {};
}

/** `NAME=VALUE`, or a name alone. */
function withValue(old: Record<string, string> = {}, text: string): Record<string, string> {
  const at = text.indexOf("=");
  const [name, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  return name === "" ? old : { ...old, [name]: value };
}
