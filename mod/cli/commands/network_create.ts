/** `wherry network create`. @module */

import { createNetwork } from "../../engine/network/create_network.ts";
import type { NETWORK_CREATE_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { planPools } from "../request/ipam_flags.ts";
import { parseNameValues } from "../base/name_values.ts";

/** Makes a network and prints its id. */
export function run(
  { engine, output }: Context,
  { flags, given, positionals: [name = ""] }: ParsedFlags<typeof NETWORK_CREATE_FLAGS>,
): number {
  const { id } = createNetwork(engine, {
    name,
    driver: flags.driver ?? "",
    ipamDriver: flags["ipam-driver"] ?? "",
    ipamOptions: parseNameValues(flags["ipam-opt"]),
    pools: planPools(flags),
    isInternal: flags.internal,
    isAttachable: flags.attachable,
    hasIpv4: flags.ipv4,
    ...(given.has("ipv6") ? { hasIpv6: flags.ipv6 } : {}),
    options: parseNameValues(flags.opt),
    labels: parseNameValues(flags.label),
  });
  output.writeLine(id);
  return 0;
}
