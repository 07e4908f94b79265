/** Making and undoing a container's sandbox: its network namespace with all its endpoints. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import type { ContainerConfig, EndpointRequest } from "../../container/record/config.ts";
import type { NetworkPlace } from "../../container/launch/launch_input.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { WherryError } from "../../errors.ts";
import { createNetNamespace, openNetNamespace } from "../../kernel/net_namespace.ts";
import {
  attachEndpoint,
  type AttachRequest,
  detachEndpoint,
  SandboxSockets,
} from "../../network/endpoint.ts";
import { NetlinkError } from "../../kernel/netlink.ts";
import { AddressPool } from "../../network/ipam.ts";
import type { IpamPool, NetworkConfig } from "../../network/network.ts";
import type { Endpoint, EndpointAddress, Sandbox } from "../../network/sandbox.ts";
import { writeSandbox } from "../../network/sandbox_record.ts";
import { newId, shortId } from "../../store/id.ts";
import { isLocked } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { defaultRouteIndex } from "./default_route.ts";
import { recordEndpointEvent } from "../record/endpoint_events.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { findContainer, readContainer } from "../record/find.ts";
import { joinNames, writeHostEtcFiles, writeSandboxEtcFiles } from "../record/names.ts";
import { loadDhcp } from "./network_support.ts";
import { bringUp, findNetwork, lockEndpoints } from "./networks.ts";
import { delay } from "../base/polling.ts";
import { portsToPublish, publishContainerPorts } from "./ports.ts";
import { tearDownSandbox } from "../record/sandbox_removal.ts";

/** Where a container's processes find their network. */
export interface SandboxSetup extends Disposable {
  /** `sandbox` and `joined` are those with a `namespace`, and `new` of a container that has ids of its own. */
  place: NetworkPlace;
  /** Its own or another container's namespace, for the monitor. */
  namespace: Descriptor | undefined;
  /** What is in its own. */
  sandbox: Sandbox | undefined;
}

/**
 * Makes the network that a container asks for.
 *
 * @param config Of a container whose lock the caller holds, and of whose last run nothing is left.
 * @param own A namespace that is to be its network if it is to have one of its own; taken over.
 * @returns Dispose of it once the monitor has the namespace.
 * @throws {WherryError} If a network is missing, an address or a port is taken; nothing is left then.
 */
export async function setUpSandbox(
  engine: Engine,
  config: ContainerConfig,
  own?: Descriptor,
): Promise<SandboxSetup> {
  try {
    return await setUp(engine, config, own);
  } catch (cause) {
    throw systemFailure(`set up the network of container "${config.name}"`, cause);
  }
}

async function setUp(
  engine: Engine,
  config: ContainerConfig,
  own: Descriptor | undefined,
): Promise<SandboxSetup> {
  const place = networkPlaceOf(engine, config);
  if (place === "sandbox") return await makeSandbox(engine, config, own);
  writeHostEtcFiles(engine.paths, config, place);
  if (place === "new") return setup(place, own);
  if (place === "host") return setup(place);
  return setup(place, await openNamespaceOf(engine, config.networkMode.slice(CONTAINER.length)));
}

const CONTAINER = "container:";

/** Where the processes of a container find their network; networks of the drivers `host` and `none` count as those. */
export function networkPlaceOf(
  engine: Engine,
  { networkMode, endpoints }: ContainerConfig,
): NetworkPlace {
  if (networkMode.startsWith(CONTAINER)) return "joined";
  if (networkMode === "host") return "host";
  if (networkMode === "none") return "new";
  const drivers = endpoints.map(({ network }) => findNetwork(engine, network).driver);
  if (drivers.includes("host")) return "host";
  // One that was disconnected from all of its networks may be connected again
  if (drivers.length === 0) return "sandbox";
  return drivers.every((driver) => driver === "none") ? "new" : "sandbox";
}

function setup(
  place: NetworkPlace,
  namespace?: Descriptor,
  sandbox?: Sandbox,
): SandboxSetup {
  return { place, namespace, sandbox, [Symbol.dispose]: () => namespace?.[Symbol.dispose]() };
}

async function makeSandbox(
  engine: Engine,
  config: ContainerConfig,
  own: Descriptor | undefined,
): Promise<SandboxSetup> {
  const networks = config.endpoints.map(({ network }) => findNetwork(engine, network));
  const { network: path } = engine.paths.container(config.id);
  const sandbox: Sandbox = {
    schema: 1,
    endpoints: config.endpoints.map((request, index) =>
      planEndpoint(config, request, { network: networks[index], index })
    ),
    ports: [],
  };
  using undo = new DisposableStack();
  undo.defer(() => tearDownSandbox(engine, config.id, { isQuiet: true }));
  // Before anything is done: whoever finds this undoes what came of it
  writeSandbox(path, sandbox);
  const namespace = undo.use(own ?? createNetNamespace());
  using sockets = new SandboxSockets(namespace);
  sockets.inside.setUp("lo");
  const first = defaultRouteIndex(config.endpoints, networks);
  for (const [index, endpoint] of sandbox.endpoints.entries()) {
    const [network, request] = [networks[index], config.endpoints[index]];
    if (network === undefined) continue;
    const plan = { config, request, network, endpoint, hasDefaultRoute: index === first };
    await attachPatiently(sockets, { ...plan, bridge: prepareNetwork(engine, plan) });
    if (network.ipamDriver !== "dhcp") continue;
    const { leaseAddress } = await loadDhcp();
    await leaseAddress(engine, {
      ...plan,
      config,
      sockets,
      record: () => writeSandbox(path, sandbox),
    });
  }
  writeSandbox(path, sandbox);
  const ports = portsToPublish(config);
  await publishContainerPorts(engine, { config, sandbox, networks, ports }, (mappings) => {
    sandbox.ports = mappings;
    writeSandbox(path, sandbox);
  });
  writeSandboxEtcFiles(engine.paths, config, { sandbox, networks });
  joinNames(engine.paths, config.id, sandbox.endpoints);
  for (const endpoint of sandbox.endpoints) {
    recordEndpointEvent(engine, { action: "connect", container: config.id, endpoint });
  }
  undo.move();
  return setup("sandbox", namespace, sandbox);
}

const EADDRINUSE = 98;
/** Longer than the kernel takes to forget a namespace, on a host that has not many others to forget. */
const PATIENCE_MS = 5_000;
/** The same on any host, for an address that nobody else can have. */
const OWN_PATIENCE_MS = 60_000;
const PAUSE_MS = 20;

/**
 * Makes an endpoint's link. A macvlan of the container's last run may still be there with the same hardware address:
 * it goes with its namespace, and the kernel takes its time.
 */
async function attachPatiently(
  sockets: SandboxSockets,
  request: AttachRequest & Pick<EndpointPlan, "request">,
): Promise<void> {
  const isChosen = request.request !== undefined && request.request.macAddress !== "";
  for (const deadline = Date.now() + (isChosen ? PATIENCE_MS : OWN_PATIENCE_MS);;) {
    try {
      return attachEndpoint(sockets, request);
    } catch (error) {
      const isTaken = error instanceof NetlinkError && error.errno === EADDRINUSE;
      if (!isTaken) throw error;
      if (Date.now() > deadline) throw macAddressTaken(request, error);
    }
    detachEndpoint(sockets, request.endpoint);
    await delay(PAUSE_MS);
  }
}

function macAddressTaken(
  { network, endpoint: { macAddress } }: AttachRequest,
  cause: unknown,
): WherryError {
  return new WherryError(
    "conflict",
    `Cannot use the hardware address "${macAddress}" on network "${network.name}": it is taken`,
    { cause, hint: "Another container on the same parent has it: choose another --mac-address" },
  );
}

/** What an endpoint is made of. */
export interface EndpointPlan extends Omit<AttachRequest, "bridge"> {
  /** Of its container. */
  config: Pick<ContainerConfig, "id">;
  /** What was asked for. */
  request: EndpointRequest | undefined;
}

/**
 * Makes an endpoint: takes its addresses, which are written into it, and makes its link.
 *
 * The record that names the endpoint is there already, so that it is undone whatever happens.
 */
export function makeEndpoint(
  engine: Engine,
  sockets: SandboxSockets,
  { config, request, ...plan }: EndpointPlan,
): void {
  attachEndpoint(sockets, {
    ...plan,
    bridge: prepareNetwork(engine, { config, request, ...plan }),
  });
}

/**
 * Takes addresses, and has the network on the host. As long as this holds the lock, nobody takes the network down, and
 * afterwards the record that names it is seen.
 *
 * @returns Name of its bridge.
 */
function prepareNetwork(
  engine: Engine,
  { config, request, network, endpoint }: Omit<EndpointPlan, "hasDefaultRoute">,
): string {
  using _lock = lockEndpoints(engine, network);
  takeAddresses(engine, config, request, network, endpoint);
  return bringUp(engine, network);
}

/**
 * Everything of an endpoint but its addresses, which are taken later.
 *
 * @param index Number of its link inside: 0 for `eth0`.
 */
export function planEndpoint(
  config: Pick<ContainerConfig, "id" | "name">,
  request: EndpointRequest,
  { network, index }: { network: NetworkConfig | undefined; index: number },
): Endpoint {
  const id = newId();
  return {
    id,
    networkId: network?.id ?? "",
    networkName: network?.name ?? request.network,
    hostLink: network?.driver === "bridge" ? `wh${shortId(id)}` : "",
    link: `eth${index}`,
    macAddress: request.macAddress,
    names: namesOf(config, request),
  };
}

/** Names by which others on a network find a container, its own first. */
export function namesOf(
  { id, name }: Pick<ContainerConfig, "id" | "name">,
  { aliases }: Pick<EndpointRequest, "aliases">,
): string[] {
  return [...new Set([name, shortId(id), ...aliases])];
}

/** Takes addresses for an endpoint and writes them into it. */
function takeAddresses(
  engine: Engine,
  { id }: Pick<ContainerConfig, "id">,
  request: EndpointRequest | undefined,
  network: NetworkConfig,
  endpoint: Endpoint,
): void {
  checkWishes(request, network);
  const isStale = (owner: string): boolean => !isLocked(engine.paths.container(owner).lock);
  const nameOf = (owner: string): string => readContainer(engine, owner)?.config.name ?? owner;
  for (const pool of network.ipamDriver === "default" ? network.pools : []) {
    const isIpv6 = pool.subnet.includes(":");
    if (isIpv6 ? !network.hasIpv6 : !network.hasIpv4) continue;
    const wanted = (isIpv6 ? request?.ipv6 : request?.ipv4) ?? "";
    const address = new AddressPool(pool, {
      directory: engine.paths.network(network.id).addresses,
      networkName: network.name,
    }).allocate({ owner: id, wanted, isStale, nameOf });
    endpoint[isIpv6 ? "ipv6" : "ipv4"] = endpointAddress(address, pool, network);
  }
  if (endpoint.macAddress === "") endpoint.macAddress = planMacAddress(id, endpoint);
}

/** @throws {WherryError} `invalid_argument` for what the network cannot give. */
function checkWishes(
  request: EndpointRequest | undefined,
  { name, driver, ipamDriver }: NetworkConfig,
): void {
  const { ipv4 = "", ipv6 = "", macAddress = "" } = request ?? {};
  const address = ipv4 || ipv6;
  if (address !== "" && ipamDriver !== "default") {
    const reason = ipamDriver === "dhcp" ? "its DHCP server chooses" : "nobody gives any there";
    throw new WherryError(
      "invalid_argument",
      `Cannot use address "${address}" of network "${name}": ${reason}`,
    );
  }
  if (macAddress !== "" && driver === "ipvlan") {
    throw new WherryError(
      "invalid_argument",
      `Cannot use the hardware address "${macAddress}" on network "${name}": those on an ipvlan ` +
        "have that of its parent",
    );
  }
}

function endpointAddress(
  address: string,
  { subnet, gateway }: IpamPool,
  { isInternal }: NetworkConfig,
): EndpointAddress {
  const prefixLength = Number(subnet.slice(subnet.indexOf("/") + 1));
  return { address, prefixLength, gateway: isInternal ? "" : gateway };
}

const MAC_DIGITS = 10;

/**
 * On a bridge the address itself, so that neighbours that remember an address's last owner are not misled; elsewhere
 * of the container's id, so that a DHCP server knows it again.
 */
function planMacAddress(containerId: string, { ipv4, hostLink, link }: Endpoint): string {
  if (hostLink !== "" && ipv4 !== undefined) {
    const bytes = ipv4.address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
    return ["02", "42", ...bytes].join(":");
  }
  const start = Number(link.slice("eth".length)) * MAC_DIGITS % (containerId.length - MAC_DIGITS);
  const pairs = containerId.slice(start, start + MAC_DIGITS).match(/../g) ?? [];
  return ["02", ...pairs].join(":");
}

/**
 * The network namespace of another container, which must run.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `conflict` if it does not run.
 */
export async function openNamespaceOf(engine: Engine, wanted: string): Promise<Descriptor> {
  const { config, state, paths } = findContainer(engine, wanted);
  // While it runs, so that whoever undoes its sandbox finds this
  if (state.isRunning) Deno.writeTextFileSync(paths.joined, "", { mode: 0o600 });
  using init = await openInit(paths);
  if (init === undefined) {
    throw new WherryError(
      "conflict",
      `Cannot join network namespace of a non running container: ${config.id}`,
      { hint: `Start it first with "wherry start ${wanted}"` },
    );
  }
  return openNetNamespace(init);
}

/**
 * A pidfd of a container's first process.
 *
 * @returns `undefined` if there is none at this moment.
 */
export async function openInit(
  { runDirectory }: Pick<ContainerPaths, "runDirectory">,
): Promise<Descriptor | undefined> {
  using monitor = MonitorConnection.connectIfRunning(runDirectory);
  monitor?.requestPidfd();
  const answer = await monitor?.nextOf("pidfd", "error");
  return answer?.type === "pidfd" ? answer.pidfd : undefined;
}
