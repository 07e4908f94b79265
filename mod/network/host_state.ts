/**
 * What the records say of the host's network: networks that are up, and published ports.
 *
 * A record that is missing or damaged is made anew from what it tells of: the bridges that are on the host, and the
 * sandboxes of containers.
 *
 * @module
 */

import { WherryError } from "../errors.ts";
import { listNames } from "../kernel/entry.ts";
import { parseCidr } from "../kernel/ip.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { removeTree } from "../kernel/tree.ts";
import { isId } from "../store/id.ts";
import type { Paths } from "../store/paths.ts";
import { readRecord, readTextIfPresent, writeRecord } from "../store/record.ts";
import { isBridgeReady } from "./bridge.ts";
import { bridgeStateOf, resolversOf } from "./bridge_state.ts";
import { listNetworkRecords } from "./network_store.ts";
import { type PortRegistry, readPortRegistry, writePortRegistry } from "./port_registry.ts";
import type { BridgeState, ResolverRedirect } from "./table_state.ts";
import type { PortMapping } from "./sandbox.ts";
import { readSandbox } from "./sandbox_record.ts";

/** What `bridges` has. */
export interface BridgeRecord {
  /** Version of this record's shape. */
  schema: 1;
  /** Networks that are up. */
  bridges: readonly BridgeState[];
  /** Name servers that are made reachable on them. */
  resolvers: readonly ResolverRedirect[];
}

/** Everything that the records say. */
export interface HostState {
  up: BridgeRecord;
  registry: PortRegistry;
}

/** The records as they were found. */
export interface FoundState extends HostState {
  /** Whether one was not what it should have been, so that the table may be anything. */
  isRepaired: boolean;
}

/**
 * Reads the records. The caller holds `network/lock`.
 *
 * @returns What they say; of one that was lost, what it should have said, and it does by now.
 */
export function readHostState(paths: Paths): FoundState {
  const { bridges, ports } = paths.hostNetwork;
  const up = readIfSound(() => readRecord(bridges, parseBridges));
  const isWritten = (readTextIfSound(ports) ?? "") !== "";
  const registry = isWritten ? readIfSound(() => readPortRegistry(ports)) : undefined;
  const state = { up: up ?? findBridges(paths), registry: registry ?? findPorts(paths) };
  const hasLostBridges = up === undefined && state.up.bridges.length > 0;
  const hasLostPorts = registry === undefined && state.registry.size > 0;
  return { ...state, isRepaired: hasLostBridges || hasLostPorts };
}

/** Puts what was found in the place of a record that was lost, whatever stands there. */
export function rewriteHostState(
  { hostNetwork: { bridges, ports } }: Paths,
  state: HostState,
): void {
  for (const path of [bridges, ports]) removeTree(path);
  writeRecord(bridges, state.up, { isDurable: false });
  writePortRegistry(ports, state.registry);
}

function readTextIfSound(path: string): string | undefined {
  return readIfSound(() => readTextIfPresent(path));
}

/** A damaged record is as good as none. */
function readIfSound<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return undefined;
    throw error;
  }
}

function findBridges(paths: Paths): BridgeRecord {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const networks = listNetworkRecords(paths).networks
    .filter((network) => network.driver === "bridge" && isBridgeReady(socket, network));
  return {
    schema: 1,
    bridges: networks.map(bridgeStateOf),
    resolvers: networks.flatMap(resolversOf),
  };
}

/** What has ended by now is taken back by who tidies up after it. */
function findPorts(paths: Paths): PortRegistry {
  const registry = new Map<string, readonly PortMapping[]>();
  for (const id of listNames(paths.runContainers).filter(isId)) {
    const ports = readIfSound(() => readSandbox(paths.container(id).network))?.ports ?? [];
    if (ports.length > 0) registry.set(id, ports);
  }
  return registry;
}

function parseBridges(json: unknown): BridgeRecord {
  const { schema, bridges, resolvers } = (json ?? {}) as Partial<BridgeRecord>;
  const isSound = schema === 1 && Array.isArray(bridges) && Array.isArray(resolvers) &&
    bridges.every(isBridgeState);
  if (isSound) return { schema, bridges, resolvers };
  throw new WherryError(
    "corrupt",
    "Cannot read the networks that are up: their shape is not known",
  );
}

function isBridgeState(value: Partial<BridgeState> | null): boolean {
  const { networkId, bridge, subnets } = value ?? {};
  return typeof networkId === "string" && typeof bridge === "string" && Array.isArray(subnets) &&
    subnets.every((subnet) => parseCidr(String(subnet)) !== undefined);
}
