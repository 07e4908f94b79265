/**
 * The host that a test's engine sees: a network namespace of its own, in which nothing else happens.
 *
 * @module
 */

import type { Descriptor } from "../ffi/descriptor.ts";
import {
  attributeText,
  NETLINK,
  NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "../mod/kernel/netlink.ts";
import { inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { createHostNamespace } from "./fakes/host_namespace.ts";

const RTM_NEWLINK = 16;
const IFF_UP = 1;
const LOOPBACK_INDEX = 1;
const NFT_MSG_GETTABLE = 0xa01;
const NFTA_TABLE_NAME = 1;

/** Host-wide settings that networks need otherwise than a new namespace has them. */
const SYSCTLS = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/** A network namespace with `lo`. */
export class TestNetwork implements Disposable {
  #namespace: Descriptor = createHost();
  readonly #sysctls: readonly string[] = this.#readSysctls();

  /** The namespace. */
  get namespace(): Descriptor {
    return this.#namespace;
  }

  /** What a reboot does: nothing of what was there is left. */
  reboot(): void {
    this.#namespace[Symbol.dispose]();
    this.#namespace = createHost();
  }

  /** Does something in the namespace; what is spawned there stays in it. */
  within<T>(act: () => T): T {
    return inNetNamespace(this.namespace, act);
  }

  /** Names of all links but `lo`. */
  listLinks(): string[] {
    const text = this.within(() => Deno.readTextFileSync("/proc/thread-self/net/dev"));
    return Array.from(text.matchAll(/^ *([^\s:]+):/gm), ([, name = ""]) => name)
      .filter((name) => name !== "lo");
  }

  /** Names of all nf_tables tables. */
  listTables(): string[] {
    using socket = this.within(() => new NetlinkSocket(NETLINK.NETFILTER));
    const tables = socket.get({
      type: NFT_MSG_GETTABLE,
      flags: NLM_F.DUMP,
      header: new Uint8Array(4),
      action: "list tables",
      subject: "",
    });
    return tables.map(({ payload }) =>
      attributeText(parseAttributes(payload, 4).get(NFTA_TABLE_NAME))
    );
  }

  #readSysctls(): string[] {
    return this.within(() =>
      SYSCTLS.map((name) => `${name} = ${Deno.readTextFileSync(`/proc/sys/${name}`).trim()}`)
    );
  }

  /** One line for each thing that is otherwise than in the beginning. */
  findChanges(): string[] {
    return [
      ...this.listLinks().map((name) => `network link ${name}`),
      ...this.listTables().map((name) => `nf_tables table ${name}`),
      ...this.#readSysctls().filter((line) => !this.#sysctls.includes(line)),
    ];
  }

  /** Lets go of the namespace. */
  [Symbol.dispose](): void {
    this.namespace[Symbol.dispose]();
  }
}

/** A namespace in which `lo` is up. */
function createHost(): Descriptor {
  const namespace = createHostNamespace();
  using socket = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  const header = new Uint8Array(new Int32Array([0, LOOPBACK_INDEX, IFF_UP, IFF_UP]).buffer);
  socket.request({ type: RTM_NEWLINK, header, action: "set up link", subject: "lo" });
  return namespace;
}
