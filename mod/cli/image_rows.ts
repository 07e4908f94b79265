/** Images as the lines of `images`. @module */

import type { ListedImage } from "../image/images.ts";
import { formatFamiliarRepository, type Reference } from "../image/reference.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize, formatDuration } from "./units.ts";

/** The fields of docker's `images`. */
export const IMAGE_LAYOUT: RowLayout = {
  typeName: "*formatter.imageContext",
  raw: [
    ["repository", "Repository"],
    ["tag", "Tag"],
    ["image_id", "ID"],
    ["created_at", "CreatedAt"],
    ["virtual_size", "Size"],
  ],
  columns: [
    { field: "Repository", header: "REPOSITORY" },
    { field: "Tag", header: "TAG" },
    { field: "Digest", header: "DIGEST", isExtra: true },
    { field: "ID", header: "IMAGE ID" },
    { field: "CreatedSince", header: "CREATED" },
    { field: "Size", header: "SIZE" },
    { field: "CreatedAt", header: "CREATED AT", isExtra: true },
  ],
};

/** The same with the manifests' digests. */
export const IMAGE_LAYOUT_WITH_DIGESTS: RowLayout = {
  ...IMAGE_LAYOUT,
  columns: IMAGE_LAYOUT.columns.map((column) =>
    column.field === "Digest" ? { field: "Digest", header: "DIGEST" } : column
  ),
};

/** How {@linkcode imageRows} writes. */
export interface ImageRowOptions {
  /** Whether ids are given in full. */
  isWhole: boolean;
  /** What ages are counted from, in milliseconds since 1970. */
  nowMs: number;
}

const NONE = "<none>";
const ID_PREFIX = "sha256:";
const SHORT_ID_LENGTH = 12;

/** One image's lines: one for each of its names, or one without. */
export function imageRows(image: ListedImage, options: ImageRowOptions): Row[] {
  const names: (Reference | undefined)[] = image.references.length === 0
    ? [undefined]
    : [...image.references];
  return names.map((name) => imageRow(image, name, options));
}

function imageRow(
  { id, digest, sizeBytes, config: { created } }: ListedImage,
  name: Reference | undefined,
  { isWhole, nowMs }: ImageRowOptions,
): Row {
  return {
    Repository: name === undefined ? NONE : formatFamiliarRepository(name),
    Tag: name?.tag ?? NONE,
    Digest: digest,
    ID: isWhole ? id : id.slice(ID_PREFIX.length, ID_PREFIX.length + SHORT_ID_LENGTH),
    CreatedSince: created === undefined
      ? "N/A"
      : `${formatDuration(nowMs - Date.parse(created))} ago`,
    CreatedAt: created === undefined ? "" : `${created.slice(0, 19).replace("T", " ")} +0000 UTC`,
    Size: formatDecimalSize(sizeBytes),
  };
}
