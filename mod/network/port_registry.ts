/** Who has published which ports of the host: the record, and what gets in each other's way. @module */

import { WherryError } from "../errors.ts";
import { readRecord, writeRecord } from "../store/record.ts";
import type { PortMapping } from "./sandbox.ts";

/** Published ports by the id of the container that owns them. */
export type PortRegistry = ReadonlyMap<string, readonly PortMapping[]>;

/** Two mappings that want the same port. */
export interface PortConflict {
  /** Id of the container that has it; empty if both are among the wanted ones. */
  owner: string;
  /** The mapping that has it. */
  taken: PortMapping;
  /** The mapping that cannot have it. */
  wanted: PortMapping;
  /** The first port that both want. */
  port: number;
}

/** A mapping in the order of its text: there may be many thousands, and each start of a container with ports reads them. */
type MappingRow = [
  protocol: PortMapping["protocol"],
  hostAddress: string,
  hostPort: number,
  containerAddress: string,
  containerPort: number,
  count: number,
];

/** What `ports` has. */
interface RegistryRecord {
  schema: 1;
  owners: Record<string, readonly MappingRow[]>;
}

/**
 * Reads who has published what.
 *
 * @param path Of {@linkcode HostNetworkPaths}; a missing file means that nobody has published anything.
 * @throws {WherryError} `corrupt` if it is damaged.
 */
export function readPortRegistry(path: string): PortRegistry {
  return readRecord(path, parseRegistry) ?? new Map();
}

/** Replaces the record; a reboot forgets it, as the kernel forgets what it tells of. */
export function writePortRegistry(path: string, registry: PortRegistry): void {
  const owners: RegistryRecord["owners"] = {};
  for (const [owner, mappings] of registry) owners[owner] = mappings.map(rowOf);
  const record: RegistryRecord = { schema: 1, owners };
  writeRecord(path, record, { isDurable: false });
}

function rowOf(mapping: PortMapping): MappingRow {
  const { protocol, hostAddress, hostPort, containerAddress, containerPort, count } = mapping;
  return [protocol, hostAddress, hostPort, containerAddress, containerPort, count];
}

function parseRegistry(json: unknown): PortRegistry {
  const { schema, owners = {} } = (json ?? {}) as Partial<RegistryRecord>;
  if (schema !== 1) throw unknownShape();
  const registry = new Map<string, PortMapping[]>();
  for (const [owner, rows] of Object.entries(owners)) {
    if (!Array.isArray(rows)) throw unknownShape();
    registry.set(owner, rows.map(parseRow));
  }
  return registry;
}

function parseRow(row: Readonly<Partial<MappingRow>>): PortMapping {
  const [protocol, hostAddress, hostPort, containerAddress, containerPort, count] = row;
  const isSound = (protocol === "tcp" || protocol === "udp" || protocol === "sctp") &&
    typeof hostAddress === "string" && typeof containerAddress === "string" &&
    isPort(hostPort) && isPort(containerPort) && isPort(count);
  if (!isSound) throw unknownShape();
  return { protocol, hostAddress, hostPort, containerAddress, containerPort, count };
}

/** Whether it is a port, or how many there can be of them. */
function isPort(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value <= 0xffff;
}

function unknownShape(): WherryError {
  return new WherryError(
    "corrupt",
    "Cannot read the published ports: their shape is not known",
  );
}

/** The registry with more ports of one owner. */
export function withPorts(
  registry: PortRegistry,
  owner: string,
  mappings: readonly PortMapping[],
): PortRegistry {
  return new Map(registry).set(owner, [...registry.get(owner) ?? [], ...mappings]);
}

/**
 * The registry with fewer ports of one owner.
 *
 * @param mappings Those that go, as they were added; others are left alone.
 */
export function withoutPorts(
  registry: PortRegistry,
  owner: string,
  mappings: readonly PortMapping[],
): PortRegistry {
  const gone = new Set(mappings.map(textOf));
  const left = (registry.get(owner) ?? []).filter((mapping) => !gone.has(textOf(mapping)));
  const changed = new Map(registry);
  if (left.length > 0) changed.set(owner, left);
  else changed.delete(owner);
  return changed;
}

/** How to get from some published ports to others: ports that are in both are in neither list. */
export function comparePorts(
  before: readonly PortMapping[],
  after: readonly PortMapping[],
): { added: readonly PortMapping[]; removed: readonly PortMapping[] } {
  if (before.length === 0 || after.length === 0) return { added: after, removed: before };
  const [old, next] = [before, after].map((mappings) =>
    new Map(mappings.flatMap(listSinglePorts).map((single) => [textOf(single), single]))
  );
  return {
    added: Array.from(next ?? []).flatMap(([text, port]) => old?.has(text) ? [] : [port]),
    removed: Array.from(old ?? []).flatMap(([text, port]) => next?.has(text) ? [] : [port]),
  };
}

/** One mapping for each port of a mapping. */
function listSinglePorts(mapping: PortMapping): PortMapping[] {
  return Array.from({ length: mapping.count }, (_, offset) => ({
    ...mapping,
    hostPort: mapping.hostPort + offset,
    containerPort: mapping.containerPort + offset,
    count: 1,
  }));
}

/** All mappings of all owners. */
export function allPorts(registry: PortRegistry): PortMapping[] {
  return [...registry.values()].flat();
}

/** Everything that tells one mapping from another. */
function textOf(mapping: PortMapping): string {
  const { protocol, hostAddress, hostPort, containerAddress, containerPort, count } = mapping;
  return `${protocol} ${hostAddress} ${hostPort} ${containerAddress} ${containerPort} ${count}`;
}

/** Mappings by their ports. */
class PortIndex {
  /** Hardly ever do several share a port. */
  readonly #mappings = new Map<number, PortMapping | PortMapping[]>();

  add(mapping: PortMapping): void {
    const { hostPort, count } = mapping;
    for (let port = hostPort; port < hostPort + count; port++) {
      const there = this.#mappings.get(port);
      if (there === undefined) this.#mappings.set(port, mapping);
      else this.#mappings.set(port, [there, mapping].flat());
    }
  }

  /** The first port that a mapping wants as well, and who has it. */
  find(mapping: PortMapping): { port: number; other: PortMapping } | undefined {
    const { hostPort, count } = mapping;
    for (let port = hostPort; port < hostPort + count; port++) {
      const there = this.#mappings.get(port);
      if (there === undefined) continue;
      const other = [there].flat().find((other) => sharesAddress(mapping, other));
      if (other !== undefined) return { port, other };
    }
    return undefined;
  }
}

/** Whether a packet could be meant for either; `0.0.0.0` and `::` stand for all addresses of their family. */
function sharesAddress(one: PortMapping, other: PortMapping): boolean {
  if (one.protocol !== other.protocol) return false;
  if (isIpv6(one.hostAddress) !== isIpv6(other.hostAddress)) return false;
  return one.hostAddress === other.hostAddress || isAnyAddress(one.hostAddress) ||
    isAnyAddress(other.hostAddress);
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** Whether a host address stands for all addresses of its family. */
export function isAnyAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/**
 * Finds the first of the wanted mappings that cannot be had.
 *
 * @param wanted Addresses in canonical form.
 * @param isStale Whether what an owner has does not count any more. @default {it counts}
 */
export function findPortConflict(
  registry: PortRegistry,
  wanted: readonly PortMapping[],
  isStale: (owner: string) => boolean = () => false,
): PortConflict | undefined {
  const index = new PortIndex();
  for (const mapping of wanted) {
    const found = index.find(mapping);
    if (found !== undefined) {
      return { owner: "", taken: found.other, wanted: mapping, port: found.port };
    }
    index.add(mapping);
  }
  for (const [owner, mappings] of registry) {
    for (const taken of mappings) {
      const found = index.find(taken);
      if (found === undefined) continue;
      if (isStale(owner)) break;
      return { owner, taken, wanted: found.other, port: found.port };
    }
  }
  return undefined;
}

/** A mapping's host side in words, for example `0.0.0.0:80/tcp`, `[::]:80-89/udp`. */
export function formatHostPorts(
  { protocol, hostAddress, hostPort, count }: Pick<
    PortMapping,
    "protocol" | "hostAddress" | "hostPort" | "count"
  >,
): string {
  const address = isIpv6(hostAddress) ? `[${hostAddress}]` : hostAddress;
  const ports = count === 1 ? `${hostPort}` : `${hostPort}-${hostPort + count - 1}`;
  return `${address}:${ports}/${protocol}`;
}
