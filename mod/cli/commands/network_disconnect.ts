/** `wherry network disconnect`. @module */

import { disconnectContainer } from "../../engine/network/disconnect.ts";
import type { NETWORK_DISCONNECT_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Disconnects a container from a network; prints nothing, as docker does. */
export async function run(
  { engine }: Context,
  { flags, positionals: [network = "", container = ""] }: ParsedFlags<
    typeof NETWORK_DISCONNECT_FLAGS
  >,
): Promise<number> {
  await disconnectContainer(engine, container, { network, isForced: flags.force });
  return 0;
}
