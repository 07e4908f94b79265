/** Trying what the kernel's network offers, where nobody is disturbed. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { SystemError } from "../../../ffi/errno.ts";
import { Links } from "../../kernel/link.ts";
import { createNetNamespace, inNetNamespace } from "../../kernel/net_namespace.ts";
import { NETLINK, NetlinkError, NetlinkSocket } from "../../kernel/netlink.ts";
import { commitBatch } from "../../kernel/nftables.ts";
import { planTable } from "../../network/ruleset.ts";
import type { TableState } from "../../network/table_state.ts";

/** Something of everything that wherry's rules can have. */
const TRIAL_STATE: TableState = {
  tableName: "wherry-trial",
  bridges: [{
    networkId: "trial",
    bridge: "wh-trial",
    subnets: ["10.0.0.0/24", "fd00::/64"],
    isInternal: false,
    isIsolated: false,
    masquerades: true,
  }],
  ports: [{
    protocol: "tcp",
    hostAddress: "0.0.0.0",
    hostPort: 80,
    containerAddress: "10.0.0.2",
    containerPort: 80,
    count: 1,
  }],
  resolvers: [{ bridge: "wh-trial", gateway: "10.0.0.1", address: "127.0.0.53" }],
  dropsOtherForwards: [4],
};

/** A network namespace of its own that goes with its disposal, and all that was made in it. */
export class NetworkTrial implements Disposable {
  readonly #namespace: Descriptor;

  /** @throws {SystemError} EPERM without CAP_SYS_ADMIN. */
  constructor() {
    this.#namespace = createNetNamespace();
  }

  /** Whether the kernel has links of this kind: asked for one on `lo`, it makes it, or refuses it for another reason. */
  canMakeLink(kind: "bridge" | "veth" | "macvlan" | "ipvlan" | "vlan"): boolean {
    using socket = this.#open(NETLINK.ROUTE);
    const links = new Links(socket);
    const shared = { name: "trial", parentIndex: 1, namespace: this.#namespace };
    const make = {
      bridge: () => links.addBridge("trial"),
      veth: () => this.#makeVeth(links),
      macvlan: () => links.addMacvlan({ ...shared, mode: "bridge" }),
      ipvlan: () => links.addIpvlan({ ...shared, mode: "l2" }),
      vlan: () => links.addVlan({ name: "trial", parentIndex: 1, id: 1, alias: "" }),
    } as const;
    try {
      make[kind]();
      return true;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      return error.code !== "EOPNOTSUPP";
    }
  }

  #makeVeth(links: Links): void {
    const peer = { name: "peer", namespace: this.#namespace, macAddress: "02:42:00:00:00:01" };
    links.addVeth({ name: "trial-veth", bridgeIndex: 0, peer });
  }

  /** Has the kernel take wherry's rules. @returns Why it does not; `undefined` if it does. */
  refusalOfTable(): string | undefined {
    try {
      using socket = this.#open(NETLINK.NETFILTER);
      commitBatch(socket, planTable(TRIAL_STATE));
      return undefined;
    } catch (error) {
      if (error instanceof SystemError) return error.message;
      throw error;
    }
  }

  #open(family: number): NetlinkSocket {
    return inNetNamespace(this.#namespace, () => new NetlinkSocket(family));
  }

  /** Lets go of the namespace, with which all is gone. */
  [Symbol.dispose](): void {
    this.#namespace[Symbol.dispose]();
  }
}
