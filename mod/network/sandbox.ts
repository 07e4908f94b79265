/** A container's sandbox: its endpoints and published ports, as they are while it runs. @module */

/** An address of an endpoint. */
export interface EndpointAddress {
  /** For example `10.211.0.2`. */
  address: string;
  /** Length of its subnet's prefix, in bits. */
  prefixLength: number;
  /** The router for everything else; empty if there is none. */
  gateway: string;
}

/** One attachment of a container to a network. */
export interface Endpoint {
  /** 64 lower-case hexadecimal digits. */
  id: string;
  /** Id of its network. */
  networkId: string;
  /** Name of its network. */
  networkName: string;
  /** Name of the link on the host's side; empty for a macvlan or ipvlan. */
  hostLink: string;
  /** Name of the link inside, for example `eth0`. */
  link: string;
  /** For example `02:42:0a:d3:00:02`. */
  macAddress: string;
  /** `undefined` without IPv4. */
  ipv4?: EndpointAddress;
  /** `undefined` without IPv6. */
  ipv6?: EndpointAddress;
  /** Names that others on this network find the container by, the container's own first. */
  names: string[];
  /** What a DHCP server has given, with `ipamDriver` `dhcp`. */
  lease?: DhcpLease;
}

/** What a DHCP server has given. @see RFC 2131 */
export interface DhcpLease {
  /** Address of the server. */
  server: string;
  /** Hardware address by which the server is reached: its own, or that of the relay before it. */
  serverMac: string;
  /** When the address is to be renewed (T1): milliseconds since the epoch; {@linkcode NEVER}. */
  renewAt: number;
  /** When any server is to be asked (T2): milliseconds since the epoch; {@linkcode NEVER}. */
  rebindAt: number;
  /** When the address is no longer ours: milliseconds since the epoch; {@linkcode NEVER}. */
  expiresAt: number;
  /** Name servers, for the container's `resolv.conf`. */
  nameServers: string[];
  /** Domain name, for the container's `resolv.conf`; empty if the server gave none. */
  domainName: string;
  /** Domains in which names are looked for, before {@linkcode DhcpLease.domainName}. */
  domainSearch: string[];
  /** Hexadecimal digits of the client identifier. */
  clientId: string;
  /** Link of the host by which the server is reached. */
  parent: string;
  /** Hexadecimal digits of the frame that gives the address back: whoever tidies up only sends it. */
  release: string;
}

/** A time that does not come, as JSON can have it. */
export const NEVER: number = Number.MAX_SAFE_INTEGER;

/** Published ports: `count` ports of the host in a row, each led to the same one of the container's ports in a row. */
export interface PortMapping {
  /** As nf_tables names it. */
  protocol: "tcp" | "udp" | "sctp";
  /** Host address; `0.0.0.0` and `::` stand for all of a family. */
  hostAddress: string;
  /** First port on the host, 1 to 65535. */
  hostPort: number;
  /** Address of the container, of the same family. */
  containerAddress: string;
  /** First port in the container, 1 to 65535. */
  containerPort: number;
  /** How many in a row, at least 1. */
  count: number;
}

/** What `network.json` has. */
export interface Sandbox {
  /** Version of this record's shape. */
  schema: 1;
  /** In the order of their links: the first is `eth0`. */
  endpoints: Endpoint[];
  /** All that is published. */
  ports: PortMapping[];
}
