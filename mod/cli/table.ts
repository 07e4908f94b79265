/** Aligned tables, as docker's `ps` and `images` print them. @module */

import { displayWidth, escapeControls } from "./terminal_text.ts";

const CELL_GAP = 3;
/** Narrowest column, gap included: docker's tabwriter setting. */
const MIN_COLUMN_WIDTH = 10;

/**
 * Formats rows of cells as aligned columns, one line for each row.
 *
 * The last cell of a row is not padded. Control characters in cells are escaped.
 *
 * @param rows Header first; rows may have different lengths.
 * @returns Lines with a newline after each; `""` for no rows.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const safeRows = rows.map((row) => row.map((cell) => escapeControls(cell)));
  const widths = columnWidths(safeRows);
  return safeRows.map((row) => `${formatRow(row, widths)}\n`).join("");
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      const width = displayWidth(cell) + CELL_GAP;
      widths[index] = Math.max(widths[index] ?? MIN_COLUMN_WIDTH, width);
    }
  }
  return widths;
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1;
  return row
    .map((cell, index) => index === last ? cell : padEnd(cell, widths[index] ?? 0))
    .join("");
}

function padEnd(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - displayWidth(cell)));
}
