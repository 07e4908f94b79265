/** A volume's record: what was asked for. @module */

import { dockerError, WherryError } from "../errors.ts";
import {
  checkFields,
  type FieldChecks,
  isBoolean,
  isObject,
  isOneOf,
  isString,
  isTexts,
  isTime,
} from "../store/record_fields.ts";

/** The only driver there is: a directory, or a file system that is mounted when it is used. */
export const VOLUME_DRIVER: Volume["driver"] = "local";

/** A volume: data that outlives containers. */
export interface Volume {
  /** Version of this record's shape. */
  schema: 1;
  /** What people call it; 64 hexadecimal digits if nobody gave a name. */
  name: string;
  /** What keeps it. */
  driver: "local";
  /** Options of the driver, as given: none for a plain directory, else `type`, `device` and `o`. */
  options: Record<string, string>;
  /** Names and values for whoever looks. */
  labels: Record<string, string>;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** Whether it was made for a container that gave it no name. */
  isAnonymous: boolean;
}

/** Docker's label of a volume that was made for a container that gave it no name. */
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

/** The labels that people see: docker's own one for those without a name of their own is among them. */
export function labelsOf({ labels, isAnonymous }: Volume): Readonly<Record<string, string>> {
  return isAnonymous ? { ...labels, [ANONYMOUS_LABEL]: "" } : labels;
}

/** Whether a volume goes when nobody uses it any more: nobody gave it a name, or somebody labelled it so. */
export function isDisposable(volume: Volume): boolean {
  return Object.hasOwn(labelsOf(volume), ANONYMOUS_LABEL);
}

const FIELD_CHECKS: FieldChecks<Volume> = {
  schema: (value) => value === 1,
  name: (value) => isString(value) && isVolumeName(value),
  driver: isOneOf(VOLUME_DRIVER),
  options: isTexts,
  labels: isTexts,
  createdAt: isTime,
  isAnonymous: isBoolean,
};

const MIN_NAME_LENGTH = 2;
/** Longest name of a directory, in bytes. */
const MAX_NAME_LENGTH = 255;

/** Whether a volume may be called that. */
export function isVolumeName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) && name.length <= MAX_NAME_LENGTH;
}

/**
 * Checks what somebody calls a volume.
 *
 * @returns The name.
 * @throws {WherryError} `invalid_argument` in docker's words if none may be called that.
 */
export function checkVolumeName(name: string): string {
  if (isVolumeName(name)) return name;
  throw dockerError("invalid_argument", `create ${name}: ${problemOf(name)}`, {
    hint: "Choose another name; a directory of the host begins with / or ./, as in -v ./data:/data",
  });
}

function problemOf(name: string): string {
  if (name.length < MIN_NAME_LENGTH) {
    return "volume name is too short, names should be at least two alphanumeric characters";
  }
  if (name.length > MAX_NAME_LENGTH) {
    return `volume name is too long, names should be at most ${MAX_NAME_LENGTH} characters`;
  }
  return `"${name}" includes invalid characters for a local volume name, ` +
    'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed';
}

/**
 * Takes a volume's record from JSON.
 *
 * @throws {WherryError} `corrupt` if it is not one, or of a newer version.
 */
export function parseVolume(json: unknown): Volume {
  if (!isObject(json)) {
    throw new WherryError("corrupt", "Cannot read the volume's record: it is no object");
  }
  const volume: object = json;
  checkFields<Volume>(volume, FIELD_CHECKS, "volume");
  return volume;
}
