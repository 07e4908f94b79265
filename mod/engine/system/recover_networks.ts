/** Bringing networks in order after crashes, and after others have been at wherry's files or links. @module */

import { WherryError } from "../../errors.ts";
import { listNames } from "../../kernel/entry.ts";
import { isolatePort, Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { removeTree } from "../../kernel/tree.ts";
import { AddressBook } from "../../network/address_book.ts";
import { findBridge, isBridgeReady, isOwnBridge } from "../../network/bridge.ts";
import { HostNetwork } from "../../network/host_network.ts";
import { listMembers } from "../../network/hosts_file.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../../network/network.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import type { BridgeState } from "../../network/table_state.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import { isId } from "../../store/id.ts";
import { isLocked } from "../../store/lock.ts";
import { readTextIfPresent } from "../../store/record.ts";
import type { Engine } from "../base/engine.ts";
import { tryLockContainer } from "../record/find.ts";
import { putDamagedAside } from "../network/list_networks.ts";
import { bringUp, lockEndpoints, takeDown } from "../network/networks.ts";
import { readSandboxIfSound } from "../record/sandbox_reading.ts";
import { listNetworkIds, releaseEverything } from "../record/sandbox_removal.ts";
import { removeUnownedLinks } from "../record/unowned_links.ts";

/** What {@linkcode recoverNetworks} did. */
export interface NetworkRecovery {
  /** Addresses that were taken by containers that do not exist or do not run. */
  addresses: string[];
  /** Ids of containers that others found by name, and that do not exist or do not run. */
  names: string[];
  /** Ids of containers that published ports, and that do not exist or do not run. */
  ports: string[];
  /** Names of links that no container has. */
  links: string[];
  /** Names of links of containers that run that had lost their bridge. */
  attached: string[];
  /** Ids of networks without a record of which something was left. */
  networks: string[];
  /** Whether wherry's table was missing, or somebody was interrupted in changing it. */
  isTableRenewed: boolean;
  /** What is wrong with records, one line each. */
  warnings: string[];
  /** What could not be done. */
  failures: unknown[];
}

/**
 * Removes what crashes left of networks, and repairs those that containers are on.
 *
 * Each part that fails is told of, and the others are done.
 */
export function recoverNetworks(engine: Engine): NetworkRecovery {
  const result: NetworkRecovery = {
    addresses: [],
    names: [],
    ports: [],
    links: [],
    attached: [],
    networks: [],
    isTableRenewed: false,
    warnings: [],
    failures: [],
  };
  if (listNames(engine.paths.hostNetwork.directory).length === 0) return result;
  const steps = [
    () => result.warnings.push(...putDamagedAside(engine)),
    () => result.isTableRenewed = ensureTable(engine),
    () => releaseForgotten(engine, result),
    () => removeUnknownNetworks(engine, result),
    () => repairNetworks(engine, result),
    () => result.links.push(...removeUnownedLinks(engine)),
    () => renewTable(engine),
  ];
  for (const step of steps) attempt(result, step);
  return result;
}

function attempt({ failures }: NetworkRecovery, step: () => void): void {
  try {
    step();
  } catch (error) {
    failures.push(error);
  }
}

function ensureTable({ paths }: Engine): boolean {
  using host = new HostNetwork(paths);
  return host.ensureTable();
}

/** Whatever somebody has changed in it. */
function renewTable({ paths }: Engine): void {
  using host = new HostNetwork(paths);
  host.renewTable();
}

/** What a container has by the books. */
interface Belongings {
  addresses: string[];
  hasName: boolean;
  hasPorts: boolean;
}

function releaseForgotten(engine: Engine, result: NetworkRecovery): void {
  for (const [owner, { addresses, hasName, hasPorts }] of listBelongings(engine)) {
    attempt(result, () => {
      if (!releaseIfGone(engine, owner)) return;
      result.addresses.push(...addresses);
      if (hasName) result.names.push(owner);
      if (hasPorts) result.ports.push(owner);
    });
  }
}

/** By the ids of containers. Foreign files among the addresses are removed. */
function listBelongings({ paths }: Engine): Map<string, Belongings> {
  const found = new Map<string, Belongings>();
  const of = (owner: string): Belongings => {
    const known = found.get(owner) ?? { addresses: [], hasName: false, hasPorts: false };
    found.set(owner, known);
    return known;
  };
  for (const networkId of listNetworkIds(paths)) {
    const { addresses, hosts } = paths.network(networkId);
    const book = new AddressBook(addresses);
    for (const address of book.listTaken()) {
      const owner = book.ownerOf(address);
      if (owner === undefined) book.removeForeign(address);
      else of(owner).addresses.push(address);
    }
    for (const member of listMembers(readTextIfPresent(hosts) ?? "")) of(member).hasName = true;
  }
  using host = new HostNetwork(paths);
  for (const owner of host.registry.keys()) of(owner).hasPorts = true;
  return found;
}

/** @returns False if the container runs, or somebody works on it. */
function releaseIfGone(engine: Engine, owner: string): boolean {
  const { lock: path, directory } = engine.paths.container(owner);
  if (isLocked(path)) return false;
  using lock = tryLockContainer(engine, owner);
  const exists = listNames(engine.paths.containers).includes(owner);
  if (lock === undefined && exists) return false;
  const failures = releaseEverything(engine, owner);
  if (failures.length === 0) return true;
  throw new AggregateError(failures, `Cannot undo the network of "${directory}"`);
}

/** Bridges and files of networks whose records are gone, and that no container is on. */
function removeUnknownNetworks(engine: Engine, result: NetworkRecovery): void {
  using host = new HostNetwork(engine.paths);
  const known = new Set(listNetworkRecords(engine.paths).networks.map(({ id }) => id));
  const used = new Set(
    listSandboxes(engine).flatMap(({ endpoints }) => endpoints.map(({ networkId }) => networkId)),
  );
  const ids = [...host.bridges.map(({ networkId }) => networkId), ...listNetworkIds(engine.paths)];
  for (const id of new Set(ids)) {
    if (known.has(id) || used.has(id)) continue;
    attempt(result, () => {
      const state = host.bridges.find(({ networkId }) => networkId === id);
      if (state !== undefined) removeUnknownBridge(host, state);
      removeTree(engine.paths.network(id).runDirectory);
      result.networks.push(id);
    });
  }
}

function removeUnknownBridge(host: HostNetwork, { networkId: id, bridge }: BridgeState): void {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const links = new Links(socket);
  const link = links.find(bridge);
  if (link !== undefined && isOwnBridge(link, { id })) links.remove(link.index);
  host.removeBridge(id);
}

/** Sandboxes of the containers that run. */
function listSandboxes(engine: Engine): Sandbox[] {
  return listNames(engine.paths.runContainers)
    .filter((id) => isId(id) && isLocked(engine.paths.container(id).lock))
    .flatMap((id) => readSandboxIfSound(engine, id) ?? []);
}

/** Bridges that are half made or gone: made whole if containers are on them, removed if none is. */
function repairNetworks(engine: Engine, result: NetworkRecovery): void {
  const sandboxes = listSandboxes(engine);
  for (const network of listNetworkRecords(engine.paths).networks) {
    if (network.driver !== "bridge") continue;
    attempt(result, () => {
      using _lock = lockEndpoints(engine, network);
      const ports = sandboxes.flatMap(({ endpoints }) =>
        endpoints.filter(({ networkId }) => networkId === network.id)
      ).map(({ hostLink }) => hostLink);
      repairNetwork(engine, network, { ports, result });
    });
  }
}

function repairNetwork(
  engine: Engine,
  network: NetworkConfig,
  { ports, result }: { ports: readonly string[]; result: NetworkRecovery },
): void {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  if (ports.length === 0) {
    if (!isBridgeReady(socket, network)) takeDownIfKnown(engine, network, socket);
    return;
  }
  bringUp(engine, network);
  const bridge = findBridge(socket, network);
  if (bridge === undefined) {
    throw new WherryError("internal", `Cannot find the bridge of network "${network.name}"`);
  }
  const links = new Links(socket);
  for (const name of ports) {
    const link = links.find(name);
    if (link === undefined || link.masterIndex === bridge.index) continue;
    links.setMaster(name, bridge.index);
    if (network.options[NETWORK_OPTION.ICC] === "false") socket.request(isolatePort(name));
    result.attached.push(name);
  }
}

function takeDownIfKnown(engine: Engine, network: NetworkConfig, socket: NetlinkSocket): void {
  if (findBridge(socket, network) !== undefined || isUpByRecord(engine, network)) {
    takeDown(engine, network);
  }
}

function isUpByRecord({ paths }: Engine, { id }: NetworkConfig): boolean {
  using host = new HostNetwork(paths);
  return host.bridges.some(({ networkId }) => networkId === id);
}
