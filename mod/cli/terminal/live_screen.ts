/** A page of text that is shown again and again in one place of a terminal. @module */

import { displayWidth } from "../base/terminal_text.ts";

/** Of a terminal, in character cells. */
export interface ScreenSize {
  rows: number;
  columns: number;
}

const HOME = "\x1b[H";
const CLEAR_SCREEN = "\x1b[2J";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/**
 * What to write on a terminal, such that a page takes the place of the one before.
 *
 * Nothing is cleared before it is written over, so that nothing flickers. Lines that do not fit are left out and
 * counted: a page that scrolls would not come to lie on the one before.
 *
 * @param lines Without control characters.
 * @param isFirst Whether there is something else on the screen.
 */
export function formatPage(
  lines: readonly string[],
  size: ScreenSize,
  { isFirst }: { isFirst: boolean },
): string {
  const page = fitLines(lines, size).map((line) => `${line}${CLEAR_LINE}\n`).join("");
  return `${isFirst ? CLEAR_SCREEN : ""}${HOME}${page}${CLEAR_BELOW}`;
}

/** Terminals that do not say how large they are get all of it. */
function fitLines(lines: readonly string[], { rows, columns }: ScreenSize): string[] {
  const heightOf = (line: string): number =>
    columns === 0 ? 1 : Math.max(1, Math.ceil(displayWidth(line) / columns));
  // The last row belongs to the cursor
  const room = rows - 1;
  const heights = lines.map(heightOf);
  const total = heights.reduce((sum, height) => sum + height, 0);
  if (rows === 0 || total <= room) return [...lines];
  let count = 0;
  let height = 1;
  while (height + (heights[count] ?? Infinity) <= room) height += heights[count++] ?? 0;
  return [...lines.slice(0, count), `... and ${lines.length - count} more lines`];
}
