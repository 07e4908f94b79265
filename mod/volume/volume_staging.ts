/** What is on its way into a volume. @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { removeTree } from "../kernel/tree.ts";
import { acquireLock } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { newLeftover, stagingLockOf } from "./volume_store.ts";

/**
 * A place beside the volumes, out of sight of all containers; removed with what is left in it when disposed of.
 *
 * A killed process leaves its directory, but not its lock: so sweeps tell leftovers from work in progress.
 */
export class VolumeStaging implements Disposable {
  readonly #directory: string;
  readonly #lock: Descriptor;

  /**
   * Makes it, with the volumes locked; that lock need not be held any longer.
   *
   * @throws {SystemError} For example `ENOSPC`.
   */
  constructor(paths: Paths) {
    this.#directory = `${paths.volumes}/${newLeftover(paths, "import")}`;
    using undo = new DisposableStack();
    Deno.mkdirSync(this.#directory, { mode: 0o700 });
    undo.defer(() => removeTree(this.#directory));
    this.#lock = acquireLock(stagingLockOf(this.#directory));
    for (const path of [this.data, this.replaced]) Deno.mkdirSync(path, { mode: 0o700 });
    undo.move();
  }

  /** An empty directory for what comes in. */
  get data(): string {
    return `${this.#directory}/_data`;
  }

  /** An empty directory for what makes way. */
  get replaced(): string {
    return `${this.#directory}/replaced`;
  }

  [Symbol.dispose](): void {
    // The lock file last: without it a sweep takes what is left for a volume
    for (const path of [this.data, this.replaced, this.#directory]) removeTree(path);
    this.#lock[Symbol.dispose]();
  }
}
