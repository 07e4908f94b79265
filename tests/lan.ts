/**
 * A LAN that the host of a test has a link to: a namespace with a bridge, and a DHCP server on it.
 *
 * @module
 */

import { addAddress } from "../mod/kernel/address.ts";
import { Links } from "../mod/kernel/link.ts";
import { createNetNamespace, inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { PacketSocket } from "../mod/kernel/packet_socket.ts";
import { DHCP_PORT } from "../mod/network/dhcp_client.ts";
import { BROADCAST_MAC, encodeUdpFrame, parseUdpFrame } from "../mod/network/dhcp_frame.ts";
import {
  type DhcpMessage,
  type DhcpOptions,
  encodeDhcpMessage,
  parseDhcpMessage,
} from "../mod/network/dhcp_message.ts";
import { eventually } from "./harness.ts";
import type { TestNetwork } from "./test_network.ts";

/** The host's link to the LAN. */
export const PARENT = "lan0";
/** The LAN's router, which is its DHCP server too. */
export const ROUTER = "192.168.77.1";
/** The LAN's subnet. */
export const SUBNET = "192.168.77.0/24";

const BRIDGE = "lan";
const PORT = "lan-port";
const HOST_MAC = "02:42:00:00:77:02";
const MAX_WAIT_MS = 200;

/** What a lying server answers to a message; nothing if it is empty. */
export type Answering = (message: DhcpMessage) => readonly DhcpAnswer[];

/** One answer of a lying server. */
export interface DhcpAnswer {
  /** @default {the client's} */
  transactionId?: number;
  /** @default {"0.0.0.0"} */
  yourAddress?: string;
  options: DhcpOptions;
}

/** A LAN; dispose of it before the test looks for what is left. */
export class Lan implements AsyncDisposable {
  /** What dnsmasq has given, in its own format. */
  readonly leaseFile: string;
  readonly #directory = Deno.makeTempDirSync({ prefix: "wherry-lan-" });
  readonly #namespace = createNetNamespace();
  readonly #socket = inNetNamespace(this.#namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  readonly #links = new Links(this.#socket);
  #dnsmasq: Deno.ChildProcess | undefined;
  #isLying = false;
  #lying: Promise<void> = Promise.resolve();

  /** Makes the LAN, and the host's link to it. */
  constructor(host: TestNetwork) {
    this.leaseFile = `${this.#directory}/leases`;
    this.#links.setUp("lo");
    this.#links.addBridge(BRIDGE);
    const bridgeIndex = this.#index;
    addAddress(this.#socket, { index: bridgeIndex, address: ROUTER, prefixLength: 24 });
    const peer = { name: PARENT, namespace: host.namespace, macAddress: HOST_MAC };
    this.#links.addVeth({ name: PORT, bridgeIndex, peer });
    host.within(() => {
      using socket = new NetlinkSocket(NETLINK.ROUTE);
      new Links(socket).setUp(PARENT);
    });
  }

  /** What a machine of the LAN remembers of who has an address; empty for nothing. */
  readNeighbour(address: string): string {
    const table = inNetNamespace(
      this.#namespace,
      () => Deno.readTextFileSync("/proc/thread-self/net/arp"),
    );
    const [, mac = ""] = new RegExp(`^${address} +\\S+ +\\S+ +(\\S+)`, "m").exec(table) ?? [];
    return mac;
  }

  get #index(): number {
    return this.#links.get(BRIDGE).index;
  }

  /** Starts dnsmasq with addresses from .50 on; returns once it serves. */
  async startDnsmasq(...args: readonly string[]): Promise<void> {
    const pidFile = `${this.#directory}/pid`;
    const command = new Deno.Command("dnsmasq", {
      args: [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--no-ping",
        `--interface=${BRIDGE}`,
        `--pid-file=${pidFile}`,
        `--dhcp-leasefile=${this.leaseFile}`,
        "--dhcp-range=192.168.77.50,192.168.77.99,2m",
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    this.#dnsmasq = inNetNamespace(this.#namespace, () => command.spawn());
    await eventually(() => {
      try {
        return Deno.statSync(pidFile).size > 0;
      } catch {
        return false;
      }
    });
  }

  /** Lines of dnsmasq's leases: expiry, MAC, address, name, client id. */
  readLeases(): string[][] {
    return Deno.readTextFileSync(this.leaseFile).split("\n").filter((line) => line !== "")
      .map((line) => line.split(" "));
  }

  /** Starts a DHCP server that says whatever it is told to; it remembers nothing. */
  startLying(answer: Answering): void {
    const links = this.#links;
    const { macAddress } = links.get(BRIDGE);
    const socket = inNetNamespace(
      this.#namespace,
      () => new PacketSocket(this.#index, DHCP_PORT.server),
    );
    this.#isLying = true;
    this.#lying = (async () => {
      using _socket = socket;
      while (this.#isLying) {
        const bytes = await socket.receive(MAX_WAIT_MS);
        const frame = bytes === undefined ? undefined : parseUdpFrame(bytes);
        if (frame === undefined || frame.destination.port !== DHCP_PORT.server) continue;
        const message = parseDhcpMessage(frame.payload);
        for (const { transactionId, yourAddress = "0.0.0.0", options } of answer(message)) {
          socket.send(encodeUdpFrame({
            source: { macAddress, address: ROUTER, port: DHCP_PORT.server },
            destination: {
              macAddress: BROADCAST_MAC,
              address: "255.255.255.255",
              port: DHCP_PORT.client,
            },
            payload: encodeDhcpMessage({
              ...message,
              sender: "server",
              transactionId: transactionId ?? message.transactionId,
              yourAddress,
              options,
            }),
          }));
        }
      }
    })();
  }

  /** Stops whoever serves. */
  async stopServers(): Promise<void> {
    this.#isLying = false;
    await this.#lying;
    this.#dnsmasq?.kill();
    await this.#dnsmasq?.status;
    this.#dnsmasq = undefined;
  }

  /** Stops the servers and takes the host's link away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServers();
    this.#links.remove(PORT);
    this.#socket[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
