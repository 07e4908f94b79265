/** A network's record: what was asked for. @module */

/** How the containers of a network are connected. */
export type NetworkDriver = "bridge" | "macvlan" | "ipvlan" | "host" | "none";

/** Docker's word for a driver. */
export function driverWord(driver: NetworkDriver): string {
  return driver === "none" ? "null" : driver;
}

/** A range of addresses that a network gives to its containers. */
export interface IpamPool {
  /** In canonical form, for example `10.211.0.0/24` or `fd00:1::/64`. */
  subnet: string;
  /** Address of the bridge itself, or of the router of a macvlan's LAN; empty if there is none. */
  gateway: string;
  /** Part of the subnet from which addresses are taken, in canonical form; empty for all of it. */
  range: string;
  /** Addresses that are never given away, by what they are for. */
  auxiliaryAddresses: Record<string, string>;
}

/** Everything that was asked for when a network was created. */
export interface NetworkConfig {
  /** Version of this record's shape. */
  schema: 1;
  /** 64 lower-case hexadecimal digits. */
  id: string;
  /** What people call it; unique. */
  name: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** How its containers are connected. */
  driver: NetworkDriver;
  /** Who gives addresses: wherry, a DHCP server on the parent's LAN, or nobody. */
  ipamDriver: "default" | "dhcp" | "none";
  /** Options for that, as given. */
  ipamOptions: Record<string, string>;
  /** At most one for each family with `default`, in the order given. */
  pools: IpamPool[];
  /** Whether nothing outside is reachable from it. */
  isInternal: boolean;
  /** Whether it was asked to be open for containers of others; only shown, as all containers may join. */
  isAttachable: boolean;
  /** Whether containers get IPv4 addresses. */
  hasIpv4: boolean;
  /** Whether containers get IPv6 addresses. */
  hasIpv6: boolean;
  /** Options of the driver, as given; see {@linkcode NETWORK_OPTION}. */
  options: Record<string, string>;
  /** Names and values for whoever looks. */
  labels: Record<string, string>;
}

/** Options of drivers that have an effect. */
export const NETWORK_OPTION = {
  /** The bridge's name. */
  BRIDGE_NAME: "com.docker.network.bridge.name",
  /** `false`: containers on the network do not reach each other. */
  ICC: "com.docker.network.bridge.enable_icc",
  /** `false`: containers keep their own addresses when they speak to the outside. */
  MASQUERADE: "com.docker.network.bridge.enable_ip_masquerade",
  /** Host address for ports that are published without one. */
  HOST_BINDING: "com.docker.network.bridge.host_binding_ipv4",
  /** Largest packet, in bytes. */
  MTU: "com.docker.network.driver.mtu",
  /** Host link of a macvlan or ipvlan. */
  PARENT: "parent",
  /** `bridge` (default), `private`, `vepa`, `passthru`. */
  MACVLAN_MODE: "macvlan_mode",
  /** `l2` (default), `l3`, `l3s`. */
  IPVLAN_MODE: "ipvlan_mode",
} as const;

/** Name of the network that containers are on unless they say otherwise. */
export const DEFAULT_NETWORK = "bridge";
