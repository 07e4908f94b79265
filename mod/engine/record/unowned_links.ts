/** Ports of wherry's bridges that belong to no container. @module */

import { isPresent, listNames } from "../../kernel/entry.ts";
import { Links } from "../../kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../../kernel/netlink.ts";
import { findBridge } from "../../network/bridge.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import { isId } from "../../store/id.ts";
import type { Engine } from "../base/engine.ts";
import { readSandboxIfSound } from "./sandbox_reading.ts";
import { isLocked } from "../../store/lock.ts";

/** As `planEndpoint` in sandbox.ts names them. */
const HOST_LINK = /^wh[0-9a-f]{12}$/;

/**
 * Removes links of endpoints that no record tells of.
 *
 * While a container runs whose record is damaged nothing is removed: it may be that one's.
 *
 * @param except Id of a container whose own record does not count, and that does not run.
 * @returns Their names.
 */
export function removeUnownedLinks(
  engine: Engine,
  { except = "" }: { except?: string } = {},
): string[] {
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  const links = new Links(socket);
  const bridges = listNetworkRecords(engine.paths).networks
    .filter(({ driver }) => driver === "bridge")
    .flatMap((network) => findBridge(socket, network)?.index ?? []);
  const ports = links.list().filter(({ name, kind, masterIndex }) =>
    kind === "veth" && HOST_LINK.test(name) && bridges.includes(masterIndex)
  );
  if (ports.length === 0) return [];
  // After the links: each was written down before it was made
  const owned = listOwnedLinks(engine, except);
  if (owned === undefined) return [];
  return ports.map(({ name }) => name).filter((name) => !owned.has(name) && links.remove(name));
}

/** @returns `undefined` if that cannot be told. */
function listOwnedLinks(engine: Engine, except: string): Set<string> | undefined {
  const owned = new Set<string>();
  for (const id of listNames(engine.paths.runContainers)) {
    const { network, lock } = engine.paths.container(id);
    if (!isId(id) || id === except || !isPresent(network)) continue;
    const sandbox = readSandboxIfSound(engine, id);
    if (sandbox === undefined && isPresent(network) && isLocked(lock)) return undefined;
    for (const { hostLink } of sandbox?.endpoints ?? []) owned.add(hostLink);
  }
  return owned;
}
