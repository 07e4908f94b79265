/** Links of VLANs as parents of networks: `eth0.10` is VLAN 10 on `eth0`, as docker reads it. @module */

import { dockerError, WherryError } from "../errors.ts";
import type { Link, Links } from "../kernel/link.ts";
import { NetlinkError } from "../kernel/netlink.ts";

/** What the name of a VLAN's link says. */
export interface VlanName {
  /** The link that carries it. */
  base: string;
  /** Number of the VLAN; see {@linkcode checkVlanId}. */
  id: number;
}

const MAX_ID = 4094;
/** By which a link that wherry has made is told from somebody else's. */
const ALIAS = "wherry vlan";

/**
 * Reads the name of a link that may have to be made.
 *
 * @returns `undefined` if no VLAN is called so.
 */
export function parseVlanName(name: string): VlanName | undefined {
  const [, base, digits] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  return base === undefined ? undefined : { base, id: Number(digits) };
}

/** @throws {WherryError} `invalid_argument`, in docker's words, if no VLAN has this number. */
export function checkVlanId({ id }: VlanName): void {
  if (id >= 1 && id <= MAX_ID) return;
  throw dockerError(
    "invalid_argument",
    `vlan id must be between 1-${MAX_ID}, received: ${id}`,
  );
}

/**
 * Has the link of a VLAN on the host. Does nothing if there is a link of that name, whoever made it, or no link that
 * could carry it. The caller holds `network/lock`.
 *
 * @throws {WherryError} `conflict` if the link that carries it is switched off, or has that VLAN under another name;
 * `unsupported` if the kernel has no VLANs.
 */
export function ensureVlan(links: Links, name: string): void {
  const vlan = parseVlanName(name);
  if (vlan === undefined || links.find(name) !== undefined) return;
  const base = links.find(vlan.base);
  if (base === undefined) return;
  try {
    links.addVlan({ name, parentIndex: base.index, id: vlan.id, alias: ALIAS });
  } catch (error) {
    throw error instanceof NetlinkError ? vlanFailure(name, { base, id: vlan.id }, error) : error;
  }
}

function vlanFailure(
  name: string,
  { base, id }: { base: Link; id: number },
  cause: NetlinkError,
): unknown {
  const cannot = `Cannot make the link "${name}"`;
  switch (cause.code) {
    case "ENETDOWN":
      return new WherryError("conflict", `${cannot}: "${base.name}" is switched off`, {
        cause,
        hint: `Switch it on, for example with "ip link set ${base.name} up"`,
      });
    case "EEXIST":
      return new WherryError(
        "conflict",
        `${cannot}: "${base.name}" has VLAN ${id} under another name`,
        { cause, hint: "Use that one as the parent" },
      );
    case "EOPNOTSUPP":
      return new WherryError("unsupported", `${cannot}: this kernel has no VLANs (802.1Q)`, {
        cause,
      });
    default:
      return cause;
  }
}

/** Removes the link of a VLAN that wherry has made, if it is there. The caller holds `network/lock`. */
export function removeVlan(links: Links, name: string): void {
  const link = links.find(name);
  if (link?.kind === "vlan" && link.alias === ALIAS) links.remove(link.index);
}
