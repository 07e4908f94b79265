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
  /** Where its root is mounted, inside its own mount namespace only. */
  merged: string;
  /** Sources of `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`. */
  etc: string;
  /** What exists while the container does, until a reboot. */
  runDirectory: string;
  /** Locked by the monitor while the container runs. */
  lock: string;
  /** Locked by who replaces or removes what was asked for, also while the container runs. */
  configLock: string;
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
      state: `${directory}/state.json`,
      health: `${directory}/health`,
      log: `${directory}/log`,
      upper: `${directory}/upper`,
      work: `${directory}/work`,
      merged: `${directory}/merged`,
      etc: `${directory}/etc`,
      runDirectory,
      lock: `${runDirectory}/lock`,
      configLock: `${runDirectory}/config.lock`,
    };
  }
}
