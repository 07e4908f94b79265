/** Which kinds of links the kernel of this machine has. @module */

import { Links } from "../mod/kernel/link.ts";
import { NetlinkError } from "../mod/kernel/netlink.ts";
import { TestLinks } from "./test_links.ts";

const MAKE = {
  ipvlan: (links: Links, host: TestLinks) =>
    links.addIpvlan({ name: "probe", parentIndex: 1, namespace: host.namespace, mode: "l2" }),
  vlan: (links: Links) => links.addVlan({ name: "probe", parentIndex: 1, id: 1, alias: "" }),
} as const;

/** Whether the kernel can make links of this kind: asked for one on `lo`, it says no for another reason, or makes it. */
export function hasLinkKind(kind: keyof typeof MAKE): boolean {
  if (Deno.uid() !== 0) return false;
  using host = new TestLinks();
  try {
    MAKE[kind](host.links, host);
    return true;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return error.code !== "EOPNOTSUPP";
  }
}
