/** A volume's record: what was asked for. @module */

import { WherryError } from "../errors.ts";
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
export const VOLUME_DRIVER = "local";

/** A volume: data that outlives containers. */
export interface Volume {
  /** Version of this record's shape. */
  schema: 1;
  /** What people call it; 64 hexadecimal digits if nobody gave a name. */
  name: string;
  /** What keeps it. */
  driver: typeof VOLUME_DRIVER;
  /** Options of the driver, as given: none for a plain directory, else `type`, `device` and `o`. */
  options: Record<string, string>;
  /** Names and values for whoever looks. */
  labels: Record<string, string>;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** Whether it was made for a container that gave it no name. */
  isAnonymous: boolean;
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
 * @throws {WherryError} `invalid_argument` if none may be called that.
 */
export function checkVolumeName(name: string): string {
  if (isVolumeName(name)) return name;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the volume name "${name}": it is not 2 to ${MAX_NAME_LENGTH} of ` +
      "[a-zA-Z0-9_.-], the first a letter or digit",
    { hint: "A directory of the host has to begin with / or ./" },
  );
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
