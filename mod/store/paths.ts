/** Where everything lives on disk. @module */

/** Default of `--root`: what survives a reboot. */
export const DEFAULT_ROOT = "/var/lib/wherry";
/** Default of `--run-root`: what a reboot may forget. */
export const DEFAULT_RUN_ROOT = "/run/wherry";

/** Files of one container. */
export interface ContainerPaths {
  /** Everything of the container that survives a reboot. */
  directory: string;
  /** What was asked for. */
  config: string;
  /** What was asked for, of a container that is being removed together with its volumes. */
  removed: string;
  /** What is; written by the monitor alone. */
  state: string;
  /** The last health checks; written by the monitor alone. */
  health: string;
  /** Log of its output. */
  log: string;
  /** Its own changes: overlay's upper directory. */
  upper: string;
  /** Overlay's work directory. */
  work: string;
  /** Where its root is mounted, inside its own mount namespace only; with the storage driver `copy`, its root. */
  merged: string;
  /** Sources of `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`. */
  etc: string;
  /** The last addresses that DHCP servers have given it, by its links. */
  lastAddresses: string;
  /** What exists while the container does, until a reboot. */
  runDirectory: string;
  /** Locked by the monitor while the container runs. */
  lock: string;
  /** Locked by who replaces or removes what was asked for, also while the container runs. */
  configLock: string;
  /** Where its cgroups are, unless it has only the usual one; `mod/engine/record/cgroup.ts`. */
  cgroups: string;
  /** Its sandbox; exists while there is anything of it to undo. */
  network: string;
  /** Exists if another container has joined the sandbox, whose links then do not go with this container's monitor. */
  joined: string;
  /** Locked for a moment by who changes the sandbox of a container that runs, or undoes one. */
  networkLock: string;
  /** Locked as long as a command asks a DHCP server for an address of a container that runs. */
  connectLock: string;
  /** The volumes that are mounted for it; exists while there may be any. */
  mountedVolumes: string;
}

/** Files of one network; all are forgotten by a reboot. */
export interface NetworkPaths {
  /** Holds all of them. */
  runDirectory: string;
  /** Held while endpoints come and go. */
  lock: string;
  /** A symbolic link for each address that is taken; see `mod/network/address_book.ts`. */
  addresses: string;
  /** Names of its endpoints: lines of `/etc/hosts`, with the container's id as a comment at the end. */
  hosts: string;
}

/** Files of one volume. */
export interface VolumePaths {
  /** Everything of the volume. */
  directory: string;
  /** What was asked for. */
  record: string;
  /** What containers see. */
  data: string;
  /** Held for a moment by who mounts it, unmounts it, or begins or ends to use it. */
  mountLock: string;
  /** What an image has, whole; exists while it is being moved into `data`: see `mod/volume/volume_filling.ts`. */
  filling: string;
  /** What has been copied of that so far, or what is to be removed of it. */
  fillStaging: string;
  /** Locked by who fills it. */
  fillLock: string;
  /** Exists as long as a volume is in no record of the container that it was made for, and nobody else has asked for it. */
  unclaimed: string;
}

/** What wherry keeps of the host's network; all is forgotten by a reboot. See `docs/network.md`. */
export interface HostNetworkPaths {
  /** Holds all of them, and a directory for each network. */
  directory: string;
  /** Held while networks come and go, and for the other files. */
  lock: string;
  /** Networks that are up. */
  bridges: string;
  /** Published ports and their owners. */
  ports: string;
  /** The whole nf_tables table as one netlink batch. */
  ruleset: string;
  /** Exists while the kernel may differ from `ruleset`. */
  dirty: string;
  /** What sysctls were before they were changed. */
  sysctls: string;
  /** Held while the files change by which containers find each other. */
  namesLock: string;
}

/** The layout of wherry's two directories. */
export class Paths {
  /** What survives a reboot. */
  readonly root: string;
  /** What a reboot may forget: sockets and locks. */
  readonly runRoot: string;

  /**
   * Makes nothing on disk.
   *
   * @param root Absolute path.
   * @param runRoot Absolute path.
   */
  constructor(root: string, runRoot: string) {
    this.root = root;
    this.runRoot = runRoot;
  }

  /** One directory for each container, named by its id. */
  get containers(): string {
    return `${this.root}/containers`;
  }

  /** One symbolic link for each container name; its content is the id. */
  get names(): string {
    return `${this.root}/names`;
  }

  /** Locked by who removes the name of a container that is gone. */
  get namesLock(): string {
    return `${this.runRoot}/names.lock`;
  }

  /** Held by who chooses ids for a container until its record tells of them. */
  get idLock(): string {
    return `${this.root}/ids.lock`;
  }

  /** How root file systems of containers are made here, as it was found out once. */
  get storageDriver(): string {
    return `${this.root}/storage_driver`;
  }

  /** Unpacked layers, named by ChainID. */
  get layers(): string {
    return `${this.root}/layers`;
  }

  /** Containers whose records could not be read, put aside. */
  get damaged(): string {
    return `${this.root}/damaged`;
  }

  /** Run directories of containers. */
  get runContainers(): string {
    return `${this.runRoot}/containers`;
  }

  /** Locked shared by who makes a container, exclusively by who looks for leftovers. */
  get gate(): string {
    return `${this.runRoot}/gate`;
  }

  /** What has happened to containers and images, one JSON document a line. */
  get events(): string {
    return `${this.runRoot}/events`;
  }

  /** The files of one container. */
  container(id: string): ContainerPaths {
    const directory = `${this.containers}/${id}`;
    const runDirectory = `${this.runContainers}/${id}`;
    return {
      directory,
      config: `${directory}/config.json`,
      removed: `${directory}/removed.json`,
      state: `${directory}/state.json`,
      health: `${directory}/health`,
      log: `${directory}/log`,
      upper: `${directory}/upper`,
      work: `${directory}/work`,
      merged: `${directory}/merged`,
      etc: `${directory}/etc`,
      lastAddresses: `${directory}/last_addresses.json`,
      runDirectory,
      lock: `${runDirectory}/lock`,
      configLock: `${runDirectory}/config.lock`,
      network: `${runDirectory}/network.json`,
      joined: `${runDirectory}/joined`,
      cgroups: `${runDirectory}/cgroups`,
      networkLock: `${runDirectory}/network.lock`,
      connectLock: `${runDirectory}/connect.lock`,
      mountedVolumes: `${runDirectory}/mounted_volumes.json`,
    };
  }

  /** One directory for each volume, named by it. */
  get volumes(): string {
    return `${this.root}/volumes`;
  }

  /** Locked shared by who makes a container with volumes until its record tells of them, alone by who removes some. */
  get volumesLock(): string {
    return `${this.root}/volumes.lock`;
  }

  /** The files of one volume. */
  volume(name: string): VolumePaths {
    const directory = `${this.volumes}/${name}`;
    return {
      directory,
      record: `${directory}/volume.json`,
      data: `${directory}/_data`,
      mountLock: `${directory}/mount.lock`,
      filling: `${directory}/_fill`,
      fillStaging: `${directory}/_fill.new`,
      fillLock: `${directory}/fill.lock`,
      unclaimed: `${directory}/unclaimed`,
    };
  }

  /** Records of networks, one file for each, named by the network. */
  get networks(): string {
    return `${this.root}/networks`;
  }

  /** What wherry keeps of the host's network. */
  get hostNetwork(): HostNetworkPaths {
    const directory = `${this.runRoot}/network`;
    return {
      directory,
      lock: `${directory}/lock`,
      bridges: `${directory}/bridges`,
      ports: `${directory}/ports`,
      ruleset: `${directory}/ruleset`,
      dirty: `${directory}/dirty`,
      sysctls: `${directory}/sysctls`,
      namesLock: `${directory}/names.lock`,
    };
  }

  /** The files of one network. */
  network(id: string): NetworkPaths {
    const runDirectory = `${this.runRoot}/network/${id}`;
    return {
      runDirectory,
      lock: `${runDirectory}/lock`,
      addresses: `${runDirectory}/addresses`,
      hosts: `${runDirectory}/hosts`,
    };
  }
}
