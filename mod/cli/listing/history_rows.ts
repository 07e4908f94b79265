/** Steps of an image's making as the lines of `history`. @module */

import type { HistoryStep } from "../../engine/image/image_history.ts";
import { ellipsis } from "./ellipsis.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize, formatDuration } from "../base/units.ts";

/** The fields of docker's `history`. */
export const HISTORY_LAYOUT: RowLayout = {
  typeName: "*formatter.historyContext",
  columns: [
    { field: "ID", header: "IMAGE" },
    { field: "CreatedSince", header: "CREATED" },
    { field: "CreatedAt", header: "CREATED AT", isExtra: true },
    { field: "CreatedBy", header: "CREATED BY" },
    { field: "Size", header: "SIZE" },
    { field: "Comment", header: "COMMENT" },
  ],
};

/** The same with times in place of ages. */
export const HISTORY_LAYOUT_FOR_PROGRAMS: RowLayout = {
  ...HISTORY_LAYOUT,
  columns: HISTORY_LAYOUT.columns.map(({ field, header }) => ({
    field,
    header,
    isExtra: field === "CreatedSince",
  })),
};

/** How {@linkcode historyRow} writes. */
export interface HistoryRowOptions {
  /** Whether ids and commands are given in full. */
  isWhole: boolean;
  /** Whether ages and sizes are rounded for people. */
  isHuman: boolean;
  /** What ages are counted from, in milliseconds since 1970. */
  nowMs: number;
}

const MISSING = "<missing>";
const ID_PREFIX = "sha256:";
const SHORT_ID_LENGTH = 12;
const COMMAND_WIDTH = 45;

/** One step's fields. */
export function historyRow(
  { id, created, createdBy, sizeBytes, comment }: HistoryStep,
  { isWhole, isHuman, nowMs }: HistoryRowOptions,
): Row {
  const command = createdBy.replaceAll("\t", " ");
  // Docker's API gives whole seconds
  const createdMs = Math.floor(Date.parse(created ?? "") / 1000) * 1000;
  const isDated = !Number.isNaN(createdMs);
  const createdAt = isDated ? `${new Date(createdMs).toISOString().slice(0, 19)}Z` : "N/A";
  const age = isDated ? `${formatDuration(nowMs - createdMs)} ago` : "N/A";
  return {
    ID: isWhole ? id ?? MISSING : shorten(id),
    CreatedSince: isHuman ? age : createdAt,
    CreatedAt: createdAt,
    CreatedBy: isWhole ? command : ellipsis(command, COMMAND_WIDTH),
    Size: isHuman ? formatDecimalSize(sizeBytes) : String(sizeBytes),
    Comment: comment,
  };
}

function shorten(id: string | undefined): string {
  return id?.slice(ID_PREFIX.length, ID_PREFIX.length + SHORT_ID_LENGTH) ?? MISSING;
}
