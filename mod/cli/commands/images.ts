/** `wherry images`. @module */

import { parseImageFilter } from "../../engine/image/image_filter.ts";
import { listImages, timeOf } from "../../engine/image/images.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { getImage } from "../../image/store/images.ts";
import type { IMAGES_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { IMAGE_LAYOUT, IMAGE_LAYOUT_WITH_DIGESTS, imageRows } from "../listing/image_rows.ts";
import { formatRows } from "../listing/rows.ts";
import { parseTimestamp } from "../base/timestamp.ts";

type ImagesFlags = ParsedFlags<typeof IMAGES_FLAGS>["flags"];

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** Lists images, the newest first. */
export async function run(
  { engine, output }: Context,
  { flags, positionals }: ParsedFlags<typeof IMAGES_FLAGS>,
): Promise<number> {
  const nowMs = Date.now();
  const patterns = positionals.map((wanted) => `reference=${wanted}`);
  const filter = parseImageFilter([...flags.filter, ...patterns], {
    createdOf: (wanted) =>
      timeOf(getImage(new ImagePaths(engine.paths.root), wanted).config.created),
    parseTime: (text) => Number(parseTimestamp(text, nowMs) / NANOSECONDS_PER_MILLISECOND),
  });
  const options = { isWhole: flags["no-trunc"], hasDigests: needsDigests(flags), nowMs };
  const rows = filter(listImages(engine)).flatMap((image) => imageRows(image, options));
  const layout = flags.digests ? IMAGE_LAYOUT_WITH_DIGESTS : IMAGE_LAYOUT;
  output.write(await formatRows(rows, planFormat(flags), layout));
  return 0;
}

/** As docker has it, also where JSON would have room for them. */
function needsDigests({ digests, format, quiet }: ImagesFlags): boolean {
  return !quiet && (digests || (format ?? "").includes("{{.Digest}}"));
}

/** As docker has it, `-q` changes the table and `raw`, and no template. */
function planFormat({ quiet, format }: ImagesFlags): string | undefined {
  if (quiet && (format ?? "table") === "table") return "{{.ID}}";
  return quiet && format === "raw" ? "image_id: {{.ID}}" : format;
}
