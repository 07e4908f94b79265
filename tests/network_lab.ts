/**
 * A host with bridges, containers on them and a neighbour on its LAN, made of network namespaces, with real packets.
 *
 * @module
 */

import type { Descriptor } from "../ffi/descriptor.ts";
import { newAddress } from "../mod/kernel/address.ts";
import { Links } from "../mod/kernel/link.ts";
import { inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { createHostNamespace } from "./fakes/host_namespace.ts";
import { fakeNetworkConfig } from "./fakes/network_config.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { newRoute } from "../mod/kernel/route.ts";
import { writeSysctl } from "../mod/kernel/sysctl.ts";
import { areBridgesFiltered, makeBridge, switchBridgeOn } from "../mod/network/bridge.ts";
import { HostNetwork } from "../mod/network/host_network.ts";
import { NETWORK_OPTION, type NetworkConfig } from "../mod/network/network.ts";
import type { ResolverRedirect } from "../mod/network/table_state.ts";
import type { PortMapping } from "../mod/network/sandbox.ts";
import { Paths } from "../mod/store/paths.ts";

/** Port at which every container tells who has asked. */
const SERVICE_PORT = 7000;
/** How long a question waits for its answer: nothing of what is tested takes longer than a few milliseconds. */
const TIMEOUT_SECONDS = 1;

/** Addresses of the LAN. */
export const LAN = {
  /** The host's. */
  host: "192.0.2.1",
  /** The neighbour's. */
  neighbour: "192.0.2.2",
  /** The host's. */
  hostIpv6: "2001:db8::1",
  /** The neighbour's. */
  neighbourIpv6: "2001:db8::2",
} as const;

/** A network of the lab. */
export interface LabNetwork {
  /** First two bytes of its subnet, for example `10.210`, and the last digits of its IPv6 one. */
  subnet: string;
  /** @default {false} */
  isInternal?: boolean;
  /** Whether its containers do not reach each other. @default {false} */
  isIsolated?: boolean;
  /** Loopback address of the host's name server. @default {not reachable} */
  resolver?: string;
}

/** A machine of the lab. */
export interface Machine {
  /** Its network namespace. */
  namespace: Descriptor;
  /** Empty for the host. */
  ipv4: string;
  /** Empty for the host. */
  ipv6: string;
}

/** Everything; dispose of it when done. */
export class NetworkLab implements AsyncDisposable {
  /** The host, with a link to the LAN. */
  readonly host: Machine = { namespace: createHostNamespace(), ipv4: "", ipv6: "" };
  /** Another machine on the LAN, for which the host is the router to everything else. */
  readonly neighbour: Machine = {
    namespace: createHostNamespace(),
    ipv4: LAN.neighbour,
    ipv6: LAN.neighbourIpv6,
  };
  /** Where the engine has its files. */
  readonly paths: Paths;
  readonly #directory = Deno.makeTempDirSync({ prefix: "wherry-lab-" });
  readonly #containers: Machine[] = [];
  #lanCount = 0;
  readonly #servers: Deno.ChildProcess[] = [];

  /**
   * Makes host and neighbour.
   *
   * @param hasFilteredBridges Whether packets are translated while they are still in a bridge (`br_netfilter`).
   */
  constructor({ hasFilteredBridges }: { hasFilteredBridges: boolean }) {
    this.paths = new Paths(`${this.#directory}/root`, `${this.#directory}/run`);
    this.#connectToHost(this.neighbour, [LAN.host, LAN.hostIpv6]);
    this.asHost(() => {
      for (const name of ["iptables", "ip6tables"]) {
        trySysctl(`net/bridge/bridge-nf-call-${name}`, hasFilteredBridges ? "1" : "0");
      }
    });
  }

  #connectToHost(machine: Machine, hostAddresses: readonly string[]): void {
    using outside = this.#socket(this.host);
    using inside = this.#socket(machine);
    const links = new Links(outside);
    const name = `lan${++this.#lanCount}`;
    links.addBridge("for-a-moment");
    links.addVeth({
      name,
      bridgeIndex: links.get("for-a-moment").index,
      peer: {
        name: "eth0",
        namespace: machine.namespace,
        macAddress: `02:00:00:00:02:0${this.#lanCount}`,
      },
    });
    links.setMaster(name, 0);
    links.remove("for-a-moment");
    for (const each of ["lo", name]) links.setUp(each);
    const { index } = links.get(name);
    outside.request(
      ...hostAddresses.map((address) =>
        newAddress({ index, address, prefixLength: address.includes(":") ? 64 : 24 })
      ),
    );
    this.#configure(inside, machine, hostAddresses);
  }

  /** Adds another LAN with one machine and its server, for which the host is the router too. */
  async addOtherLan(): Promise<Machine> {
    const machine: Machine = {
      namespace: createHostNamespace(),
      ipv4: "198.51.100.2",
      ipv6: "2001:db8:1::2",
    };
    this.#containers.push(machine);
    this.#connectToHost(machine, ["198.51.100.1", "2001:db8:1::1"]);
    await this.serve(machine);
    return machine;
  }

  #configure(inside: NetlinkSocket, machine: Machine, gateways: readonly string[]): void {
    const links = new Links(inside);
    for (const name of ["lo", "eth0"]) links.setUp(name);
    const { index } = links.get("eth0");
    inside.request(
      newAddress({ index, address: machine.ipv4, prefixLength: 24 }),
      newAddress({ index, address: machine.ipv6, prefixLength: 64 }),
      ...gateways.map((gateway) => newRoute({ gateway, index })),
    );
  }

  #socket({ namespace }: Machine): NetlinkSocket {
    return inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  }

  /** Does something as the host's engine. */
  asHost<T>(act: () => T): T {
    return inNetNamespace(this.host.namespace, act);
  }

  /** Brings a network up as the engine does. */
  addNetwork(network: LabNetwork): NetworkConfig {
    const config = configOf(network);
    this.asHost(() => {
      using socket = new NetlinkSocket(NETLINK.ROUTE);
      using host = new HostNetwork(this.paths);
      makeBridge(socket, config);
      host.addBridge({
        networkId: config.id,
        bridge: bridgeOf(config),
        subnets: config.pools.map(({ subnet }) => subnet),
        isInternal: config.isInternal,
        isIsolated: network.isIsolated ?? false,
        masquerades: true,
      }, resolversOf(network));
      switchBridgeOn(socket, config);
    });
    return config;
  }

  /**
   * Starts a container with a server in it.
   *
   * @param number The last one of its addresses, 2 to 99.
   */
  async addContainer(network: NetworkConfig, number: number): Promise<Machine> {
    const [ipv4 = "", ipv6 = ""] = network.pools.map(({ gateway }) =>
      gateway.replace(/1$/, `${number}`)
    );
    const machine: Machine = { namespace: createHostNamespace(), ipv4, ipv6 };
    this.#containers.push(machine);
    using outside = this.#socket(this.host);
    using inside = this.#socket(machine);
    const links = new Links(outside);
    const name = `port-${this.#containers.length}`;
    links.addVeth({
      name,
      bridgeIndex: links.get(bridgeOf(network)).index,
      isIsolated: network.options[NETWORK_OPTION.ICC] === "false",
      isReflected: this.asHost(areBridgesFiltered),
      peer: {
        name: "eth0",
        namespace: machine.namespace,
        macAddress: `02:00:00:00:01:${String(this.#containers.length).padStart(2, "0")}`,
      },
    });
    links.setUp(name);
    this.#configure(inside, machine, network.pools.map(({ gateway }) => gateway));
    await this.serve(machine);
    return machine;
  }

  /**
   * Starts the server in a machine.
   *
   * @param at Where it listens. @default {the usual port of all addresses}
   */
  async serve({ namespace }: Machine, ...at: [port: string, address: string] | []): Promise<void> {
    const script = new URL("fakes/address_server.ts", import.meta.url).pathname;
    const server = inNetNamespace(namespace, () =>
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--unstable-net",
          script,
          ...(at.length > 0 ? at : [`${SERVICE_PORT}`]),
        ],
        stdin: "null",
        stdout: "piped",
      }).spawn());
    this.#servers.push(server);
    const reader = server.stdout.getReader();
    await reader.read();
    await reader.cancel();
  }

  /** Publishes the service of a container on a port of the host, for both families unless there is an address. */
  publish(
    { ipv4, ipv6 }: Machine,
    hostPort: number,
    options: { protocol?: "tcp" | "udp"; hostAddress?: string } = {},
  ): void {
    const { protocol = "tcp", hostAddress } = options;
    const mapping = (address: string, containerAddress: string): PortMapping => ({
      protocol,
      hostAddress: address,
      hostPort,
      containerAddress,
      containerPort: SERVICE_PORT,
      count: 1,
    });
    const mappings = hostAddress === undefined
      ? [mapping("0.0.0.0", ipv4), mapping("::", ipv6)]
      : [mapping(hostAddress, ipv4)];
    this.asHost(() => {
      using host = new HostNetwork(this.paths);
      host.publishPorts(`${hostPort}`.padStart(64, "0"), mappings);
    });
  }

  /**
   * Asks a service who is asking.
   *
   * @returns The address that the service sees, or `"no answer"`.
   */
  async ask(
    from: Machine,
    address: string,
    options: { port?: number; protocol?: "tcp" | "udp" } = {},
  ): Promise<string> {
    const { port = SERVICE_PORT, protocol = "tcp" } = options;
    const script = `exec 3<>/dev/${protocol}/${address}/${port} || exit; echo >&3; head -n1 <&3`;
    const output = await inNetNamespace(from.namespace, () =>
      new Deno.Command("timeout", {
        args: [`${TIMEOUT_SECONDS}`, "bash", "-c", script],
        stderr: "null",
      }).output());
    return new TextDecoder().decode(output.stdout).trim() || "no answer";
  }

  /** Runs a program in a machine. @returns What it writes. */
  async run({ namespace }: Machine, ...[program = "", ...args]: string[]): Promise<string> {
    const { success, stdout, stderr } = await inNetNamespace(
      namespace,
      () => new Deno.Command(program, { args }).output(),
    );
    if (!success) throw new Error(`Cannot run ${program}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.kill();
    await Promise.all(this.#servers.map(({ status }) => status));
    for (const { namespace } of [this.host, this.neighbour, ...this.#containers]) {
      namespace[Symbol.dispose]();
    }
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function trySysctl(name: string, value: string): void {
  try {
    writeSysctl(name, value);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}

function resolversOf({ subnet, resolver }: LabNetwork): ResolverRedirect[] {
  if (resolver === undefined) return [];
  return [{ bridge: `lab${subnet.slice(-1)}`, gateway: `${subnet}.0.1`, address: resolver }];
}

function configOf({ subnet, isInternal = false, isIsolated = false }: LabNetwork): NetworkConfig {
  const digits = subnet.slice(-1);
  const pool = { range: "", auxiliaryAddresses: {} };
  return fakeNetworkConfig({
    id: digits.repeat(64),
    name: `lab${digits}`,
    pools: [
      { ...pool, subnet: `${subnet}.0.0/24`, gateway: `${subnet}.0.1` },
      { ...pool, subnet: `fd00:${digits}::/64`, gateway: `fd00:${digits}::1` },
    ],
    isInternal,
    hasIpv6: true,
    options: {
      [NETWORK_OPTION.BRIDGE_NAME]: `lab${digits}`,
      ...(isIsolated ? { [NETWORK_OPTION.ICC]: "false" } : {}),
    },
  });
}

/** Name of a network's bridge. */
export function bridgeOf({ name }: NetworkConfig): string {
  return name;
}
