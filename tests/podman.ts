/** The real podman, to compare with. @module */

import type { TestEngine } from "./harness.ts";
import { ShortDirectory } from "./short_directory.ts";

/** A podman with directories of its own, for one test. */
export class TestPodman implements AsyncDisposable {
  readonly #wherry: TestEngine;
  readonly #options: readonly string[];
  /** Podman takes no more than 50 characters. */
  readonly #runRoot = new ShortDirectory();

  /** @param options Of podman itself. */
  constructor(wherry: TestEngine, ...options: readonly string[]) {
    this.#wherry = wherry;
    this.#options = options;
  }

  /** Runs a command of podman to its end; fails when it fails. */
  async run(...args: readonly string[]): Promise<string> {
    return await this.#wherry.runHost(
      ...["podman", "--root", `${this.#wherry.scratch}/podman`, "--runroot", this.#runRoot.path],
      ...["--tmpdir", `${this.#runRoot.path}/tmp`, ...this.#options, ...args],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runRoot[Symbol.asyncDispose]();
  }
}
