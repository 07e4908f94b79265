/** `wherry network connect`. @module */

import { newEndpointRequest } from "../../container/record/config.ts";
import { connectContainer } from "../../engine/network/connect.ts";
import { argumentError } from "../base/argument_error.ts";
import type { NETWORK_CONNECT_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseNameValues } from "../base/name_values.ts";
import { checkAlias } from "../request/network_flags.ts";

/** Connects a container to a network; prints nothing, as docker does. */
export async function run(
  { engine }: Context,
  { flags, positionals: [network = "", container = ""] }: ParsedFlags<typeof NETWORK_CONNECT_FLAGS>,
): Promise<number> {
  if (flags.link.length > 0) {
    throw argumentError("Cannot use --link: links between containers are not supported", {
      hint: "Containers on a network find each other by name; give one another name with --alias",
    });
  }
  if (flags["link-local-ip"].length > 0) {
    throw argumentError("Cannot use --link-local-ip: the kernel gives link-local addresses itself");
  }
  await connectContainer(engine, container, {
    ...newEndpointRequest(network),
    aliases: flags.alias.map(checkAlias),
    ipv4: flags.ip ?? "",
    ipv6: flags.ip6 ?? "",
    driverOptions: parseNameValues(flags["driver-opt"]),
    gatewayPriority: flags["gw-priority"] ?? 0,
  });
  return 0;
}
