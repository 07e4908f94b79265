/** `wherry network ls`. @module */

import { listNetworks } from "../../engine/network/list_networks.ts";
import { parseNetworkFilter } from "../../engine/network/network_filter.ts";
import { listNetworkUsers } from "../../engine/network/network_users.ts";
import type { NETWORK_LS_FLAGS } from "../definitions/network_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { NETWORK_LAYOUT, networkRow } from "../listing/network_rows.ts";
import { formatRows } from "../listing/rows.ts";

/** Lists networks by name. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof NETWORK_LS_FLAGS>,
): Promise<number> {
  const isWanted = parseNetworkFilter(flags.filter);
  const { networks, warnings } = listNetworks(engine);
  for (const warning of warnings) output.warn(warning);
  const rows = networks
    .filter((network) =>
      isWanted({ network, isUsed: () => listNetworkUsers(engine, network).length > 0 })
    )
    .map((network) => networkRow(network, { isWhole: flags["no-trunc"] }));
  const format = flags.quiet && flags.format === undefined ? "{{.ID}}" : flags.format;
  output.write(await formatRows(rows, format, NETWORK_LAYOUT));
  return 0;
}
