/** Records of networks that nobody has made. @module */

import type { NetworkConfig } from "../../mod/network/network.ts";

const PLAIN: NetworkConfig = {
  schema: 1,
  id: "ab".repeat(32),
  name: "net",
  createdAt: "2026-01-02T03:04:05Z",
  driver: "bridge",
  ipamDriver: "default",
  ipamOptions: {},
  pools: [],
  isInternal: false,
  isAttachable: false,
  hasIpv4: true,
  hasIpv6: false,
  options: {},
  labels: {},
};

/** The record of a bridge network without addresses, changed by `changes`. */
export function fakeNetworkConfig(changes: Partial<NetworkConfig> = {}): NetworkConfig {
  return { ...PLAIN, ...changes };
}
