/** `/etc/resolv.conf` of containers. @see resolv.conf(5) @module */

/** What somebody asks for; empty lists leave it to the host. */
export interface ResolverRequest {
  servers: readonly string[];
  searches: readonly string[];
  options: readonly string[];
}

/** What the host has. */
export interface HostResolver {
  /** Its `/etc/resolv.conf`. */
  text: string;
  /** That of systemd-resolved, which names the servers behind its own; `undefined` if there is none. */
  upstreamText: string | undefined;
}

/** How containers with a namespace of their own find the addresses of names. */
export interface ContainerResolver {
  /** The file's content. */
  text: string;
  /** Whether the host's only servers are on its loopback, so that packets to the gateway must be led there. */
  usesGateway: boolean;
}

/** Where the host has its name servers. */
export const RESOLV_CONF = "/etc/resolv.conf";
/** Where systemd-resolved tells of the servers behind its own. */
const UPSTREAM_RESOLV_CONF = "/run/systemd/resolve/resolv.conf";

/** What the host has. */
export function readHostResolver(): HostResolver {
  return { text: readHostFile(RESOLV_CONF), upstreamText: readHostFile(UPSTREAM_RESOLV_CONF) };
}

/** A file of the host; empty if it is missing. */
export function readHostFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

const LOOPBACK = /^(?:127\.|::1$|0\.0\.0\.0$)/;

/**
 * Plans a container's file.
 *
 * A server on the host's loopback is another one inside, or nobody: those behind systemd-resolved take its place, or
 * the gateway, from where the packets are led to it.
 *
 * @param gateway The host's address as the container sees it; empty if it sees none.
 */
export function planResolvConf(
  request: ResolverRequest,
  { text, upstreamText }: HostResolver,
  gateway: string,
): ContainerResolver {
  const host = parseResolvConf(text);
  const upstream = parseResolvConf(upstreamText ?? "");
  const reachable = host.servers.filter(isReachable);
  const behind = reachable.length > 0 ? reachable : upstream.servers.filter(isReachable);
  const usesGateway = request.servers.length === 0 && behind.length === 0 &&
    host.servers.length > 0 && gateway !== "";
  const inherited = usesGateway ? [gateway] : behind;
  return {
    text: formatResolvConf({
      servers: orElse(request.servers, inherited),
      searches: planSearches(request.searches, host.searches),
      options: orElse(request.options, host.options),
    }),
    usesGateway,
  };
}

/** The first of the host's servers that is on its loopback; `undefined` if another one can be reached from anywhere. */
export function findLoopbackServer({ text, upstreamText }: HostResolver): string | undefined {
  const { servers } = parseResolvConf(text);
  const { servers: upstream } = parseResolvConf(upstreamText ?? "");
  if (servers.some(isReachable) || upstream.some(isReachable)) return undefined;
  return servers.find((server) => server.startsWith("127."));
}

function isReachable(server: string): boolean {
  return !LOOPBACK.test(server);
}

function orElse(wanted: readonly string[], inherited: readonly string[]): readonly string[] {
  return wanted.length > 0 ? wanted : inherited;
}

/** A single dot stands for no domain at all, as with docker. */
function planSearches(wanted: readonly string[], inherited: readonly string[]): readonly string[] {
  return orElse(wanted, inherited).filter((domain) => domain !== ".");
}

function formatResolvConf({ servers, searches, options }: ResolverRequest): string {
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ].map((line) => `${line}\n`).join("");
}

function parseResolvConf(text: string): ResolverRequest {
  const lines = text.split("\n").map((line) => line.replace(/[#;].*/, "").trim().split(/\s+/));
  const all = (word: string): string[][] =>
    lines.filter(([first]) => first === word).map(([, ...rest]) => rest);
  return {
    servers: all("nameserver").flatMap(([server]) => server === undefined ? [] : [server]),
    searches: [...all("search"), ...all("domain")][0] ?? [],
    options: all("options").flat(),
  };
}
