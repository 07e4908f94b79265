/** `wherry volume import`. @module */

import { Interruption } from "../../engine/base/interruption.ts";
import { importVolume } from "../../engine/volume/volume_files.ts";
import type { Context } from "../base/context.ts";
import type { VOLUME_IMPORT_FLAGS } from "../definitions/volume_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { openInput } from "../base/input_file.ts";

/** Puts what is in a tar into a volume; prints nothing, as podman has it. */
export async function run(
  { engine, output }: Context,
  { positionals: [name = "", path = "-"] }: ParsedFlags<typeof VOLUME_IMPORT_FLAGS>,
): Promise<number> {
  using source = openInput(
    path,
    `Pipe a tar of it: tar -C ${path} -c . | wherry volume import ${name} -`,
  );
  const action = `import "${path}" into volume "${name}"`;
  using interruption = new Interruption(action, "The volume is as it was");
  const { signal } = interruption;
  const { skippedAttributes } = await importVolume(engine, name, { source, signal });
  for (const attribute of skippedAttributes) {
    output.warn(
      `the file system cannot store the extended attribute ${attribute}: it was left out`,
    );
  }
  return 0;
}
