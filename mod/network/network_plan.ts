/** From what somebody asks for to a network's record: pure. @module */

import { dockerError, type WherryError } from "../errors.ts";
import {
  addressToNumber,
  type Cidr,
  containsAddress,
  containsCidr,
  firstAddress,
  firstUsableAddress,
  formatAddressNumber,
  formatCidr,
  hasHostBits,
  type IpFamily,
  lastAddress,
  lastUsableAddress,
  networkOf,
  overlaps,
  parseCidr,
  parseIpAddress,
} from "../kernel/ip.ts";
import {
  type IpamPool,
  NETWORK_OPTION,
  type NetworkConfig,
  type NetworkDriver,
} from "./network.ts";
import { checkNetworkName } from "./network_name.ts";
import { normalizeOptions } from "./network_options.ts";

/** What somebody asks for. */
export interface NetworkRequest {
  /** What it is to be called. */
  name: string;
  /** As given; docker's `null` is `none`. @default {"bridge"} */
  driver?: string;
  /** As given. @default {"default"} */
  ipamDriver?: string;
  /** Options for that. @default {none} */
  ipamOptions?: Record<string, string>;
  /** As given; empty gateways and ranges are chosen. @default {wherry chooses} */
  pools?: IpamPool[];
  /** Whether nothing outside is to be reachable from it. @default {false} */
  isInternal?: boolean;
  /** Only shown. @default {false} */
  isAttachable?: boolean;
  /** Whether containers get IPv4 addresses. @default {true} */
  hasIpv4?: boolean;
  /** Whether containers get IPv6 addresses. @default {where a pool or the host has them} */
  hasIpv6?: boolean;
  /** Options of the driver, by their long or short names. @default {none} */
  options?: Record<string, string>;
  /** Names and values for whoever looks. @default {none} */
  labels?: Record<string, string>;
}

/** What a record needs that nobody asks for. */
export interface NetworkIdentity {
  /** 64 lower-case hexadecimal digits. */
  id: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** Whether the host has IPv6. */
  hostHasIpv6: boolean;
}

/** In bytes. */
const LEAST_IPV6_MTU = 1280;

const DRIVERS: Readonly<Record<string, NetworkDriver>> = {
  "": "bridge",
  bridge: "bridge",
  macvlan: "macvlan",
  ipvlan: "ipvlan",
  host: "host",
  none: "none",
  null: "none",
};

const IPAM_DRIVERS: Readonly<Record<string, NetworkConfig["ipamDriver"]>> = {
  "": "default",
  default: "default",
  dhcp: "dhcp",
  none: "none",
  null: "none",
};

/**
 * Checks what somebody asks for.
 *
 * @returns A record in which the pools that were not given are missing: see {@linkcode missingFamilies}.
 * @throws {WherryError} `invalid_argument`, in docker's words where it has some.
 */
export function planNetwork(request: NetworkRequest, identity: NetworkIdentity): NetworkConfig {
  const { name, ipamOptions = {}, labels = {}, isInternal = false, isAttachable = false } = request;
  checkNetworkName(name);
  const driver = readDriver(request.driver ?? "");
  const ipamDriver = readIpamDriver(request.ipamDriver ?? "");
  const options = normalizeOptions(driver, request.options ?? {});
  const pools = checkPools(request.pools ?? []);
  const hasSubnetOf = (family: IpFamily): boolean =>
    pools.some(({ block }) => block.family === family);
  // IPv6 needs packets of a certain length, RFC 8200 section 5
  const isLongEnough = Number(options[NETWORK_OPTION.MTU] ?? LEAST_IPV6_MTU) >= LEAST_IPV6_MTU;
  const hasOwnIpv6 = driver === "bridge" && ipamDriver === "default" && isLongEnough &&
    identity.hostHasIpv6;
  const network: NetworkConfig = {
    schema: 1,
    id: identity.id,
    name,
    createdAt: identity.createdAt,
    driver,
    ipamDriver,
    ipamOptions,
    pools: pools.map(({ pool }) => pool),
    isInternal,
    isAttachable,
    hasIpv4: request.hasIpv4 ?? true,
    hasIpv6: request.hasIpv6 ?? (hasSubnetOf(6) || hasOwnIpv6),
    options,
    labels,
  };
  checkCombination(network);
  return network;
}

/** The families of which a network has addresses but no subnet yet. */
export function missingFamilies(
  { driver, ipamDriver, hasIpv4, hasIpv6, pools }: NetworkConfig,
): IpFamily[] {
  if (driver !== "bridge" || ipamDriver !== "default") return [];
  const given = new Set(pools.map(({ subnet }) => familyOf(subnet)));
  return ([4, 6] as const).filter((family) =>
    (family === 4 ? hasIpv4 : hasIpv6) && !given.has(family)
  );
}

function readDriver(text: string): NetworkDriver {
  const driver = Object.hasOwn(DRIVERS, text) ? DRIVERS[text] : undefined;
  if (driver !== undefined) return driver;
  throw invalid(`plugin "${text}" not found`, "Drivers are bridge, macvlan, ipvlan, host and none");
}

function readIpamDriver(text: string): NetworkConfig["ipamDriver"] {
  const driver = Object.hasOwn(IPAM_DRIVERS, text) ? IPAM_DRIVERS[text] : undefined;
  if (driver !== undefined) return driver;
  throw invalid(`invalid ipam driver: "${text}"`, "IPAM drivers are default, dhcp and none");
}

function invalid(message: string, hint?: string): WherryError {
  return dockerError("invalid_argument", message, hint === undefined ? {} : { hint });
}

/** What goes together and what does not. */
function checkCombination(network: NetworkConfig): void {
  const { name, driver, ipamDriver, pools, hasIpv4, hasIpv6, options } = network;
  const [{ subnet } = { subnet: "" }] = pools;
  const isAddressed = driver === "bridge" || driver === "macvlan" || driver === "ipvlan";
  if (!isAddressed && (pools.length > 0 || ipamDriver !== "default")) {
    throw invalid(`Cannot make network "${name}": driver ${driver} gives no addresses`);
  }
  if (ipamDriver === "dhcp" && driver !== "macvlan" && driver !== "ipvlan") {
    throw invalid(
      `Cannot make network "${name}": with driver ${driver} no DHCP server is reached`,
      "Use -d macvlan or -d ipvlan with --ipam-driver dhcp",
    );
  }
  const mode = options[NETWORK_OPTION.IPVLAN_MODE] ?? "l2";
  if (ipamDriver === "dhcp" && driver === "ipvlan" && mode !== "l2") {
    throw invalid(
      `Cannot make network "${name}": with ipvlan_mode ${mode} no DHCP server is reached`,
      "Use -o ipvlan_mode=l2, or -d macvlan",
    );
  }
  if (ipamDriver !== "default" && pools.length > 0) {
    const giver = ipamDriver === "dhcp" ? "the DHCP server chooses" : "nobody gives addresses";
    throw invalid(`Cannot use the subnet "${subnet}": with --ipam-driver ${ipamDriver} ${giver}`);
  }
  if (isAddressed && !hasIpv4 && !hasIpv6) {
    throw invalid("IPv4 or IPv6 must be enabled");
  }
  const mtu = network.options[NETWORK_OPTION.MTU];
  if (hasIpv6 && mtu !== undefined && Number(mtu) < LEAST_IPV6_MTU) {
    throw invalid(
      `Cannot use the option "mtu=${mtu}": IPv6 needs at least ${LEAST_IPV6_MTU} bytes`,
    );
  }
  for (const [family, isOn] of [[4, hasIpv4], [6, hasIpv6]] as const) {
    const ofFamily = pools.filter((pool) => familyOf(pool.subnet) === family);
    if (ofFamily.length > 1) {
      throw invalid(
        `${driver} driver doesn't support multiple subnets`,
        "Give at most one --subnet for IPv4 and one for IPv6",
      );
    }
    if (!isOn && ofFamily.length > 0) {
      throw invalid(`Cannot use the subnet "${ofFamily[0]?.subnet}": --ipv${family} is off`);
    }
  }
  if ((driver === "macvlan" || driver === "ipvlan") && ipamDriver === "default" && !pools.length) {
    throw invalid(
      `Cannot make network "${name}": driver ${driver} needs the subnet of its parent's LAN`,
      "Give it with --subnet, or let a DHCP server choose: --ipam-driver dhcp",
    );
  }
}

/** RFC 5771, RFC 4291 section 2.7. */
const MULTICAST: readonly Cidr[] = [
  { family: 4, address: 0xe0000000n, prefixLength: 4 },
  { family: 6, address: 0xff00n << 112n, prefixLength: 8 },
];

/** A pool that was checked. */
interface CheckedPool {
  pool: IpamPool;
  block: Cidr;
}

/** @throws {WherryError} `invalid_argument` with all that is wrong, in docker's words. */
function checkPools(pools: readonly IpamPool[]): CheckedPool[] {
  const problems: string[] = [];
  const checked = pools.flatMap((pool) => checkPool(pool, problems) ?? []);
  if (problems.length > 0) throw invalid(`invalid network config: ${problems.join("; ")}`);
  checked.forEach(({ block, pool }, index) => {
    const other = checked.slice(0, index).find((one) => overlaps(one.block, block));
    if (other === undefined) return;
    throw invalid(`Cannot use the subnet "${pool.subnet}": it overlaps with ${other.pool.subnet}`);
  });
  return checked;
}

function checkPool(pool: IpamPool, problems: string[]): CheckedPool | undefined {
  const block = parseCidr(pool.subnet);
  if (block === undefined) {
    problems.push(`invalid subnet ${pool.subnet}: invalid CIDR block notation`);
    return undefined;
  }
  if (hasHostBits(block)) {
    problems.push(`invalid subnet ${pool.subnet}: it should be ${formatCidr(networkOf(block))}`);
  } else if (block.prefixLength === 0) {
    problems.push(`invalid subnet ${pool.subnet}: it is everything`);
  } else if (MULTICAST.some((group) => overlaps(group, block))) {
    problems.push(`invalid subnet ${pool.subnet}: it has addresses of multicast groups`);
  }
  const range = checkRange(pool.range, block, problems);
  const auxiliary = Object.entries(pool.auxiliaryAddresses).map(([name, address]) =>
    [name, checkAddress(`auxiliary address ${name}`, { address, block, problems })] as const
  );
  const gateway = pool.gateway === ""
    ? chooseGateway(block, auxiliary.map(([, address]) => address))
    : checkAddress(`gateway ${pool.gateway}`, { address: pool.gateway, block, problems });
  const [twice] = auxiliary.find(([, address]) => address !== "" && address === gateway) ?? [];
  if (twice !== undefined) {
    problems.push(`invalid auxiliary address ${twice}: it is the gateway's`);
  }
  return {
    block,
    pool: {
      subnet: formatCidr(block),
      gateway,
      range,
      auxiliaryAddresses: Object.fromEntries(auxiliary),
    },
  };
}

/** @returns It in canonical form. */
function checkRange(text: string, subnet: Cidr, problems: string[]): string {
  if (text === "") return "";
  const range = parseCidr(text);
  const report = (problem: string): void => {
    problems.push(`invalid ip-range ${text}: ${problem}`);
  };
  if (range === undefined) {
    report("invalid CIDR block notation");
    return "";
  }
  if (range.family !== subnet.family) {
    report(`parent subnet is an IPv${subnet.family} block`);
    return "";
  }
  const parent = formatCidr(subnet);
  if (range.prefixLength < subnet.prefixLength) {
    report(`CIDR block is bigger than its parent subnet ${parent}`);
  }
  if (hasHostBits(range)) report(`it should be ${formatCidr(networkOf(range))}`);
  if (!containsCidr(subnet, range) && !containsCidr(range, subnet)) {
    report(`parent subnet ${parent} doesn't contain ip-range`);
  }
  return formatCidr(range);
}

/** @returns It in canonical form. */
function checkAddress(
  what: string,
  { address: text, block, problems }: { address: string; block: Cidr; problems: string[] },
): string {
  const address = parseIpAddress(text);
  const report = (problem: string): string => {
    problems.push(`invalid ${what}: ${problem}`);
    return "";
  };
  if (address === undefined) return report("invalid address");
  if (address.family !== block.family) {
    return report(`parent subnet is an IPv${block.family} block`);
  }
  const number = addressToNumber(address);
  if (!containsAddress(block, address.family, number)) {
    return report(`parent subnet ${formatCidr(block)} doesn't contain this address`);
  }
  if (number === firstAddress(block) && number !== firstUsableAddress(block)) {
    return report("it is the network's own address");
  }
  if (number === lastAddress(block) && number !== lastUsableAddress(block)) {
    return report("it is the network's broadcast address");
  }
  return formatAddressNumber(address.family, number);
}

/** The first address that nobody has. */
function chooseGateway(block: Cidr, taken: readonly string[]): string {
  let number = firstUsableAddress(block);
  while (number < lastUsableAddress(block)) {
    if (!taken.includes(formatAddressNumber(block.family, number))) break;
    number++;
  }
  return formatAddressNumber(block.family, number);
}

/** Family of a subnet that was checked. */
function familyOf(subnet: string): IpFamily {
  return subnet.includes(":") ? 6 : 4;
}
