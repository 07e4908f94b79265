/** What decides what is in wherry's table, and how the table is called. @module */

import type { NftTable } from "../kernel/nftables_wire.ts";
import type { PortMapping } from "./sandbox.ts";

/** What the table must know about a network that is up. */
export interface BridgeState {
  /** Id of the network. */
  networkId: string;
  /** Name of its bridge. */
  bridge: string;
  /** Its subnets in canonical form, at most one for each family, for example `10.210.0.0/16`. */
  subnets: string[];
  /** Whether nothing outside is reachable from it. */
  isInternal: boolean;
  /** Whether its containers do not reach each other. */
  isIsolated: boolean;
  /** Whether what leaves it for another network gets the host's address. */
  masquerades: boolean;
}

/** A name server of the host that only listens on a loopback address, made reachable for the containers of one bridge. */
export interface ResolverRedirect {
  /** Name of the bridge. */
  bridge: string;
  /** Address of the bridge at which containers ask, on port 53. */
  gateway: string;
  /** Address at which the server listens, on port 53, of the same family. */
  address: string;
}

/** Everything that decides what is in the table. */
export interface TableState {
  /** Name of the table, see {@linkcode tableNameOf}. */
  tableName: string;
  /** Networks that are up. */
  bridges: readonly BridgeState[];
  /** All that is published, without conflicts. */
  ports: readonly PortMapping[];
  /** Name servers that are made reachable. */
  resolvers: readonly ResolverRedirect[];
  /**
   * Families of which packets that have nothing to do with any bridge are not forwarded, because forwarding is on for
   * wherry alone.
   */
  dropsOtherForwards: readonly (4 | 6)[];
}

const DEFAULT_RUN_ROOT = "/run/wherry";
const DEFAULT_TABLE = "wherry";

/**
 * Name of the table that belongs to a run root: `wherry` for the default one, `wherry-` and 8 hexadecimal digits for
 * others.
 */
export function tableNameOf(runRoot: string): string {
  if (runRoot === DEFAULT_RUN_ROOT) return DEFAULT_TABLE;
  return `${DEFAULT_TABLE}-${hash32(runRoot).toString(16).padStart(8, "0")}`;
}

/** FNV-1a: short, the same for ever, and no module to load. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

/** The table's family and name. */
export function tableOf(tableName: string): NftTable {
  return { family: "inet", name: tableName };
}
