/** A docker daemon for one test, apart from any other on the host. @module */

import { eventually, type TestEngine } from "./harness.ts";
import { ShortDirectory } from "./short_directory.ts";

/** Nothing on the network. */
const NO_NETWORKS = [
  "--bridge=none",
  "--iptables=false",
  "--ip6tables=false",
  "--ip-forward=false",
  "--ip-masq=false",
];

/** A daemon with directories of its own, in the test's network namespace. */
export class DockerDaemon implements AsyncDisposable {
  readonly #wherry: TestEngine;
  /** Docker's sockets have long names below it. */
  readonly #short = new ShortDirectory();
  readonly #directory = this.#short.path;
  /** The last one started is stopped first. */
  readonly #daemons: Deno.ChildProcess[] = [];

  private constructor(wherry: TestEngine) {
    this.#wherry = wherry;
  }

  /** Starts one, and waits until it answers. */
  static async start(wherry: TestEngine): Promise<DockerDaemon> {
    const daemon = new DockerDaemon(wherry);
    const directory = daemon.#directory;
    const address = `${directory}/containerd.sock`;
    daemon.#spawn("containerd", [
      ...["--root", `${directory}/containerd`, "--state", `${directory}/containerd-state`],
      ...["--address", address],
    ]);
    daemon.#spawn("dockerd", [
      ...["--containerd", address, "--host", `unix://${directory}/docker.sock`],
      ...["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`],
      ...["--pidfile", `${directory}/docker.pid`, ...NO_NETWORKS],
    ]);
    await eventually(async () => (await wherry.runCommand(daemon.#client("version"))).code === 0);
    return daemon;
  }

  #spawn(program: string, args: readonly string[]): void {
    const redirect = `>"${this.#directory}/${program}.log" 2>&1`;
    this.#daemons.push(this.#wherry.spawnHost([program, ...args], { redirect }));
  }

  #client(...args: readonly string[]): string[] {
    return ["docker", "--host", `unix://${this.#directory}/docker.sock`, ...args];
  }

  /** Runs a command of docker's client; fails when it fails. */
  async run(...args: readonly string[]): Promise<string> {
    return await this.#wherry.runHost(...this.#client(...args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#daemons.toReversed()) {
      child.kill("SIGTERM");
      await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
    }
    await this.#short[Symbol.asyncDispose]();
  }
}
