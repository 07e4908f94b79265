/** Which namespaces are a container's own. @module */

const OF_CONTAINER = "container:";

/** The container with this id. */
export type OfContainer = `container:${string}`;

/** Ids of the host that stand for a container's ids 0, 1, 2 ... */
export interface IdRange {
  /** The host's id of the container's 0. */
  first: number;
  /** How many ids there are. */
  count: number;
}

/** Bounds of how many ids of its own a container has: room for the system's users, and less than all there are. */
export const OWN_IDS = { min: 1_000, max: 2 ** 31 } as const;

/** Namespaces, besides the network's, in docker's words. */
export interface Namespaces {
  /** Which processes it sees. */
  pid: "private" | "host" | OfContainer;
  /** Whose System V and POSIX objects it sees; `shareable` ones can be joined, `none` has no /dev/shm. */
  ipc: "private" | "shareable" | "none" | "host" | OfContainer;
  /** Whose host name it has. */
  uts: "private" | "host";
  /** What it sees of the tree of cgroups. */
  cgroup: "private" | "host";
  /** Ids that are its own; `null` for the host's. */
  idRange: IdRange | null;
}

/**
 * Id of the container whose namespace one joins.
 *
 * @returns `undefined` for other modes.
 */
export function joinedContainer(mode: Namespaces["pid" | "ipc"]): string | undefined {
  return mode.startsWith(OF_CONTAINER) ? mode.slice(OF_CONTAINER.length) : undefined;
}

/** Whether a container has System V and POSIX objects, and the sysctls of these, for itself alone or to share. */
export function ownsIpc({ ipc }: Pick<Namespaces, "ipc">): boolean {
  return ipc === "private" || ipc === "shareable" || ipc === "none";
}

/**
 * What is wrong with naming a host that has a name already, in docker's words.
 *
 * @returns `undefined` if nobody does.
 */
export function hostNameConflict(
  { uts }: Pick<Namespaces, "uts">,
  { hostname, domainname = "" }: { hostname?: string | undefined; domainname?: string | undefined },
): string | undefined {
  if (uts === "private" || (hostname === undefined && domainname === "")) return undefined;
  const what = hostname === undefined ? "domainname" : "hostname";
  return `conflicting options: ${what} and the UTS mode`;
}

/** All its own, but for ids. */
export const PRIVATE_NAMESPACES: Readonly<Namespaces> = {
  pid: "private",
  ipc: "private",
  uts: "private",
  cgroup: "private",
  idRange: null,
};
