/**
 * `/etc/hosts` of containers: how those on one network find each other by name, without a resolver.
 *
 * Each line that tells of another container ends with that container's short id as a comment, and can so be told from
 * what somebody inside has written.
 *
 * @see hosts(5)
 * @module
 */

/** The lines that every container has. */
export const LOCAL_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Names by which a container reaches the host. */
export const HOST_NAMES = ["host.docker.internal", "host.containers.internal"] as const;

/** What the first lines of a container's file depend on. */
export interface HostsHeader {
  /** The container's addresses. */
  addresses: readonly string[];
  /** Its host name. */
  hostname: string;
  /** Its domain name; empty for none. */
  domainname: string;
  /** Addresses of the host as the container sees it. */
  hostAddresses: readonly string[];
  /** `name:address`, and `host-gateway` for the host's. */
  extraHosts: readonly string[];
}

/** Writes the lines that do not depend on other containers. */
export function formatHostsHeader(header: HostsHeader): string {
  const { addresses, hostname, domainname, hostAddresses, extraHosts } = header;
  return LOCAL_HOSTS +
    hostAddresses.map((address) => `${address}\t${HOST_NAMES.join(" ")}\n`).join("") +
    formatExtraHosts(extraHosts, hostAddresses) +
    formatOwnLines(addresses, { hostname, domainname });
}

/** Writes the lines by which a container finds itself. */
export function formatOwnLines(
  addresses: readonly string[],
  { hostname, domainname }: Pick<HostsHeader, "hostname" | "domainname">,
): string {
  const own = domainname === "" ? hostname : `${hostname}.${domainname} ${hostname}`;
  return addresses.map((address) => `${address}\t${own}\n`).join("");
}

/** Writes the lines that were asked for. */
export function formatExtraHosts(
  extraHosts: readonly string[],
  hostAddresses: readonly string[],
): string {
  return extraHosts.flatMap((line) => {
    const at = line.indexOf(":");
    const name = line.slice(0, at);
    const address = line.slice(at + 1);
    const all = address === "host-gateway" ? hostAddresses : [address];
    return all.map((one) => `${one}\t${name}\n`);
  }).join("");
}

/**
 * Writes the lines that tell of a container in a network's own list.
 *
 * @param id All 64 digits; containers get 12 of them, see {@linkcode shortenIds}.
 */
export function formatHostsLines(
  id: string,
  names: readonly string[],
  addresses: readonly string[],
): string {
  return addresses.map((address) => `${address}\t${names.join(" ")}\t# ${id}\n`).join("");
}

/** Lines of a network's list as containers get them. */
export function shortenIds(lines: string): string {
  return lines.replace(/(\t# [0-9a-f]{12})[0-9a-f]{52}$/gm, "$1");
}

/** Ids of the containers in a network's list. */
export function listMembers(list: string): string[] {
  return [...new Set(Array.from(list.matchAll(/\t# ([0-9a-f]{64})$/gm), ([, id = ""]) => id))];
}

/** Addresses of one container in a network's list. */
export function listMemberAddresses(list: string, id: string): string[] {
  return list.split("\n").filter((line) => line.endsWith(`\t# ${id}`))
    .map((line) => line.slice(0, line.indexOf("\t")));
}

/**
 * Takes away the lines that tell of a container's addresses.
 *
 * @param id As it stands at the ends of the lines.
 */
export function removeHostsLines(text: string, id: string, addresses: readonly string[]): string {
  return text.split("\n").filter((line) =>
    !(line.endsWith(`\t# ${id}`) && addresses.includes(line.slice(0, line.indexOf("\t"))))
  ).join("\n");
}

/** How a container is called from now on. */
export interface HostsRename {
  /** As it stands at the ends of the lines. */
  id: string;
  /** In place of what it was called. */
  names: readonly string[];
  /** Only lines with one of these change. */
  addresses: readonly string[];
}

/** Gives other names to the lines that tell of a container's addresses. */
export function renameHostsLines(text: string, { id, names, addresses }: HostsRename): string {
  return text.split("\n").map((line) => {
    const address = line.slice(0, line.indexOf("\t"));
    const isMeant = line.endsWith(`\t# ${id}`) && addresses.includes(address);
    return isMeant ? `${address}\t${names.join(" ")}\t# ${id}` : line;
  }).join("\n");
}
