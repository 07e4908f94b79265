/** Making networks. @module */

import { dockerError, WherryError } from "../../errors.ts";
import { parseCidr } from "../../kernel/ip.ts";
import { type Link, Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { bridgeNameOf, nameTaken } from "../../network/bridge.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../../network/network.ts";
import { missingFamilies, type NetworkRequest, planNetwork } from "../../network/network_plan.ts";
import {
  isPredefinedNetwork,
  listNetworkRecords,
  readNetwork,
  writeNetwork,
} from "../../network/network_store.ts";
import {
  blocksOfHost,
  blocksOfNetworks,
  checkSubnet,
  chooseSubnet,
  chooseUniqueLocalSubnet,
} from "../../network/subnet_pools.ts";
import { checkVlanId, parseVlanName } from "../../network/vlan.ts";
import { newId } from "../../store/id.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordNetworkEvent } from "../base/events.ts";
import { ensureDefaultNetwork, hostHasIpv6, lockNetworks, poolOf } from "./networks.ts";

/**
 * Makes a network: its record alone. Nothing of it is on the host until the first container is.
 *
 * @throws {WherryError} `already_exists` if the name is taken; `conflict` if a subnet overlaps with another network,
 * or with a route or an address of the host, or the bridge's name is taken; `not_found` if there is no such parent;
 * `invalid_argument` for what makes no sense.
 */
export function createNetwork(engine: Engine, request: NetworkRequest): NetworkConfig {
  const { paths } = engine;
  if (isPredefinedNetwork(request.name)) {
    throw dockerError(
      "conflict",
      `operation is not permitted on predefined ${request.name} network`,
    );
  }
  const identity = { id: newId(), createdAt: new Date().toISOString() };
  const plan = planNetwork(request, { ...identity, hostHasIpv6: hostHasIpv6() });
  engine.ensureDirectories();
  // So that nobody is given what the default network would have had
  ensureDefaultNetwork(engine);
  using _lock = lockNetworks(engine);
  if (readNetwork(paths, plan.name) !== undefined) throw nameInUse(plan.name);
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const { networks } = listNetworkRecords(paths);
  checkLinks(new Links(socket), plan, networks);
  const network = chooseMissingPools(socket, plan, networks);
  try {
    writeNetwork(paths, network);
  } catch (cause) {
    throw systemFailure(`make network "${network.name}"`, cause);
  }
  recordNetworkEvent(engine, { network, action: "create" });
  return network;
}

function nameInUse(name: string): WherryError {
  return dockerError("already_exists", `network with name ${name} already exists`, {
    hint: `Choose another name, or remove that one with "wherry network rm ${name}"`,
  });
}

/** Checks the subnets that were given, and chooses those that were not. */
function chooseMissingPools(
  socket: NetlinkSocket,
  plan: NetworkConfig,
  networks: readonly NetworkConfig[],
): NetworkConfig {
  const isBridge = plan.driver === "bridge";
  // A macvlan's subnet is its parent's, so that the host has a route to it
  const occupied = [...blocksOfNetworks(networks), ...(isBridge ? blocksOfHost(socket) : [])];
  for (const { subnet } of plan.pools) {
    const cidr = parseCidr(subnet);
    if (cidr !== undefined) checkSubnet(cidr, occupied);
  }
  const taken = [...occupied, ...blocksOfNetworks([plan])];
  const chosen = missingFamilies(plan).map((family) =>
    poolOf(
      family === 4
        ? chooseSubnet(taken, { isDefault: false })
        : chooseUniqueLocalSubnet(plan.id, taken),
    )
  );
  return { ...plan, pools: [...plan.pools, ...chosen] };
}

function checkLinks(links: Links, plan: NetworkConfig, networks: readonly NetworkConfig[]): void {
  if (plan.driver === "bridge") checkBridgeName(links, plan, networks);
  if (plan.driver === "macvlan" || plan.driver === "ipvlan") checkParent(links, plan);
}

function checkBridgeName(
  links: Links,
  plan: NetworkConfig,
  networks: readonly NetworkConfig[],
): void {
  const name = bridgeNameOf(plan);
  const other = networks.find((one) => one.driver === "bridge" && bridgeNameOf(one) === name);
  if (other !== undefined) {
    throw new WherryError(
      "conflict",
      `Cannot use the bridge name "${name}": network "${other.name}" has it`,
      { hint: `Choose another one with -o ${NETWORK_OPTION.BRIDGE_NAME}=NAME` },
    );
  }
  if (links.find(name) !== undefined) throw nameTaken(name, plan.name);
}

/** @throws {WherryError} If containers cannot be put on the parent. */
function checkParent(links: Links, { name, driver, options }: NetworkConfig): void {
  const wanted = options[NETWORK_OPTION.PARENT];
  if (wanted === undefined) {
    throw new WherryError(
      "invalid_argument",
      `Cannot make network "${name}": driver ${driver} needs a parent`,
      { hint: `Name a link of the host with -o parent=NAME${listParents(links)}` },
    );
  }
  const parent = links.find(wanted);
  if (parent === undefined) {
    if (canCarryVlan(links, wanted)) return;
    throw dockerError(
      "not_found",
      `-o parent interface was not found on the host: ${wanted}`,
      { hint: `Name a link of the host with -o parent=NAME${listParents(links)}` },
    );
  }
  const problem = describeUnfitness(links, parent);
  if (problem === undefined) return;
  throw new WherryError(
    "invalid_argument",
    `Cannot use "${wanted}" as the parent of ${driver} network "${name}": ${problem}`,
    { hint: "Name the link that leads to the LAN, or use driver bridge" },
  );
}

/** Whether a parent that is missing can be made when a container is started. */
function canCarryVlan(links: Links, wanted: string): boolean {
  const vlan = parseVlanName(wanted);
  if (vlan === undefined || vlan.base === "lo" || links.find(vlan.base) === undefined) return false;
  checkVlanId(vlan);
  return true;
}

function listParents(links: Links): string {
  const names = links.list().filter((link) => describeUnfitness(links, link) === undefined)
    .map(({ name }) => name);
  return names.length === 0 ? "" : `, one of ${names.join(", ")}`;
}

/** Why a link cannot be a parent, if it cannot. */
function describeUnfitness(links: Links, { name, kind, masterIndex }: Link): string | undefined {
  if (name === "lo") return "it is the loopback interface";
  if (kind === "bridge") return "it is a bridge";
  if (masterIndex !== 0) return `it is a port of "${links.get(masterIndex).name}"`;
  return undefined;
}
