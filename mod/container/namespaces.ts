/** Which namespaces are a container's own. @module */

/** The container with this id. */
export type OfContainer = `container:${string}`;

/** Ids of the host that stand for a container's ids 0, 1, 2 ... */
export interface IdRange {
  /** The host's id of the container's 0. */
  first: number;
  /** How many ids there are. */
  count: number;
}

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

/** All its own, but for ids. */
export const PRIVATE_NAMESPACES: Readonly<Namespaces> = {
  pid: "private",
  ipc: "private",
  uts: "private",
  cgroup: "private",
  idRange: null,
};
