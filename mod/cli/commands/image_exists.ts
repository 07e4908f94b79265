/** `wherry image exists`, as podman has it. @module */

import { WherryError } from "../../errors.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { findImage } from "../../image/store/images.ts";
import type { IMAGE_EXISTS_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import { EXIT_ENGINE_FAILURE, EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Prints nothing; exits with 0 if there is such an image, 1 if not, and 125 if that cannot be told. */
export function run(
  { engine }: Context,
  { positionals: [name = ""] }: ParsedFlags<typeof IMAGE_EXISTS_FLAGS>,
): number {
  try {
    const image = findImage(new ImagePaths(engine.paths.root), name);
    return image === undefined ? EXIT_FAILURE : 0;
  } catch (error) {
    // Not knowing is another answer than no
    throw error instanceof WherryError ? error.withExitCode(EXIT_ENGINE_FAILURE) : error;
  }
}
