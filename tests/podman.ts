/** The real podman, to compare with. @module */

import type { TestEngine } from "./harness.ts";

/** A podman with directories of its own, for one test. */
export class TestPodman implements Disposable {
  readonly #wherry: TestEngine;
  readonly #options: readonly string[];
  /** Podman takes no path of more than 50 characters. */
  readonly #runRoot: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "podman-" });

  /** @param options Of podman itself. */
  constructor(wherry: TestEngine, ...options: readonly string[]) {
    this.#wherry = wherry;
    this.#options = options;
  }

  /** Runs a command of podman to its end; fails when it fails. */
  async run(...args: readonly string[]): Promise<string> {
    return await this.#wherry.runHost(
      ...["podman", "--root", `${this.#wherry.scratch}/podman`, "--runroot", this.#runRoot],
      ...["--tmpdir", `${this.#runRoot}/tmp`, ...this.#options, ...args],
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#runRoot, { recursive: true });
  }
}
