/** JSON for people and programs alike. @module */

// JSON leaves these as they are; a terminal may obey them, or show the text in another order.
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** How {@linkcode formatJson} writes. */
export interface FormatJsonOptions {
  /** Spaces for each level; 0 for all in one line. */
  indentation: number;
}

/** Formats JSON that is safe to show: what could control a terminal is escaped. */
export function formatJson(value: unknown, { indentation }: FormatJsonOptions): string {
  return JSON.stringify(value, undefined, indentation).replace(
    UNSAFE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
