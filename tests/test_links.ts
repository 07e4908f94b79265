/**
 * A network namespace to make links in, and how iproute2 sees it.
 *
 * @module
 */

import type { Descriptor } from "../ffi/descriptor.ts";
import { type LinkReference, Links } from "../mod/kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { TestNetwork } from "./test_network.ts";

const decoder = new TextDecoder();

/** A network namespace with `lo`, spoken to by rtnetlink. */
export class TestLinks implements Disposable {
  readonly #network = new TestNetwork();
  /** Of `NETLINK_ROUTE`. */
  readonly socket: NetlinkSocket = this.within(() => new NetlinkSocket(NETLINK.ROUTE));
  /** The links of the namespace. */
  readonly links: Links = new Links(this.socket);

  /** The namespace. */
  get namespace(): Descriptor {
    return this.#network.namespace;
  }

  /** Does something in the namespace; what is spawned there stays in it. */
  within<T>(act: () => T): T {
    return this.#network.within(act);
  }

  /**
   * Makes a bridge.
   *
   * @returns Its index.
   */
  addBridge(name: string): number {
    this.links.addBridge(name);
    return this.links.get(name).index;
  }

  /**
   * Makes a veth pair and a bridge for its other end, so that there is a link like a network card.
   *
   * @returns Its index.
   */
  addCard(name: string): number {
    const bridgeIndex = this.addBridge(`${name}-bridge`);
    const peer = { name, namespace: this.namespace, macAddress: "02:42:00:00:00:fe" };
    this.links.addVeth({ name: `${name}-port`, bridgeIndex, peer });
    this.links.setUp(name);
    return this.links.get(name).index;
  }

  /**
   * What `ip` shows in the namespace.
   *
   * @param args For example `"route", "show"`.
   * @throws {Error} If it fails.
   */
  show(...args: readonly string[]): Record<string, unknown>[] {
    const { success, stdout, stderr } = this.within(() =>
      new Deno.Command("ip", { args: ["-d", "-j", ...args] }).outputSync()
    );
    if (!success) throw new Error(`Cannot run ip ${args.join(" ")}: ${decoder.decode(stderr)}`);
    return JSON.parse(decoder.decode(stdout));
  }

  /**
   * What `ip` shows of one link.
   *
   * @throws {Error} If there is no such link.
   */
  showLink(name: LinkReference): Record<string, unknown> {
    const [link] = this.show("link", "show", "dev", String(name));
    if (link === undefined) throw new Error(`Cannot show link "${name}": no output`);
    return link;
  }

  /** Lets go of the namespace. */
  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.#network[Symbol.dispose]();
  }
}
