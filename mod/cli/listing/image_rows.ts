/** Images as the lines of `images`. @module */

import type { ImageSummary } from "../../engine/image/images.ts";
import { formatFamiliarRepository } from "../../image/spec/reference.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize, formatDuration } from "../base/units.ts";

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
    { field: "VirtualSize", header: "SIZE", isExtra: true },
    { field: "SharedSize", header: "SHARED SIZE", isExtra: true },
    { field: "UniqueSize", header: "UNIQUE SIZE", isExtra: true },
    { field: "Containers", header: "CONTAINERS", isExtra: true },
  ],
};

/** The same with the digests by which registries have them. */
export const IMAGE_LAYOUT_WITH_DIGESTS: RowLayout = showing("Digest");

/** The same with what they share and who uses them, as `system df -v` shows it. */
export const IMAGE_LAYOUT_WITH_USAGE: RowLayout = showing(
  "SharedSize",
  "UniqueSize",
  "Containers",
);

function showing(...fields: readonly string[]): RowLayout {
  const columns = IMAGE_LAYOUT.columns.map(({ field, header, isExtra = false }) => ({
    field,
    header,
    isExtra: isExtra && !fields.includes(field),
  }));
  return { ...IMAGE_LAYOUT, columns };
}

/** How {@linkcode imageRows} writes. */
export interface ImageRowOptions {
  /** Whether ids are given in full. */
  isWhole: boolean;
  /** Whether digests are given; with several for one name, each on a line of its own. */
  hasDigests: boolean;
  /** What ages are counted from, in milliseconds since 1970. */
  nowMs: number;
}

const NONE = "<none>";
const NOT_ASKED = "N/A";
const ID_PREFIX = "sha256:";
const SHORT_ID_LENGTH = 12;
const SIGNIFICANT_DIGITS = 4;

/** What one line calls an image. */
interface RowName {
  repository: string;
  tag: string;
  digest: string;
}

/** One image's lines: one for each of its names, or one without. */
export function imageRows(image: ImageSummary, options: ImageRowOptions): Row[] {
  const names = rowNames(image, options);
  const nameless: RowName = { repository: NONE, tag: NONE, digest: NONE };
  return (names.length === 0 ? [nameless] : names).map((name) => imageRow(image, name, options));
}

/** A line for each tag; for a digest only where its repository has no tag for the image. */
function rowNames(
  { references, repositoryDigests }: ImageSummary,
  { hasDigests }: ImageRowOptions,
): RowName[] {
  const digestsOf = (repository: string): string[] =>
    repositoryDigests.filter((one) => formatFamiliarRepository(one) === repository)
      .map(({ digest }) => digest ?? "");
  const tagged = references.flatMap((reference) => {
    const repository = formatFamiliarRepository(reference);
    const digests = hasDigests ? digestsOf(repository) : [];
    return orNone(digests).map((digest) => ({ repository, tag: reference.tag ?? NONE, digest }));
  });
  const isTagged = (repository: string): boolean =>
    references.some((reference) => formatFamiliarRepository(reference) === repository);
  const untagged = new Set(
    repositoryDigests.map(formatFamiliarRepository).filter((one) => !isTagged(one)),
  );
  return [...tagged, ...Array.from(untagged).flatMap((repository) => untaggedNames(repository))];

  function untaggedNames(repository: string): RowName[] {
    const digests = hasDigests ? digestsOf(repository) : [""];
    return digests.map((digest) => ({ repository, tag: NONE, digest }));
  }
}

function orNone(digests: readonly string[]): readonly string[] {
  return digests.length === 0 ? [NONE] : digests;
}

function imageRow(
  { id, sizeBytes, created }: ImageSummary,
  { repository, tag, digest }: RowName,
  { isWhole, nowMs }: ImageRowOptions,
): Row {
  // Docker's API gives whole seconds
  const createdMs = Math.floor(Date.parse(created ?? "") / 1000) * 1000;
  const isDated = !Number.isNaN(createdMs);
  return {
    Repository: repository,
    Tag: tag,
    Digest: digest,
    ID: isWhole ? id : id.slice(ID_PREFIX.length, ID_PREFIX.length + SHORT_ID_LENGTH),
    CreatedSince: isDated ? `${formatDuration(nowMs - createdMs)} ago` : NOT_ASKED,
    CreatedAt: isDated ? formatTime(createdMs) : "",
    Size: formatDecimalSize(sizeBytes),
    VirtualSize: formatDecimalSize(sizeBytes, SIGNIFICANT_DIGITS),
    SharedSize: NOT_ASKED,
    UniqueSize: NOT_ASKED,
    Containers: NOT_ASKED,
  };
}

function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;
}
