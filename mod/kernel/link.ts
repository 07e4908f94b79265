/**
 * Network links: bridges, veth pairs, macvlans and what else carries packets.
 *
 * @see rtnetlink(7), and `include/uapi/linux/if_link.h` of Linux
 * @module
 */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { formatMacAddress, parseMacAddress } from "./mac_address.ts";
import {
  type Attribute,
  attributeNumber,
  attributeText,
  encodeAttributes,
  type NetlinkMessage,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "./netlink.ts";

/** A link as the kernel has it. */
export interface Link {
  /** Number of the link within its namespace; from 1. */
  index: number;
  /** At most 15 bytes. */
  name: string;
  /** `"bridge"`, `"veth"`, `"macvlan"` and so on; empty for hardware and `lo`. */
  kind: string;
  /** Whether it is switched on; says nothing of a cable. */
  isUp: boolean;
  /** For example `02:42:0a:d3:00:02`; empty if it has none. */
  macAddress: string;
  /** Largest packet, in bytes. */
  mtu: number;
  /** Index of the bridge that it is a port of; 0 if of none. */
  masterIndex: number;
  /** Index, in its own namespace, of the link that it stands on (or a veth's other end); 0 if on none. */
  parentIndex: number;
  /** Free text; empty if there is none. */
  alias: string;
}

/** A link: its name, or its index. */
export type LinkReference = string | number;

/** What any new link may have. */
export interface LinkOptions {
  /** Its hardware address. @default {a random one} */
  macAddress?: string;
  /** Largest packet, in bytes. @default {1500, or what the links around it have} */
  mtu?: number;
}

/** What a new bridge may have. */
export interface BridgeOptions extends LinkOptions {
  /** Free text for whoever looks, at most 255 bytes. @default {none} */
  alias?: string;
}

/** A pair of links that are each other's cable: one end is a port of a bridge, the other in a namespace. */
export interface VethRequest {
  /** Name of the end that stays here. */
  name: string;
  /** The bridge that this end becomes a port of. */
  bridgeIndex: number;
  /** Largest packet of this end, in bytes. @default {1500} */
  mtu?: number;
  /** Whether this port and others that are isolated do not reach each other. @default {false} */
  isIsolated?: boolean;
  /** Whether the bridge sends packets out of this port that came in by it. @default {false} */
  isReflected?: boolean;
  /** The other end. */
  peer: {
    /** Its name, for example `"eth0"`. */
    name: string;
    /** The network namespace in which it comes into being. */
    namespace: Descriptor;
    /** Its hardware address. */
    macAddress: string;
    /** Largest packet, in bytes. @default {1500} */
    mtu?: number;
  };
}

/** A link that comes into being in a namespace and stands on one of this namespace. */
export interface SharedLinkRequest {
  /** Its name, for example `"eth0"`. */
  name: string;
  /** The link of this namespace that it stands on. */
  parentIndex: number;
  /** The network namespace in which it comes into being. */
  namespace: Descriptor;
  /** Largest packet, in bytes; not more than the parent's. @default {the parent's} */
  mtu?: number;
}

/** How macvlans of one parent reach each other, by the numbers of `enum macvlan_mode`. */
export const MACVLAN_MODE = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

/** How an ipvlan passes packets on, by the numbers of `enum ipvlan_mode`. */
export const IPVLAN_MODE = { l2: 0, l3: 1, l3s: 2 } as const;

/** A link with a hardware address of its own on the parent's cable. */
export interface MacvlanRequest extends SharedLinkRequest {
  /** How it and its neighbours on the parent reach each other. */
  mode: keyof typeof MACVLAN_MODE;
  /** @default {a random one} */
  macAddress?: string;
}

/** A link that shares the parent's hardware address too. */
export interface IpvlanRequest extends SharedLinkRequest {
  /** How packets are passed on. */
  mode: keyof typeof IPVLAN_MODE;
}

/** What belongs to one VLAN on a link of this namespace (802.1Q). */
export interface VlanRequest {
  /** Its name, for example `"eth0.10"`. */
  name: string;
  /** The link that carries it. */
  parentIndex: number;
  /** Number of the VLAN, 1 to 4094. */
  id: number;
  /** Free text for whoever looks, at most 255 bytes. */
  alias: string;
}

const RTM = { NEWLINK: 16, DELLINK: 17, GETLINK: 18 } as const;

const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  NET_NS_FD: 28,
  EXT_MASK: 29,
} as const;

const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;
const VETH_INFO_PEER = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_VLAN_ID = 1;
const IFLA_BRPORT = { HAIRPIN: 4, ISOLATED: 33 } as const;
/** The answer is only half as long without statistics. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFF_UP = 1;
const IFINFOMSG_BYTES = 16;
const CREATE_NEW = NLM_F.CREATE | NLM_F.EXCL;

/** `IFNAMSIZ`, which counts a NUL. */
const MAX_NAME_BYTES = 15;

/** Whether the kernel takes `name` for a link, besides `%d`, which it would replace with a number. */
export function isLinkName(name: string): boolean {
  return name !== "." && name !== ".." && /^[!-~]+$/.test(name) && !/[/:%]/.test(name) &&
    name.length <= MAX_NAME_BYTES;
}

/** `struct ifinfomsg`; of `flags` only those in `change` count. */
function ifinfomsg(index: number, flags: number, change: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IFINFOMSG_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return bytes;
}

function macBytes(macAddress: string): Uint8Array<ArrayBuffer> {
  const bytes = parseMacAddress(macAddress);
  if (bytes === undefined) {
    throw new RangeError(`Cannot use the hardware address "${macAddress}": it is not six bytes`);
  }
  return bytes;
}

function uint16(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint16Array([value]).buffer);
}

function usualAttributes(name: string, { macAddress, mtu }: LinkOptions): Attribute[] {
  const attributes: Attribute[] = [[IFLA.IFNAME, name]];
  if (macAddress !== undefined) attributes.push([IFLA.ADDRESS, macBytes(macAddress)]);
  if (mtu !== undefined) attributes.push([IFLA.MTU, mtu]);
  return attributes;
}

function linkInfo(kind: string, data?: readonly Attribute[]): Attribute {
  const info: Attribute[] = [[IFLA_INFO.KIND, kind]];
  if (data !== undefined) info.push([IFLA_INFO.DATA, data]);
  return [IFLA.LINKINFO, info];
}

/** A request to make a link that is switched on from the start. */
function newLinkUp(
  kind: string,
  name: string,
  attributes: readonly Attribute[],
): NetlinkRequest {
  return {
    type: RTM.NEWLINK,
    flags: CREATE_NEW,
    header: ifinfomsg(0, IFF_UP, IFF_UP),
    attributes,
    action: `make ${kind}`,
    subject: name,
  };
}

/** A request to make a bridge, which is switched on. */
export function newBridge(name: string, options: LinkOptions = {}): NetlinkRequest {
  return newLinkUp("bridge", name, [...usualAttributes(name, options), linkInfo("bridge")]);
}

/** A request to make a dummy link, which is switched on. */
export function newDummy(name: string): NetlinkRequest {
  return newLinkUp("dummy", name, [[IFLA.IFNAME, name], linkInfo("dummy")]);
}

/**
 * A request to make a veth pair whose other end comes into being where it belongs. This end is switched on, the
 * other one not.
 */
export function newVeth({ name, bridgeIndex, mtu, peer }: VethRequest): NetlinkRequest {
  const { namespace, ...usual } = peer;
  const peerAttributes = encodeAttributes([
    ...usualAttributes(peer.name, usual),
    [IFLA.NET_NS_FD, namespace.number],
  ]);
  const peerInfo = new Uint8Array(IFINFOMSG_BYTES + peerAttributes.length);
  peerInfo.set(peerAttributes, IFINFOMSG_BYTES);
  return newLinkUp("veth", name, [
    ...usualAttributes(name, mtu === undefined ? {} : { mtu }),
    [IFLA.MASTER, bridgeIndex],
    linkInfo("veth", [[VETH_INFO_PEER, peerInfo]]),
  ]);
}

/** A request to keep a port of a bridge from reaching others of its bridge that are isolated too. */
export function isolatePort(link: LinkReference): NetlinkRequest {
  return changeLink("isolate link", link, switchPort(IFLA_BRPORT.ISOLATED));
}

/** A request to have a bridge send packets out of the port by which they came in. */
export function reflectPort(link: LinkReference): NetlinkRequest {
  return changeLink("reflect packets of link", link, switchPort(IFLA_BRPORT.HAIRPIN));
}

function switchPort(type: number): Attribute[] {
  return [[IFLA.LINKINFO, [
    [IFLA_INFO.SLAVE_KIND, "bridge"],
    [IFLA_INFO.SLAVE_DATA, [[type, new Uint8Array([1])]]],
  ]]];
}

/** A request to make a link that stands on another one, in a namespace; it is not switched on. */
function newSharedLink(
  request: SharedLinkRequest & LinkOptions,
  info: Attribute,
  kind: string,
): NetlinkRequest {
  const { name, parentIndex, namespace, ...usual } = request;
  return {
    type: RTM.NEWLINK,
    flags: CREATE_NEW,
    header: ifinfomsg(0, 0, 0),
    attributes: [
      ...usualAttributes(name, usual),
      [IFLA.LINK, parentIndex],
      [IFLA.NET_NS_FD, namespace.number],
      info,
    ],
    action: `make ${kind}`,
    subject: name,
  };
}

/** A request to make a macvlan in a namespace; it is not switched on. */
export function newMacvlan({ mode, ...request }: MacvlanRequest): NetlinkRequest {
  const info = linkInfo("macvlan", [[IFLA_MACVLAN_MODE, MACVLAN_MODE[mode]]]);
  return newSharedLink(request, info, "macvlan");
}

/** A request to make an ipvlan in a namespace; it is not switched on. */
export function newIpvlan({ mode, ...request }: IpvlanRequest): NetlinkRequest {
  const info = linkInfo("ipvlan", [[IFLA_IPVLAN_MODE, uint16(IPVLAN_MODE[mode])]]);
  return newSharedLink(request, info, "ipvlan");
}

/** A request to make the link of a VLAN, which is switched on. */
export function newVlan({ name, parentIndex, id }: Omit<VlanRequest, "alias">): NetlinkRequest {
  return newLinkUp("vlan", name, [
    [IFLA.IFNAME, name],
    [IFLA.LINK, parentIndex],
    linkInfo("vlan", [[IFLA_VLAN_ID, uint16(id)]]),
  ]);
}

/** A request about a link that is there. */
function changeLink(
  action: string,
  link: LinkReference,
  attributes: readonly Attribute[],
  { flags = 0, change = 0 }: { flags?: number; change?: number } = {},
): NetlinkRequest {
  const isIndex = typeof link === "number";
  return {
    type: RTM.NEWLINK,
    header: ifinfomsg(isIndex ? link : 0, flags, change),
    attributes: isIndex ? attributes : [[IFLA.IFNAME, link], ...attributes],
    action,
    subject: String(link),
  };
}

/** A request to switch a link on. */
export function switchLinkOn(link: LinkReference): NetlinkRequest {
  return changeLink("switch on link", link, [], { flags: IFF_UP, change: IFF_UP });
}

/** A request to switch a link off. */
export function switchLinkOff(link: LinkReference): NetlinkRequest {
  return changeLink("switch off link", link, [], { change: IFF_UP });
}

/** A request to take a link away; of a veth pair both ends go. */
export function deleteLink(link: LinkReference): NetlinkRequest {
  return { ...changeLink("remove link", link, []), type: RTM.DELLINK };
}

function describeLink(link: LinkReference, alias: string): NetlinkRequest {
  return changeLink("describe link", link, [[IFLA.IFALIAS, alias]]);
}

/** A request to tell what a link is. */
function getLink(link: LinkReference): NetlinkRequest {
  const skipStatistics: Attribute = [IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS];
  return { ...changeLink("find link", link, [skipStatistics]), type: RTM.GETLINK };
}

/**
 * Reads what the kernel tells of a link.
 *
 * @param message Of type `RTM_NEWLINK`.
 */
export function parseLink({ payload }: NetlinkMessage): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = parseAttributes(payload, IFINFOMSG_BYTES);
  const info = attributes.get(IFLA.LINKINFO);
  const kind = info === undefined ? undefined : parseAttributes(info).get(IFLA_INFO.KIND);
  return {
    index: view.getInt32(4, true),
    name: attributeText(attributes.get(IFLA.IFNAME)),
    kind: attributeText(kind),
    isUp: (view.getUint32(8, true) & IFF_UP) !== 0,
    macAddress: formatMacAddress(attributes.get(IFLA.ADDRESS) ?? new Uint8Array()),
    mtu: attributeNumber(attributes.get(IFLA.MTU)),
    masterIndex: attributeNumber(attributes.get(IFLA.MASTER)),
    parentIndex: attributeNumber(attributes.get(IFLA.LINK)),
    alias: attributeText(attributes.get(IFLA.IFALIAS)),
  };
}

/** The links of one network namespace. */
export class Links {
  readonly #socket: NetlinkSocket;

  /** @param socket Of `NETLINK_ROUTE`; it says which namespace, and stays the caller's. */
  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Makes a bridge and switches it on.
   *
   * @throws {NetlinkError} EEXIST if there is a link of that name. Nothing is made then; only when the alias is
   * refused is the bridge there.
   */
  addBridge(name: string, { alias, ...options }: BridgeOptions = {}): void {
    this.#socket.request(newBridge(name, options));
    // The kernel does not look at the alias of a link that it makes
    if (alias !== undefined) this.setAlias(name, alias);
  }

  /**
   * Makes a veth pair: this end a port of the bridge and switched on, the other one switched off in its namespace.
   *
   * @throws {NetlinkError} EEXIST if there is a link of that name here or there. Nothing is made then; only when
   * isolating fails is the pair there.
   */
  addVeth(request: VethRequest): void {
    this.#socket.request(newVeth(request));
    if (request.isIsolated ?? false) this.#socket.request(isolatePort(request.name));
    if (request.isReflected ?? false) this.#socket.request(reflectPort(request.name));
  }

  /**
   * Makes a link that leads nowhere, and switches it on.
   *
   * @throws {NetlinkError} EEXIST if there is a link of that name.
   */
  addDummy(name: string): void {
    this.#socket.request(newDummy(name));
  }

  /**
   * Makes a macvlan in a namespace; it is not switched on.
   *
   * @throws {NetlinkError} EEXIST if there is a link of that name, EBUSY if the parent is a port of a bridge or has
   * ipvlans, ENODEV if there is no parent.
   */
  addMacvlan(request: MacvlanRequest): void {
    this.#socket.request(newMacvlan(request));
  }

  /**
   * Makes an ipvlan in a namespace; it is not switched on.
   *
   * @throws {NetlinkError} As `addMacvlan`, EBUSY if the parent has macvlans.
   */
  addIpvlan(request: IpvlanRequest): void {
    this.#socket.request(newIpvlan(request));
  }

  /**
   * Makes the link of a VLAN and switches it on.
   *
   * @throws {NetlinkError} EEXIST if there is a link of that name, or one of that VLAN on the parent; ENETDOWN if the
   * parent is switched off; EOPNOTSUPP if the kernel has no VLANs.
   */
  addVlan({ alias, ...request }: VlanRequest): void {
    // In one go, so that nobody finds it without
    this.#socket.request(newVlan(request), describeLink(request.name, alias));
  }

  /** The link of that name; `undefined` if there is none. */
  find(name: string): Link | undefined {
    const [message] = this.#socket.find(getLink(name)) ?? [];
    return message === undefined ? undefined : parseLink(message);
  }

  /**
   * The link of that name or index.
   *
   * @throws {NetlinkError} ENODEV if there is none.
   */
  get(link: LinkReference): Link {
    const request = getLink(link);
    const [message] = this.#socket.get(request);
    if (message === undefined) throw new TypeError(`Cannot find link "${link}": no answer`);
    return parseLink(message);
  }

  /** All links. */
  list(): Link[] {
    const request = { ...getLink(0), flags: NLM_F.DUMP, action: "list", subject: "links" };
    return this.#socket.get(request).map(parseLink);
  }

  /** Switches a link on. @throws {NetlinkError} ENODEV if there is none. */
  setUp(link: LinkReference): void {
    this.#socket.request(switchLinkOn(link));
  }

  /** Switches a link off. @throws {NetlinkError} ENODEV if there is none. */
  setDown(link: LinkReference): void {
    this.#socket.request(switchLinkOff(link));
  }

  /**
   * Takes a link away; of a veth pair both ends go.
   *
   * @returns False if there was none.
   * @throws {NetlinkError} EOPNOTSUPP for hardware and `lo`.
   */
  remove(link: LinkReference): boolean {
    return this.#socket.find(deleteLink(link)) !== undefined;
  }

  /**
   * Gives a link another name.
   *
   * @throws {NetlinkError} ENODEV if there is none, EEXIST if the name is taken; EBUSY before Linux 6.2 if it is up.
   */
  rename(link: LinkReference, name: string): void {
    const index = typeof link === "number" ? link : this.get(link).index;
    const attributes: Attribute[] = [[IFLA.IFNAME, name]];
    this.#socket.request({
      ...changeLink("rename link", index, attributes),
      subject: String(link),
    });
  }

  /**
   * Changes the size of a link's largest packet.
   *
   * @param mtu In bytes.
   * @throws {NetlinkError} EINVAL if the link below takes no such packets; ENODEV if there is no such link.
   */
  setMtu(link: LinkReference, mtu: number): void {
    this.#socket.request(changeLink("set the MTU of link", link, [[IFLA.MTU, mtu]]));
  }

  /**
   * Makes a link a port of a bridge.
   *
   * @param masterIndex The bridge; 0 to let the link go.
   * @throws {NetlinkError} ELOOP if it is a bridge itself, ENODEV if there is no such link.
   */
  setMaster(link: LinkReference, masterIndex: number): void {
    this.#socket.request(changeLink("attach link", link, [[IFLA.MASTER, masterIndex]]));
  }

  /** Gives a link a text for whoever looks; empty for none. @throws {NetlinkError} ENODEV if there is none. */
  setAlias(link: LinkReference, alias: string): void {
    this.#socket.request(describeLink(link, alias));
  }
}
