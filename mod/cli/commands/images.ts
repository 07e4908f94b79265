/** `wherry images`. @module */

import { listImages } from "../../engine/images.ts";
import type { ListedImage } from "../../image/images.ts";
import { formatFamiliarRepository, parseReference } from "../../image/reference.ts";
import type { IMAGES_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { IMAGE_LAYOUT, IMAGE_LAYOUT_WITH_DIGESTS, imageRows } from "../image_rows.ts";
import { formatRows } from "../rows.ts";

type ImagesFlags = ParsedFlags<typeof IMAGES_FLAGS>["flags"];

/** Lists images, the newest first. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [wanted] }: ParsedFlags<typeof IMAGES_FLAGS>,
): Promise<number> {
  const options = { isWhole: flags["no-trunc"], nowMs: Date.now() };
  const images = listImages(engine)
    .map((image) => wanted === undefined ? image : onlyNamed(image, wanted))
    .filter((image) => wanted === undefined || image.references.length > 0)
    .toSorted((a, b) => (b.config.created ?? "").localeCompare(a.config.created ?? ""));
  const rows = images.flatMap((image) => imageRows(image, options));
  output.write(
    await formatRows(
      rows,
      planFormat(flags),
      flags.digests ? IMAGE_LAYOUT_WITH_DIGESTS : IMAGE_LAYOUT,
    ),
  );
  return 0;
}

/** As docker has it, `-q` changes the table and `raw`, and no template. */
function planFormat({ quiet, format }: ImagesFlags): string | undefined {
  if (quiet && (format ?? "table") === "table") return "{{.ID}}";
  return quiet && format === "raw" ? "image_id: {{.ID}}" : format;
}

/** The image with only those of its names that are in the repository, and have the tag, that is wanted. */
function onlyNamed(image: ListedImage, wanted: string): ListedImage {
  const pattern = parseReference(wanted);
  const hasTag = /:[^/]*$/.test(wanted);
  return {
    ...image,
    references: image.references.filter((reference) =>
      formatFamiliarRepository(reference) === formatFamiliarRepository(pattern) &&
      (!hasTag || reference.tag === pattern.tag)
    ),
  };
}
