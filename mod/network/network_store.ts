/**
 * Records of networks on disk: one file for each, named by the network.
 *
 * Whoever writes or removes one holds `network/lock`; readers see a whole record or none.
 *
 * @module
 */

import { dockerError, WherryError } from "../errors.ts";
import { listNames } from "../kernel/entry.ts";
import type { Paths } from "../store/paths.ts";
import { readRecord, removeIfPresent, syncDirectory, writeRecord } from "../store/record.ts";
import { checkFields, isObject } from "../store/record_fields.ts";
import { DEFAULT_NETWORK, type NetworkConfig } from "./network.ts";
import { NETWORK_FIELD_CHECKS } from "./network_fields.ts";
import { isNetworkName } from "./network_name.ts";

const RECORD_ENDING = ".json";

/** What all networks have that give no addresses. */
const WITHOUT_ADDRESSES = {
  schema: 1,
  createdAt: "0001-01-01T00:00:00Z",
  ipamDriver: "default",
  ipamOptions: {},
  pools: [],
  isInternal: false,
  isAttachable: false,
  hasIpv4: true,
  hasIpv6: false,
  options: {},
  labels: {},
} as const;

/** The networks that need no record, because there is nothing to choose about them. */
const FIXED_NETWORKS: readonly NetworkConfig[] = [
  {
    ...WITHOUT_ADDRESSES,
    id: "a05f0000686f737400000000000000000000000000000000000000000000005f",
    name: "host",
    driver: "host",
    pools: [],
  },
  {
    ...WITHOUT_ADDRESSES,
    id: "a07e00006e6f6e6500000000000000000000000000000000000000000000007e",
    name: "none",
    driver: "none",
    pools: [],
  },
];

/** Whether a network of this name always exists and cannot be made or removed; docker reserves `default`, too. */
export function isPredefinedNetwork(name: string): boolean {
  return name === DEFAULT_NETWORK || name === "host" || name === "none" || name === "default";
}

/** What {@linkcode listNetworkRecords} found. */
export interface NetworkRecords {
  /** Also those that need no record; in no order. */
  networks: NetworkConfig[];
  /** Names of the damaged ones, and why they could not be read. */
  damaged: Map<string, WherryError>;
}

/**
 * Reads all records.
 *
 * @throws {WherryError} `unsupported` if they may not be read.
 */
export function listNetworkRecords(paths: Paths): NetworkRecords {
  const networks = [...FIXED_NETWORKS];
  const damaged = new Map<string, WherryError>();
  for (const name of listRecordNames(paths)) {
    try {
      const network = readNetwork(paths, name);
      if (network !== undefined) networks.push(network);
    } catch (error) {
      if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
      damaged.set(name, error);
    }
  }
  return { networks, damaged };
}

function listRecordNames({ networks }: Paths): string[] {
  try {
    return listNames(networks)
      .filter((file) => file.endsWith(RECORD_ENDING))
      .map((file) => file.slice(0, -RECORD_ENDING.length))
      // Whatever else lies there, nobody can have made it by name
      .filter((name) => isNetworkName(name) && !isFixed(name));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.PermissionDenied)) throw cause;
    throw new WherryError("unsupported", `Cannot read "${networks}": permission denied`, {
      cause,
      hint: "Run wherry as root",
    });
  }
}

function isFixed(name: string): boolean {
  return FIXED_NETWORKS.some((network) => network.name === name);
}

/**
 * Reads the record of one network.
 *
 * @returns `undefined` if there is none of this name.
 * @throws {WherryError} `corrupt` if it is damaged, or another network's.
 */
export function readNetwork(paths: Paths, name: string): NetworkConfig | undefined {
  const fixed = FIXED_NETWORKS.find((network) => network.name === name);
  if (fixed !== undefined) return fixed;
  if (!isNetworkName(name)) return undefined;
  try {
    return readRecord(recordPath(paths, name), (json) => {
      const network = parseNetwork(json);
      if (network.name === name) return network;
      throw new WherryError("corrupt", "Cannot read the network's record: it is another one's");
    });
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    const { kind, message, cause } = error;
    throw new WherryError(kind, message, { cause, hint: 'Put it aside with "wherry network ls"' });
  }
}

function recordPath(paths: Paths, name: string): string {
  return `${paths.networks}/${name}${RECORD_ENDING}`;
}

/**
 * Takes a network's record from JSON.
 *
 * @throws {WherryError} `corrupt` if it is not one, or of a newer version.
 */
export function parseNetwork(json: unknown): NetworkConfig {
  const network: object = isObject(json) ? json : {};
  checkFields<NetworkConfig>(network, NETWORK_FIELD_CHECKS, "network");
  return network;
}

/**
 * Finds the network that somebody means.
 *
 * @param wanted A name, a full id, or the beginning of an id, tried in this order.
 * @returns `undefined` if there is none.
 * @throws {WherryError} `invalid_argument` if several ids begin so, `corrupt` if the record of that name is damaged.
 */
export function findNetworkRecord(paths: Paths, wanted: string): NetworkConfig | undefined {
  const named = readNetwork(paths, wanted);
  if (named !== undefined || !/^[0-9a-f]+$/.test(wanted)) return named;
  const [found, ...others] = listNetworkRecords(paths).networks
    .filter(({ id }) => id.startsWith(wanted));
  if (others.length === 0) return found;
  throw new WherryError(
    "invalid_argument",
    `Cannot find network "${wanted}": the ids of ${others.length + 1} networks begin so`,
    { hint: "Give more digits of the id" },
  );
}

/** The error of a network that does not exist, in docker's words. */
export function noSuchNetwork(wanted: string): WherryError {
  return dockerError("not_found", `network ${wanted} not found`, {
    hint: 'See all networks with "wherry network ls"',
  });
}

/** Writes a network's record, durably; one of the same name is replaced. */
export function writeNetwork(paths: Paths, network: NetworkConfig): void {
  Deno.mkdirSync(paths.networks, { recursive: true, mode: 0o700 });
  writeRecord(recordPath(paths, network.name), network, { isDurable: true });
}

/** Removes a network's record, durably; a missing one is fine. */
export function removeNetworkRecord(paths: Paths, name: string): void {
  removeIfPresent(recordPath(paths, name));
  syncDirectory(paths.networks);
}

/**
 * Puts a damaged record where nobody reads it.
 *
 * @returns Where it is now.
 */
export function putNetworkAside(paths: Paths, name: string): string {
  const place = `${paths.damaged}/network-${name}${RECORD_ENDING}`;
  Deno.mkdirSync(paths.damaged, { recursive: true, mode: 0o700 });
  Deno.renameSync(recordPath(paths, name), place);
  return place;
}
