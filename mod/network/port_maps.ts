/** Published ports as elements of maps of wherry's table: planned, and changed in a table that is there. @module */

import { parseIpAddress } from "../kernel/ip.ts";
import type { NetlinkRequest } from "../kernel/netlink.ts";
import { addElements, joinValues, removeElements } from "../kernel/nftables.ts";
import type { SetElement } from "../kernel/nftables_wire.ts";
import { isAnyAddress } from "./port_registry.ts";
import type { PortMapping } from "./sandbox.ts";
import { tableOf } from "./table_state.ts";

/** Of a published port: what is looked up, and where that leads. */
export interface PortMapNames {
  /** Ports that are published on one address. */
  bound: string;
  /** Ports that are published on all addresses. */
  any: string;
}

/** By the family of the host's address. */
export const PORT_MAPS: Readonly<Record<4 | 6, PortMapNames>> = {
  4: { bound: "ports4_on_address", any: "ports4" },
  6: { bound: "ports6_on_address", any: "ports6" },
};

/** Of the transports, as IPv4 and IPv6 number them. */
export const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;
const NO_BYTES = new Uint8Array();
const NO_PORT = new Uint8Array(2);

/** What has changed of the ports that are published. */
export interface PortChange {
  /** Ports that are not in the table yet. */
  added: readonly PortMapping[];
  /** Ports that are in the table. */
  removed: readonly PortMapping[];
}

/**
 * Plans a change of published ports in the table that is there.
 *
 * The batch fails with ENOENT if the table or what is to be removed is not there, with EEXIST if what is to be added is.
 *
 * @throws {RangeError} If an address is none.
 */
export function planPortChange(
  tableName: string,
  { added, removed }: PortChange,
): NetlinkRequest[] {
  const table = tableOf(tableName);
  const requests: NetlinkRequest[] = [];
  for (const [set, elements] of groupPorts(removed)) {
    requests.push(...removeElements(table, { set, elements }));
  }
  for (const [set, elements] of groupPorts(added)) {
    requests.push(...addElements(table, { set, elements }));
  }
  return requests;
}

/** Elements by the map that they belong into. */
export function groupPorts(ports: readonly PortMapping[]): Map<string, Iterable<SetElement>> {
  const groups = new Map<string, PortMapping[]>();
  for (const mapping of ports) {
    const name = portMapOf(mapping);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [mapping]);
    else group.push(mapping);
  }
  return new Map(Array.from(groups, ([name, group]) => [name, portElements(group)]));
}

function portMapOf({ hostAddress }: PortMapping): string {
  const names = PORT_MAPS[hostAddress.includes(":") ? 6 : 4];
  return isAnyAddress(hostAddress) ? names.any : names.bound;
}

/** One element for each port. Each is only good until the next one: there may be many thousands. */
function* portElements(mappings: readonly PortMapping[]): Generator<SetElement> {
  const elements = new Map<string, { key: Uint8Array; data: Uint8Array }>();
  for (const mapping of mappings) {
    const { protocol, hostAddress, hostPort, containerAddress, containerPort, count } = mapping;
    const text = `${protocol} ${hostAddress} ${containerAddress}`;
    const element = elements.get(text) ?? elementWithoutPorts(mapping);
    elements.set(text, element);
    for (let index = 0; index < count; index++) {
      setPort(element.key, hostPort + index);
      setPort(element.data, containerPort + index);
      yield element;
    }
  }
}

function elementWithoutPorts(
  { protocol, hostAddress, containerAddress }: PortMapping,
): { key: Uint8Array; data: Uint8Array } {
  const host = isAnyAddress(hostAddress) ? NO_BYTES : addressValue(hostAddress);
  return {
    key: joinValues(host, new Uint8Array([PROTOCOL_NUMBER[protocol]]), NO_PORT),
    data: joinValues(addressValue(containerAddress), NO_PORT),
  };
}

/** Writes a port into the last value of a key or of data, which has 4 bytes. */
function setPort(value: Uint8Array, port: number): void {
  value[value.length - 4] = port >> 8;
  value[value.length - 3] = port & 0xff;
}

/** @throws {RangeError} If `text` is no address. */
export function addressValue(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === undefined) throw new RangeError(`Cannot plan a table with "${text}": no address`);
  return address.bytes;
}
