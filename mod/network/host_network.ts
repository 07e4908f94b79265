/**
 * What wherry keeps in the host's kernel for all of its networks together: one table of nf_tables, forwarding, and the
 * files that say what they should be. See `docs/network.md`.
 *
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { WherryError } from "../errors.ts";
import { type IpFamily, parseCidr } from "../kernel/ip.ts";
import { NETLINK, NetlinkError, type NetlinkRequest, NetlinkSocket } from "../kernel/netlink.ts";
import { commitBatch, encodeBatch, removeTable } from "../kernel/nftables.ts";
import { findTable, listChains } from "../kernel/nftables_listing.ts";
import { acquireLock } from "../store/lock.ts";
import type { HostNetworkPaths, Paths } from "../store/paths.ts";
import { readTextIfPresent, removeIfPresent, replaceFile, writeRecord } from "../store/record.ts";
import {
  forwardedFamilies,
  isForwardingNeededByOthers,
  prepareBridge,
  putForwardingBack,
  rememberForwarding,
  switchForwardingOn,
} from "./forwarding.ts";
import {
  type BridgeRecord,
  type HostState,
  readHostState,
  rewriteHostState,
} from "./host_state.ts";
import {
  allPorts,
  comparePorts,
  findPortConflict,
  formatHostPorts,
  type PortRegistry,
  withoutPorts,
  withPorts,
  writePortRegistry,
} from "./port_registry.ts";
import { planPortChange } from "./port_maps.ts";
import { planReplacement, planTable } from "./ruleset.ts";
import {
  type BridgeState,
  type ResolverRedirect,
  tableNameOf,
  tableOf,
  type TableState,
} from "./table_state.ts";
import type { PortMapping } from "./sandbox.ts";

/**
 * The host's part of all networks, for as long as `network/lock` is held.
 *
 * Each change is whole: when it throws, kernel and files are as before; when the process is killed in the middle, the
 * next one that looks puts the kernel right.
 */
export class HostNetwork implements Disposable {
  readonly #enginePaths: Paths;
  readonly #paths: HostNetworkPaths;
  readonly #tableName: string;
  readonly #lock: Descriptor;
  #socket: NetlinkSocket | undefined;
  #state: HostState | undefined;

  /** Takes the lock, waiting for whoever has it; must not be called by who has it already. */
  constructor(paths: Paths) {
    this.#enginePaths = paths;
    this.#paths = paths.hostNetwork;
    this.#tableName = tableNameOf(paths.runRoot);
    Deno.mkdirSync(this.#paths.directory, { recursive: true, mode: 0o700 });
    this.#lock = acquireLock(this.#paths.lock);
  }

  /** Lets go of the lock. */
  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  get #nftables(): NetlinkSocket {
    return this.#socket ??= new NetlinkSocket(NETLINK.NETFILTER);
  }

  get #known(): HostState {
    return this.#state ??= this.#read();
  }

  /** A record that was lost is made anew, and the table with it. */
  #read(): HostState {
    const { isRepaired, ...state } = readHostState(this.#enginePaths);
    if (!isRepaired) return state;
    writeEmpty(this.#paths.dirty);
    rewriteHostState(this.#enginePaths, state);
    return state;
  }

  /** Networks that are up. */
  get bridges(): readonly BridgeState[] {
    return this.#known.up.bridges;
  }

  /** Who has published what. */
  get registry(): PortRegistry {
    return this.#known.registry;
  }

  /**
   * Takes in a network whose bridge has just been made and is still down, or one that has changed.
   *
   * @param resolvers Name servers of the host that are to be reachable through this bridge. @default {none}
   * @throws {SystemError} If the kernel refuses.
   */
  addBridge(bridge: BridgeState, resolvers: readonly ResolverRedirect[] = []): void {
    const up = without(this.#known.up, bridge.networkId);
    const bridges = [...up.bridges, bridge];
    const names = bridges.map((each) => each.bridge);
    rememberForwarding(this.#paths.sysctls, forwardedBy([bridge]), names);
    this.#replaceTable({
      ...this.#known,
      up: { schema: 1, bridges, resolvers: [...up.resolvers, ...resolvers] },
    });
    // Only now: the table keeps out what these let in
    switchForwardingOn(this.#paths.sysctls);
    prepareBridge(bridge.bridge);
  }

  /** Forgets a network, before or after its bridge is removed; one that is not known is fine. */
  removeBridge(networkId: string): void {
    const up = without(this.#known.up, networkId);
    const needed = forwardedBy(up.bridges);
    // Before the table, which keeps apart what is forwarded
    if (!isForwardingNeededByOthers(listChains(this.#nftables), tableOf(this.#tableName))) {
      putForwardingBack(this.#paths.sysctls, needed);
    }
    const next = { ...this.#known, up };
    if (up.bridges.length > 0) this.#replaceTable(next);
    else this.#removeTable(next);
  }

  /**
   * Publishes ports of a container, besides those that it has published already.
   *
   * @param owner Id of the container.
   * @param mappings Addresses in canonical form.
   * @throws {WherryError} `conflict` if one of them is taken by another container, or twice among them.
   */
  publishPorts(owner: string, mappings: readonly PortMapping[]): void {
    if (mappings.length === 0) return;
    const { registry } = this.#known;
    refuseConflict(registry, mappings);
    this.#changePorts(withPorts(registry, owner, mappings), { added: mappings, removed: [] });
  }

  /**
   * Takes back ports of a container; what is not published is fine.
   *
   * @param owner Id of the container.
   * @param mappings As they were published. @default {all of the container}
   */
  unpublishPorts(
    owner: string,
    mappings: readonly PortMapping[] = this.registry.get(owner) ?? [],
  ): void {
    const { registry } = this.#known;
    const changed = withoutPorts(registry, owner, mappings);
    const left = new Set(changed.get(owner));
    const removed = (registry.get(owner) ?? []).filter((mapping) => !left.has(mapping));
    if (removed.length > 0) this.#changePorts(changed, { added: [], removed });
  }

  /**
   * Publishes these ports of a container and no others, in one transaction.
   *
   * @param owner Id of the container.
   * @param mappings Addresses in canonical form.
   * @throws {WherryError} `conflict` if one of them is taken by another container, or twice among them.
   */
  replacePorts(owner: string, mappings: readonly PortMapping[]): void {
    const { registry } = this.#known;
    const before = registry.get(owner) ?? [];
    const others = withoutPorts(registry, owner, before);
    refuseConflict(others, mappings);
    const change = comparePorts(before, mappings);
    if (change.added.length + change.removed.length === 0) return;
    this.#changePorts(mappings.length === 0 ? others : withPorts(others, owner, mappings), change);
  }

  /**
   * Makes the table what the files say if it is missing, or if somebody was interrupted in changing it.
   *
   * @returns Whether it was not, as far as that can be told without reading all of it.
   */
  ensureTable(): boolean {
    const isNeeded = this.bridges.length > 0;
    const isThere = findTable(this.#nftables, tableOf(this.#tableName)) !== undefined;
    const isKept = exists(this.#paths.ruleset) === isNeeded;
    if (isNeeded === isThere && isKept && !this.#isDirty()) return false;
    this.renewTable();
    return true;
  }

  /** Makes the table what the files say, whatever is there. */
  renewTable(): void {
    if (this.bridges.length > 0) this.#replaceTable(this.#known);
    else this.#removeTable(this.#known);
  }

  #isDirty(): boolean {
    return exists(this.#paths.dirty);
  }

  #tableState({ up, registry }: HostState): TableState {
    return {
      tableName: this.#tableName,
      bridges: up.bridges,
      ports: allPorts(registry),
      resolvers: up.resolvers,
      dropsOtherForwards: forwardedFamilies(this.#paths.sysctls),
    };
  }

  #replaceTable(next: HostState): void {
    const state = this.#tableState(next);
    this.#change(next, state, () => commitBatch(this.#nftables, planReplacement(state)));
  }

  #changePorts(
    registry: PortRegistry,
    change: { added: readonly PortMapping[]; removed: readonly PortMapping[] },
  ): void {
    const next = { ...this.#known, registry };
    const state = this.#tableState(next);
    const isSuspect = this.#isDirty();
    this.#change(next, state, () => {
      const requests = planPortChange(this.#tableName, change);
      if (isSuspect || !this.#tryCommit(requests)) {
        commitBatch(this.#nftables, planReplacement(state));
      }
    });
  }

  /** @returns False if the table is not what the files say: somebody else has changed it. */
  #tryCommit(requests: readonly NetlinkRequest[]): boolean {
    try {
      commitBatch(this.#nftables, requests);
      return true;
    } catch (error) {
      const isSurprise = error instanceof NetlinkError && ["EEXIST", "ENOENT"].includes(error.code);
      if (isSurprise) return false;
      throw error;
    }
  }

  /** Changes files and kernel, or neither. */
  #change(next: HostState, state: TableState, commit: () => void): void {
    const before = this.#known;
    writeEmpty(this.#paths.dirty);
    try {
      this.#writeFiles(before, next);
      replaceFile(this.#paths.ruleset, encodeBatch(planTable(state)), { isDurable: false });
      commit();
    } catch (error) {
      // The file `dirty` stays: the kernel has done nothing, but `ruleset` is of what should have been
      this.#writeFiles(next, before);
      throw error;
    }
    this.#state = next;
    removeIfPresent(this.#paths.dirty);
  }

  #writeFiles(before: HostState, next: HostState): void {
    if (next.up !== before.up) writeRecord(this.#paths.bridges, next.up, { isDurable: false });
    if (next.registry !== before.registry) writePortRegistry(this.#paths.ports, next.registry);
  }

  /** The last network is gone. */
  #removeTable(next: HostState): void {
    const table = tableOf(this.#tableName);
    writeEmpty(this.#paths.dirty);
    this.#writeFiles(this.#known, next);
    // Before the table, so that no monitor makes it anew
    removeIfPresent(this.#paths.ruleset);
    if (findTable(this.#nftables, table) !== undefined) {
      commitBatch(this.#nftables, [removeTable(table)]);
    }
    this.#state = next;
    removeIfPresent(this.#paths.dirty);
  }
}

function without({ bridges, resolvers }: BridgeRecord, networkId: string): BridgeRecord {
  const gone = bridges.find((bridge) => bridge.networkId === networkId)?.bridge;
  return {
    schema: 1,
    bridges: bridges.filter((bridge) => bridge.networkId !== networkId),
    resolvers: resolvers.filter(({ bridge }) => bridge !== gone),
  };
}

/** Families of which these networks need packets to be forwarded. */
function forwardedBy(bridges: readonly BridgeState[]): IpFamily[] {
  const families = bridges.filter(({ isInternal }) => !isInternal)
    .flatMap(({ subnets }) => subnets.map((subnet) => parseCidr(subnet)?.family ?? 4));
  return [...new Set(families)];
}

function refuseConflict(registry: PortRegistry, mappings: readonly PortMapping[]): void {
  const conflict = findPortConflict(registry, mappings);
  if (conflict === undefined) return;
  const { owner, taken, wanted } = conflict;
  const by = owner === "" ? "it is asked for twice" : `the container "${owner}" has published it`;
  throw new WherryError(
    "conflict",
    `Cannot publish ${formatHostPorts(wanted)}: ${by} as ${formatHostPorts(taken)}`,
  );
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function writeEmpty(path: string): void {
  Deno.writeTextFileSync(path, "", { mode: 0o600 });
}

/**
 * Makes sure that wherry's table is there and knows a network that is up: another program may have removed it, or an
 * earlier command may have been killed. Costs 0.1 ms when there is nothing to do, and takes no lock then.
 *
 * @param networkId Of the network. @default {none in particular}
 * @returns False if the network is not known, so that it must be brought up again.
 * @throws {SystemError} If the kernel refuses.
 */
export function ensureTable(paths: Paths, networkId = ""): boolean {
  const { dirty, ruleset, bridges } = paths.hostNetwork;
  const isKnown = networkId === "" || isNamedIn(bridges, networkId);
  const isSound = isKnown && !exists(dirty) && exists(ruleset);
  if (isSound && isTableThere(paths)) return true;
  using host = new HostNetwork(paths);
  host.ensureTable();
  return host.bridges.some((bridge) => bridge.networkId === networkId);
}

/** A cheap first look at a record, which may be damaged. */
function isNamedIn(bridges: string, networkId: string): boolean {
  try {
    return (readTextIfPresent(bridges) ?? "").includes(`"${networkId}"`);
  } catch (error) {
    if (error instanceof WherryError && error.kind === "corrupt") return false;
    throw error;
  }
}

function isTableThere(paths: Paths): boolean {
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  return findTable(socket, tableOf(tableNameOf(paths.runRoot))) !== undefined;
}

/**
 * Publishes ports of a container: see {@linkcode HostNetwork.publishPorts}.
 *
 * @param owner Id of the container.
 */
export function publishPorts(paths: Paths, owner: string, mappings: readonly PortMapping[]): void {
  using host = new HostNetwork(paths);
  host.publishPorts(owner, mappings);
}

/**
 * Takes back all ports of a container; having none is fine.
 *
 * @param owner Id of the container.
 */
export function unpublishPorts(paths: Paths, owner: string): void {
  using host = new HostNetwork(paths);
  host.unpublishPorts(owner);
}
