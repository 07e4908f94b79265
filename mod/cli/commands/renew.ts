/** `wherry __renew`, which monitors execute. @module */

import { Descriptor } from "../../../ffi/descriptor.ts";
import { renewLeases } from "../../engine/network/dhcp.ts";
import type { RENEW_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Where a monitor's program finds the container's network namespace; see `docs/monitor.md`. */
const NAMESPACE_FD = 8;

/** Renews the leases of a container that runs, as far as it is time; does nothing for any other. */
export async function run(
  { engine }: Context,
  { positionals }: ParsedFlags<typeof RENEW_FLAGS>,
): Promise<number> {
  using namespace = new Descriptor(NAMESPACE_FD);
  for (const id of positionals) await renewLeases(engine, id, namespace);
  return 0;
}
