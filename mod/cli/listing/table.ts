/** Aligned tables, as docker's `ps` and `images` print them. @module */

import { displayWidth, escapeControls } from "../base/terminal_text.ts";

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
  return safeRows.map((row, index) => `${formatRow(row, widths[index] ?? [])}\n`).join("");
}

/**
 * Widths of each row's columns.
 *
 * A column is as wide as in the rows above and below that have it without a gap between them, as
 * Go's tabwriter has it; rows of the same length so share all widths.
 */
function columnWidths(rows: readonly (readonly string[])[]): number[][] {
  const widths: number[][] = rows.map(() => []);
  const columnCount = Math.max(0, ...rows.map((row) => row.length - 1));
  for (let column = 0; column < columnCount; column++) {
    for (let first = 0; first < rows.length; first++) {
      let width = MIN_COLUMN_WIDTH;
      let end = first;
      for (; column < (rows[end]?.length ?? 0) - 1; end++) {
        width = Math.max(width, displayWidth(rows[end]?.[column] ?? "") + CELL_GAP);
      }
      for (const row of widths.slice(first, end)) row[column] = width;
      first = Math.max(first, end);
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
