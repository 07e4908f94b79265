/** Text that is cut where a table has no room for it. @module */

import { displayWidth } from "../base/terminal_text.ts";

/** Cuts text to `width` columns, the mark of the cut included. */
export function ellipsis(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  for (const char of text) {
    if (displayWidth(kept + char) >= width) break;
    kept += char;
  }
  return `${kept}…`;
}
