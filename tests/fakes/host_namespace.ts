/** A network namespace that stands for a host. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { createNetNamespace, inNetNamespace } from "../../mod/kernel/net_namespace.ts";
import { readSysctl, writeSysctl } from "../../mod/kernel/sysctl.ts";

/** A new namespace takes these from the machine's own, where an engine may have switched them on. */
const FORWARDING = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/** Makes a namespace as a host has it that is no router. */
export function createHostNamespace(): Descriptor {
  const namespace = createNetNamespace();
  inNetNamespace(namespace, () => {
    for (const name of FORWARDING) if (readSysctl(name) !== undefined) writeSysctl(name, "0");
  });
  return namespace;
}
