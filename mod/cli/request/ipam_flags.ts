/** From the address flags of `network create` to pools: pure. @module */

import {
  addressToNumber,
  type Cidr,
  containsAddress,
  networkOf,
  parseCidr,
  parseIpAddress,
} from "../../kernel/ip.ts";
import type { IpamPool } from "../../network/network.ts";
import { argumentError } from "../base/argument_error.ts";
import { parseNameValues } from "../base/name_values.ts";

/** The flags, as they are parsed. */
export interface IpamFlags {
  subnet: string[];
  gateway: string[];
  "ip-range": string[];
  "aux-address": string[];
}

/**
 * Finds out which subnet each gateway, range and auxiliary address belongs to, as docker's client does.
 *
 * @returns Pools in the order of the subnets; malformed subnets are left to whoever makes the network.
 * @throws {WherryError} `invalid_argument`, in docker's words.
 * @see {@link https://github.com/docker/cli/blob/v28.2.2/cli/command/network/create.go} `createIPAMConfig`
 */
export function planPools(flags: IpamFlags): IpamPool[] {
  const subnets = splitAtCommas(flags.subnet);
  const gateways = splitAtCommas(flags.gateway);
  const ranges = splitAtCommas(flags["ip-range"]);
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw argumentError("every ip-range or gateway must have a corresponding subnet");
  }
  const drafts = subnets.map(readSubnet);
  checkApart(drafts);
  for (const range of ranges) setRange(drafts, range);
  for (const gateway of gateways) setGateway(drafts, gateway);
  for (const [name, address] of Object.entries(parseNameValues(flags["aux-address"]))) {
    if (address === "") {
      throw argumentError(`Cannot use --aux-address "${name}": it is not NAME=ADDRESS`);
    }
    const draft = drafts.find(({ block }) => hasAddress(block, address));
    if (draft === undefined) throw argumentError(`no matching subnet for aux-address ${address}`);
    draft.pool.auxiliaryAddresses[name] = address;
  }
  return drafts.map(({ pool }) => pool);
}

/** A pool that is being put together. */
interface PoolDraft {
  pool: IpamPool;
  /** `undefined` for a malformed subnet. */
  block: Cidr | undefined;
}

/** As Go's `StringSlice` takes lists. */
function splitAtCommas(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(","));
}

function readSubnet(text: string): PoolDraft {
  const cidr = parseCidr(text);
  return {
    pool: { subnet: text, gateway: "", range: "", auxiliaryAddresses: {} },
    block: cidr === undefined ? undefined : networkOf(cidr),
  };
}

function checkApart(drafts: readonly PoolDraft[]): void {
  drafts.forEach(({ block }, index) => {
    const isOverlapping = drafts.some((other, otherIndex) =>
      otherIndex !== index && block !== undefined && other.block !== undefined &&
      containsAddress(other.block, block.family, block.address)
    );
    if (isOverlapping) {
      throw argumentError("multiple overlapping subnet configuration is not supported");
    }
  });
}

function setRange(drafts: readonly PoolDraft[], text: string): void {
  const range = parseCidr(text);
  if (range === undefined) throw argumentError(`invalid CIDR address: ${text}`);
  const draft = drafts.find(({ block }) =>
    block !== undefined && containsAddress(block, range.family, range.address)
  );
  if (draft === undefined) throw argumentError(`no matching subnet for range ${text}`);
  const { pool } = draft;
  if (pool.range !== "") {
    throw argumentError(
      `cannot configure multiple ranges (${text}, ${pool.range}) on the same subnet (${pool.subnet})`,
    );
  }
  pool.range = text;
}

function setGateway(drafts: readonly PoolDraft[], text: string): void {
  const draft = drafts.find(({ block }) => hasAddress(block, text));
  if (draft === undefined) throw argumentError(`no matching subnet for gateway ${text}`);
  const { pool } = draft;
  if (pool.gateway !== "") {
    throw argumentError(
      `cannot configure multiple gateways (${text}, ${pool.gateway}) for the same subnet (${pool.subnet})`,
    );
  }
  pool.gateway = text;
}

function hasAddress(block: Cidr | undefined, text: string): boolean {
  const address = parseIpAddress(text);
  return block !== undefined && address !== undefined &&
    containsAddress(block, address.family, addressToNumber(address));
}
