/** `wherry kill`. @module */

import { signalContainer } from "../../engine/lifecycle/stop.ts";
import type { KILL_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseSignalFlag } from "../request/signal_flag.ts";

/** Sends each container a signal and prints what it was called by. */
export function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof KILL_FLAGS>,
): Promise<number> {
  const signal = parseSignalFlag(flags.signal ?? "KILL");
  return forEachName(context, positionals, async (name) => {
    await signalContainer(context.engine, name, signal);
    return name;
  });
}
