/** What the fields of a record may be: it may have been damaged or written by hand. @module */

import { WherryError } from "../errors.ts";

/** Whether a field is what its type says. */
export type FieldCheck = (value: unknown) => boolean;

/** A check for each field of a record. */
export type FieldChecks<T extends object> = Readonly<Record<keyof T, FieldCheck>>;

/**
 * Makes sure that every field of a record is what its type says.
 *
 * @param owner Whose record it is, such as `container`.
 * @throws {WherryError} `corrupt`, naming the first field that is not.
 */
export function checkFields<T extends object>(
  record: object,
  checks: FieldChecks<T>,
  owner: string,
): asserts record is T {
  const fields = new Map(Object.entries(record));
  const [wrong] = Object.entries<FieldCheck>(checks)
    .find(([field, isValid]) => !isValid(fields.get(field))) ?? [];
  if (wrong === undefined) return;
  throw new WherryError(
    "corrupt",
    `Cannot read the ${owner}'s record: its field "${wrong}" is missing or damaged`,
  );
}

/** Whether a value from JSON is an object, and neither a list nor `null`. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** Whether a value is a whole number from zero on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

/** Whether a value is a time as `Date` writes and reads it. */
export function isTime(value: unknown): value is string {
  return isString(value) && !Number.isNaN(Date.parse(value));
}

/** Whether a value is a list of texts. */
export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isString);
}

/** Whether a value is an object of texts, by name. */
export function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every(isString);
}

/** A check for one of these words. */
export function isOneOf(...words: readonly string[]): FieldCheck {
  return (value) => isString(value) && words.includes(value);
}

/** A check for a list whose every item passes `check`. */
export function isListOf(check: FieldCheck): FieldCheck {
  return (value) => Array.isArray(value) && value.every(check);
}
