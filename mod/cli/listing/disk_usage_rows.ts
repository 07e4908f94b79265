/** What takes room on the disk as the lines of `system df`. @module */

import type { DiskUsage, ImageUsage } from "../../engine/system/disk_usage.ts";
import { CONTAINER_LAYOUT, containerRow } from "./container_rows.ts";
import { IMAGE_LAYOUT_WITH_USAGE, imageRows } from "./image_rows.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize } from "../base/units.ts";
import { VOLUME_USAGE_LAYOUT, volumeRow } from "./volume_rows.ts";

/** The fields of docker's `system df`. */
export const DISK_USAGE_LAYOUT: RowLayout = {
  typeName: "*formatter.diskUsageContext",
  columns: [
    { field: "Type", header: "TYPE" },
    { field: "TotalCount", header: "TOTAL" },
    { field: "Active", header: "ACTIVE" },
    { field: "Size", header: "SIZE" },
    { field: "Reclaimable", header: "RECLAIMABLE" },
  ],
};

/** How {@linkcode detailRows} writes. */
export interface DetailRowOptions {
  /** Whether ids are given in full. */
  isWhole: boolean;
  /** What ages are counted from, in milliseconds since 1970. */
  nowMs: number;
}

const SIGNIFICANT_DIGITS = 4;

/** Numbers of one kind. */
interface Total {
  type: string;
  count: number;
  active: number;
  bytes: number;
  reclaimableBytes: number;
}

/** One line for each kind; a build cache is there for those who look for it. */
export function totalRows(usage: DiskUsage): Row[] {
  const none = { count: 0, active: 0, bytes: 0, reclaimableBytes: 0 };
  return [
    imageTotal(usage),
    containerTotal(usage),
    volumeTotal(usage),
    { type: "Build Cache", ...none },
  ].map(totalRow);
}

function imageTotal({ images, imageBytes, reclaimableImageBytes }: DiskUsage): Total {
  return {
    type: "Images",
    count: images.length,
    active: images.filter(({ containerCount }) => containerCount > 0).length,
    bytes: imageBytes,
    reclaimableBytes: reclaimableImageBytes,
  };
}

function containerTotal({ containers }: DiskUsage): Total {
  const inactive = containers.filter(({ container }) => !container.state.isRunning);
  const sum = (some: DiskUsage["containers"]): number =>
    some.reduce((bytes, { writtenBytes }) => bytes + writtenBytes, 0);
  return {
    type: "Containers",
    count: containers.length,
    active: containers.length - inactive.length,
    bytes: sum(containers),
    reclaimableBytes: sum(inactive),
  };
}

function volumeTotal({ volumes }: DiskUsage): Total {
  const unused = volumes.filter(({ linkCount }) => linkCount === 0);
  const sum = (some: DiskUsage["volumes"]): number =>
    some.reduce((all, { bytes = 0 }) => all + bytes, 0);
  return {
    type: "Local Volumes",
    count: volumes.length,
    active: volumes.length - unused.length,
    bytes: sum(volumes),
    reclaimableBytes: sum(unused),
  };
}

function totalRow({ type, count, active, bytes, reclaimableBytes }: Total): Row {
  const reclaimable = formatDecimalSize(reclaimableBytes, SIGNIFICANT_DIGITS);
  const share = Math.floor(reclaimableBytes * 100 / bytes);
  return {
    Type: type,
    TotalCount: String(count),
    Active: String(active),
    Size: formatDecimalSize(bytes, SIGNIFICANT_DIGITS),
    Reclaimable: bytes > 0 ? `${reclaimable} (${share}%)` : reclaimable,
  };
}

/** Lines about each object, and how they are laid out. */
export interface DetailRows {
  title: string;
  rows: Row[];
  layout: RowLayout;
}

/** Lines about each object, kind by kind, by docker's names of the kinds. */
export function detailRows(
  { images, containers, volumes }: DiskUsage,
  options: DetailRowOptions,
): Record<"Images" | "Containers" | "Volumes" | "BuildCache", DetailRows> {
  return {
    Images: {
      title: "Images space usage:",
      rows: images.map((image) => imageUsageRow(image, options)),
      layout: IMAGE_LAYOUT_WITH_USAGE,
    },
    Containers: {
      title: "Containers space usage:",
      rows: containers.map(({ container, writtenBytes }) => ({
        ...containerRow(container, options),
        Size: formatDecimalSize(writtenBytes),
      })),
      layout: CONTAINER_USAGE_LAYOUT,
    },
    Volumes: {
      title: "Local Volumes space usage:",
      rows: volumes.map(({ volume, ...details }) => volumeRow(volume, details)),
      layout: VOLUME_USAGE_LAYOUT,
    },
    BuildCache: { title: "Build cache usage: 0B", rows: [], layout: BUILD_CACHE_LAYOUT },
  };
}

/** By the first of its names alone, as docker has it. */
function imageUsageRow(
  { image, sharedBytes, uniqueBytes, containerCount }: ImageUsage,
  options: DetailRowOptions,
): Row {
  const { created } = image.config;
  const summary = { ...image, created, labels: undefined };
  const [row] = imageRows(summary, { ...options, hasDigests: false });
  return {
    ...row,
    SharedSize: formatDecimalSize(sharedBytes, SIGNIFICANT_DIGITS),
    UniqueSize: formatDecimalSize(uniqueBytes, SIGNIFICANT_DIGITS),
    Containers: String(containerCount),
  };
}

const CONTAINER_USAGE_FIELDS = [
  "ID",
  "Image",
  "Command",
  "LocalVolumes",
  "Size",
  "RunningFor",
  "Status",
  "Names",
];

const CONTAINER_USAGE_LAYOUT: RowLayout = {
  ...CONTAINER_LAYOUT,
  columns: CONTAINER_USAGE_FIELDS.flatMap((field) =>
    CONTAINER_LAYOUT.columns.filter((column) => column.field === field)
      .map(({ header }) => ({ field, header }))
  ),
};

const BUILD_CACHE_LAYOUT: RowLayout = {
  columns: [
    { field: "ID", header: "CACHE ID" },
    { field: "CacheType", header: "CACHE TYPE" },
    { field: "Size", header: "SIZE" },
    { field: "CreatedSince", header: "CREATED" },
    { field: "LastUsedSince", header: "LAST USED" },
    { field: "UsageCount", header: "USAGE" },
    { field: "Shared", header: "SHARED" },
  ],
};
