/** `wherry system recover`. @module */

import { recoverEngine, type Recovery } from "../../engine/recover.ts";
import { describeSweep } from "../../engine/sweep.ts";
import type { RECOVER_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILURE } from "../exit_code.ts";
import type { ParsedFlags } from "../flags.ts";

/** Removes what crashes left behind, and prints what that was. */
export async function run(
  { engine, output }: Context,
  _parsed: ParsedFlags<typeof RECOVER_FLAGS>,
): Promise<number> {
  const recovery = await recoverEngine(engine);
  for (const line of describeRecovery(recovery)) output.writeLine(line);
  const problems = describeSweep(recovery.containers);
  for (const problem of problems) output.warn(problem);
  return recovery.containers.failed.size > 0 ? EXIT_FAILURE : 0;
}

function describeRecovery({ containers, killed, images, cgroups }: Recovery): string[] {
  return [
    ...containers.ended.map((id) =>
      `Recorded the end of container ${id}, whose monitor was killed`
    ),
    ...killed.map((id) => `Killed what was left of container ${id}`),
    ...containers.removed.map((id) =>
      `Removed container ${id}, which nobody had finished or wanted`
    ),
    ...containers.runDirectories.map((id) => `Removed the run directory of container ${id}`),
    ...containers.names.map((name) => `Freed the name ${name}`),
    ...cgroups.map((path) => `Removed the cgroup ${path}`),
    ...describeCount(images.stagingCount, "unfinished imports or removals of images"),
    ...describeCount(images.blobCount, "blobs that no image needs"),
    ...describeCount(images.layerCount, "layers that no image or container needs"),
  ];
}

function describeCount(count: number, what: string): string[] {
  return count === 0 ? [] : [`Removed ${what}: ${count}`];
}
