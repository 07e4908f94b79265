/**
 * The container engines that the benchmark compares, each set up in a directory of its own.
 *
 * Nothing of the host's own docker or podman is touched: daemons are started
 * by hand on private sockets, and stopped again.
 *
 * @module
 */

import { findProgram } from "./prerequisites.ts";

/** How long a daemon may take until it answers. */
const DAEMON_START_TIMEOUT_MS = 20_000;
const DAEMON_POLL_MS = 100;

/** An engine that is ready to run containers from the busybox image. */
export interface Engine extends AsyncDisposable {
  /** What it is called in the results. */
  name: string;
  /** What it says of its version, in one line. */
  version: string;
  /** Command that runs `true` in a fresh container without a network and removes it. */
  runCommand: readonly string[];
  /** Words before a subcommand, for engines that keep containers; undefined for one that does not. */
  client?: readonly string[];
  /** Options of `run` that this engine needs on every host. */
  runOptions?: readonly string[];
  /** Processes that must run for the engine to work at all. */
  daemonPids?: readonly number[];
}

/** What every engine is set up from. */
export interface EngineSource {
  /** Private directory; the engine makes its own below. */
  directory: string;
  /** The busybox root file system as a tar archive. */
  rootfsTar: string;
  /**
   * Whether containers get networks: only in a network namespace of the benchmark's own. @default {false}
   */
  hasNetworks?: boolean;
}

/** Runs a command to its end and returns what it wrote to stdout. */
export async function capture(command: readonly string[]): Promise<string> {
  const [program = "", ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout).trim();
  throw new Error(`Cannot run "${command.join(" ")}": ${decoder.decode(stderr).trim()}`);
}

async function firstLine(command: readonly string[]): Promise<string> {
  return (await capture(command)).split("\n", 1).at(0) ?? "";
}

/** Starts a daemon whose output goes nowhere, and stops it on disposal. */
function startDaemon(
  program: string,
  args: readonly string[],
): AsyncDisposable & { readonly pid: number } {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        // It has ended by itself, which is all that is wanted here.
        if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
      }
      await child.status;
    },
  };
}

/** Waits until a command succeeds. */
async function waitFor(command: readonly string[]): Promise<void> {
  const deadline = performance.now() + DAEMON_START_TIMEOUT_MS;
  for (;;) {
    try {
      await capture(command);
      return;
    } catch (cause) {
      if (performance.now() > deadline) {
        throw new Error(`Cannot wait longer for "${command.join(" ")}"`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, DAEMON_POLL_MS));
    }
  }
}

/** Takes away mounts that an engine left below its directory, innermost first. */
export async function unmountBelow(directory: string): Promise<void> {
  const paths = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n")
    .map((line) => line.split(" ").at(4) ?? "")
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of paths.toReversed()) await capture(["umount", path]);
}

/**
 * Sets up wherry itself.
 *
 * @param source Where and from what.
 * @param executable Path of `dist/wherry`.
 */
export async function openWherry(source: EngineSource, executable: string): Promise<Engine> {
  const directory = `${source.directory}/wherry`;
  const client = [executable, "--root", `${directory}/root`, "--run-root", `${directory}/run`];
  await Deno.mkdir(directory);
  await capture([...client, "import", source.rootfsTar, "busybox"]);
  return {
    name: "wherry",
    version: await firstLine([executable, "--version"]),
    runCommand: [...client, "run", "--rm", "--network", "none", "busybox", "true"],
    client,
    runOptions: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Sets up runc with a bare bundle: the unpacked root file system, no image, no copy on write.
 *
 * @param source Where and from what.
 * @returns undefined when runc is not installed.
 */
export async function openRunc(source: EngineSource): Promise<Engine | undefined> {
  const runc = findProgram("runc");
  if (runc === undefined) return undefined;
  const bundle = `${source.directory}/runc-bundle`;
  await Deno.mkdir(`${bundle}/rootfs`, { recursive: true });
  await capture(["tar", "-xf", source.rootfsTar, "-C", `${bundle}/rootfs`]);
  await capture([runc, "spec", "--bundle", bundle]);
  const spec = JSON.parse(await Deno.readTextFile(`${bundle}/config.json`));
  spec.process.terminal = false;
  spec.process.args = ["true"];
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
  const state = `${source.directory}/runc-state`;
  return {
    name: "runc, bare bundle",
    version: await firstLine([runc, "--version"]),
    runCommand: [runc, "--root", state, "run", "--bundle", bundle, "wherry-bench"],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const NO_DOCKER_NETWORKS = [
  "--bridge",
  "none",
  "--iptables=false",
  "--ip-masq=false",
  "--ip-forward=false",
] as const;

/**
 * Sets up docker: a containerd and a dockerd of its own, without bridge and firewall rules unless it is to have networks.
 *
 * @param source Where and from what.
 * @returns undefined when docker is not installed.
 * @throws {Error} If the daemons do not start.
 */
export async function openDocker(source: EngineSource): Promise<Engine | undefined> {
  const docker = findProgram("docker");
  const dockerd = findProgram("dockerd");
  const containerd = findProgram("containerd");
  if (docker === undefined || dockerd === undefined || containerd === undefined) return undefined;
  const directory = `${source.directory}/docker`;
  await Deno.mkdir(directory);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => unmountBelow(directory));
  const address = `${directory}/containerd.sock`;
  const containerDaemon = undo.use(startDaemon(containerd, [
    ...["--root", `${directory}/containerd`, "--state", `${directory}/containerd-state`],
    ...["--address", address],
  ]));
  const dockerDaemon = undo.use(startDaemon(dockerd, [
    ...["--containerd", address, "--host", `unix://${directory}/docker.sock`],
    ...["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`],
    ...["--pidfile", `${directory}/docker.pid`],
    ...(source.hasNetworks ? [] : NO_DOCKER_NETWORKS),
  ]));
  const client = [docker, "--host", `unix://${directory}/docker.sock`];
  await waitFor([...client, "version"]);
  await capture([...client, "import", source.rootfsTar, "busybox"]);
  const version = await firstLine([dockerd, "--version"]);
  const stack = undo.move();
  return {
    name: "docker",
    version,
    runCommand: [...client, "run", "--rm", "--network", "none", "busybox", "true"],
    client,
    runOptions: [],
    daemonPids: [containerDaemon.pid, dockerDaemon.pid],
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/**
 * Sets up podman with its own storage.
 *
 * @param source Where and from what.
 * @returns undefined when podman or runc is not installed.
 */
export async function openPodman(source: EngineSource): Promise<Engine | undefined> {
  const podman = findProgram("podman");
  if (podman === undefined || findProgram("runc") === undefined) return undefined;
  const directory = `${source.directory}/podman`;
  // runc and cgroupfs, because crun refuses hosts with both cgroup versions.
  const client = [
    ...[podman, "--root", `${directory}/root`, "--runroot", `${directory}/run`],
    ...["--runtime", "runc", "--cgroup-manager", "cgroupfs"],
    ...["--network-config-dir", `${directory}/networks`],
  ];
  // Podman raises both limits by default, which takes a capability that not every root has.
  const runOptions = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  await Deno.mkdir(directory);
  await capture([...client, "import", source.rootfsTar, "busybox"]);
  return {
    name: "podman",
    version: await firstLine([podman, "--version"]),
    runCommand: [...client, "run", "--rm", "--network", "none", ...runOptions, "busybox", "true"],
    client,
    runOptions,
    [Symbol.asyncDispose]: () => unmountBelow(directory),
  };
}
