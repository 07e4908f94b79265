/** `wherry commit`. @module */

import { commitContainer } from "../../engine/files/commit.ts";
import { Interruption } from "../../engine/base/interruption.ts";
import type { Context } from "../base/context.ts";
import type { COMMIT_FLAGS } from "../definitions/container_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Makes an image of a container and prints its id. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [wanted = "", reference] }: ParsedFlags<typeof COMMIT_FLAGS>,
): Promise<number> {
  const { author, message } = flags;
  using interruption = new Interruption(`commit container "${wanted}"`, "No image was made");
  const { id, skippedAttributes, unnameable } = await commitContainer(engine, wanted, {
    ...(reference === undefined ? {} : { reference }),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { message }),
    changes: flags.change,
    pauses: flags.pause,
    signal: interruption.signal,
  });
  for (const name of skippedAttributes) {
    output.warn(`the file system cannot store the extended attribute ${name}: it was left out`);
  }
  for (const path of unnameable) {
    output.warn(`no layer can hold a file called /${path}: it was left out`);
  }
  output.writeLine(id);
  return 0;
}
