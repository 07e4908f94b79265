/** Choosing images as `images --filter` does: pure. @module */

import { WherryError } from "../../errors.ts";
import { parseReferencePattern } from "../../image/spec/reference_pattern.ts";
import { parseLabelFilter, splitFilter } from "../base/filter_text.ts";
import { type ImageSummary, timeOf } from "./images.ts";

/** What filters need to know besides the images themselves. */
export interface ImageFilterLookups {
  /** When the image was made that `before` or `since` names, in milliseconds since 1970. */
  createdOf(wanted: string): number;
  /** Reads the time of `until`, in milliseconds since 1970. */
  parseTime(text: string): number;
}

/** What is left of an image: all of it, only some of its names, or nothing. */
type Filter = (image: ImageSummary) => ImageSummary | undefined;

const YES = ["true", "1"];
const NO = ["false", "0"];

/** What is known only of images whose documents can be read. */
const isKnown = ({ labels }: ImageSummary): boolean => labels !== undefined;

/** Filters by their names; each of them takes all of its values. */
const FILTERS: Readonly<
  Record<string, (values: readonly string[], lookups: ImageFilterLookups) => Filter>
> = {
  before: (values, { createdOf }) => {
    const times = values.map(createdOf);
    return keepIf((image) => isKnown(image) && times.every((time) => timeOf(image.created) < time));
  },
  dangling: (values) => {
    const [value = ""] = values;
    if (values.length > 1 || ![...YES, ...NO].includes(value)) {
      throw invalidFilter(`dangling=[${values.join(" ")}]`, "The value is true or false");
    }
    return keepIf(({ references }) => (references.length === 0) === YES.includes(value));
  },
  label: (values) => {
    const wanted = values.map(parseLabelFilter);
    return keepIf(({ labels }) =>
      labels !== undefined && wanted.every((hasLabel) => hasLabel(labels))
    );
  },
  reference: (values) => {
    const patterns = values.map(parseReferencePattern);
    return (image) => {
      const isWanted: Parameters<typeof image.references.filter>[0] = (reference) =>
        patterns.some((matches) => matches(reference));
      const references = image.references.filter(isWanted);
      const repositoryDigests = image.repositoryDigests.filter(isWanted);
      const isNameless = references.length + repositoryDigests.length === 0;
      return isNameless ? undefined : { ...image, references, repositoryDigests };
    };
  },
  since: (values, { createdOf }) => {
    const times = values.map(createdOf);
    return keepIf((image) => isKnown(image) && times.every((time) => timeOf(image.created) > time));
  },
  until: (values, { parseTime }) => {
    const times = values.map(parseTime);
    return keepIf((image) =>
      isKnown(image) && times.every((time) => timeOf(image.created) <= time)
    );
  },
};

function keepIf(isWanted: (image: ImageSummary) => boolean): Filter {
  return (image) => isWanted(image) ? image : undefined;
}

/**
 * Reads filters, as `name=value`. Of several values of one name all must hold, but of `reference` one is enough.
 *
 * @returns Takes what is not wanted out of a list: images, and names that no pattern suits.
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value, and what `lookups` throw.
 */
export function parseImageFilter(
  texts: readonly string[],
  lookups: ImageFilterLookups,
): (images: readonly ImageSummary[]) => ImageSummary[] {
  const values = new Map<string, string[]>();
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const filters = Array.from(values, ([name, given]) => {
    const make = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (make !== undefined) return make(given, lookups);
    throw invalidFilter(name, `Filter by ${Object.keys(FILTERS).join(", ")}`);
  });
  return (images) =>
    images.flatMap((image) =>
      filters.reduce<ImageSummary | undefined>(
        (left, filter) => left === undefined ? undefined : filter(left),
        image,
      ) ?? []
    );
}

function invalidFilter(filter: string, hint: string): WherryError {
  const dockerWords = `invalid filter '${filter}'`;
  return new WherryError("invalid_argument", dockerWords, { hint });
}
