/** `wherry image exists`, as podman has it. @module */

import { ImagePaths } from "../../image/image_paths.ts";
import { findImage } from "../../image/images.ts";
import type { IMAGE_EXISTS_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILURE } from "../exit_code.ts";
import type { ParsedFlags } from "../flags.ts";

/** Prints nothing; exits with 0 if there is such an image and 1 if not. */
export function run(
  { engine }: Context,
  { positionals: [name = ""] }: ParsedFlags<typeof IMAGE_EXISTS_FLAGS>,
): number {
  const image = findImage(new ImagePaths(engine.paths.root), name);
  return image === undefined ? EXIT_FAILURE : 0;
}
