/** Text of unknown origin, made safe for a terminal, and how wide it shows there. @module */

// C0, DEL, C1, and the marks that reorder or break lines (Trojan Source, CVE-2021-42574).
// deno-lint-ignore no-control-regex -- finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/**
 * Replaces control characters by Go-style escapes (`\x1b`, `\n`, `\u202e`), so that text from an
 * image or a container cannot move the cursor, change colours or fake a line.
 *
 * @param text Text of any origin.
 * @param keep Control characters to leave as they are.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(escapeControls("a\u001b[31mb"), "a\\x1b[31mb");
 * ```
 */
export function escapeControls(text: string, keep = ""): string {
  return text.replace(UNSAFE, (char) => keep.includes(char) ? char : escapeCharacter(char));
}

function escapeCharacter(char: string): string {
  const code = char.charCodeAt(0);
  return SHORT_ESCAPES.get(char) ??
    (code < 0x80
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`);
}

/** What tables are mostly made of; tried first, because the classes below take milliseconds to compile. */
const SINGLE_WIDTH = /^[\x20-\x7e…]*$/;

interface WidthClasses {
  zero: RegExp;
  double: RegExp;
}

let widthClasses: WidthClasses | undefined;

/** Compiled on first use, which most commands never come to. */
function getWidthClasses(): WidthClasses {
  return widthClasses ??= {
    zero: /^[\p{Mn}\p{Me}\p{Cf}]$/u,
    // East Asian wide and fullwidth blocks, and characters that show as emoji
    double:
      /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u,
  };
}

/** Number of terminal columns that `text`, free of control characters, takes. */
export function displayWidth(text: string): number {
  if (SINGLE_WIDTH.test(text)) return text.length;
  const { zero, double } = getWidthClasses();
  let width = 0;
  for (const char of text) {
    if (zero.test(char)) continue;
    width += double.test(char) ? 2 : 1;
  }
  return width;
}
