/** `wherry boot`. @module */

import {
  bootContainer,
  type BootPlan,
  planBoot,
  planShutdown,
} from "../../engine/lifecycle/boot.ts";
import { stopContainer } from "../../engine/lifecycle/stop.ts";
import type { BOOT_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Starts what should run, or stops what does; prints the ids. */
export function run(
  context: Context,
  { flags }: ParsedFlags<typeof BOOT_FLAGS>,
): Promise<number> {
  return flags.stop ? stopAll(context) : startAll(context);
}

function startAll(context: Context): Promise<number> {
  const ids = warned(context, planBoot(context.engine));
  return forEachName(
    context,
    ids,
    async (id) => await bootContainer(context.engine, id) ? id : undefined,
  );
}

/** All at once, so that the host need not wait for one slow container after the other. */
async function stopAll(context: Context): Promise<number> {
  const ids = warned(context, planShutdown(context.engine));
  const codes = await Promise.all(ids.map((id) =>
    forEachName(context, [id], async () => {
      await stopContainer(context.engine, id, { isForHost: true });
      return id;
    })
  ));
  return codes.includes(EXIT_FAILURE) ? EXIT_FAILURE : 0;
}

function warned({ output }: Context, { ids, warnings }: BootPlan): string[] {
  for (const warning of warnings) output.warn(warning);
  return ids;
}
