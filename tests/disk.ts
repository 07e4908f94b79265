/** Disks that are small, full or read-only, for tests. @module */

import { match } from "node:assert/strict";
import { eventually, type TestEngine } from "./harness.ts";

/** A tmpfs in the place of one of an engine's directories. */
export class Disk implements AsyncDisposable {
  readonly #wherry: TestEngine;
  readonly #place: string;

  private constructor(wherry: TestEngine, place: string) {
    this.#wherry = wherry;
    this.#place = place;
  }

  /**
   * Mounts one.
   *
   * @param options Of the file system, for example `size=8m,nr_inodes=100`.
   * @param place A directory, made if missing. @default {the engine's root}
   */
  static async mount(wherry: TestEngine, options: string, place = wherry.root): Promise<Disk> {
    Deno.mkdirSync(place, { recursive: true });
    await wherry.runHost("mount", "-t", "tmpfs", "-o", options, "tmpfs", place);
    return new Disk(wherry, place);
  }

  /** Changes its options, for example to `ro`. */
  async remount(options: string): Promise<void> {
    await this.#wherry.runHost("mount", "-o", `remount,${options}`, this.#place);
  }

  /**
   * Takes all room there is.
   *
   * @param what Inodes run out only where `nr_inodes` says so.
   * @returns Gives it back when disposed of.
   */
  async fill(what: "bytes" | "inodes"): Promise<AsyncDisposable> {
    const filling = `${this.#place}/filling`;
    const script = what === "bytes"
      ? 'exec head -c 1G /dev/zero >"$0"'
      : 'mkdir "$0"; while mkdir "$0/$((n += 1))"; do :; done';
    const { stderr } = await this.#wherry.runCommand(["sh", "-c", script, filling]);
    match(stderr, /No space left on device/);
    return {
      [Symbol.asyncDispose]: async () => void await this.#wherry.runHost("rm", "-r", filling),
    };
  }

  /**
   * Takes all room but for so much.
   *
   * @param megabytes How much is left.
   * @returns Gives it back when disposed of.
   */
  async fillAllBut(megabytes: number): Promise<AsyncDisposable> {
    const filling = `${this.#place}/filling`;
    const available = await this.#wherry.runHost("stat", "-f", "-c", "%a %S", this.#place);
    const [blocks = 0, blockSize = 0] = available.trim().split(" ").map(Number);
    const bytes = blocks * blockSize - megabytes * 1_000_000;
    await this.#wherry.runHost("fallocate", "-l", String(bytes), filling);
    return {
      [Symbol.asyncDispose]: async () => void await this.#wherry.runHost("rm", filling),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The last monitor may still be on its way out
    await eventually(async () => {
      await this.#wherry.removeUnusedNetworks();
      return (await this.#wherry.runCommand(["umount", this.#place])).code === 0;
    });
  }
}
