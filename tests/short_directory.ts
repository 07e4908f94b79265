/** Directories for programs that cannot do with long paths. @module */

import { unmountBelow } from "../scripts/bench_engines.ts";

/** A directory with a path of 20 characters; a test's own have up to 100. */
export class ShortDirectory implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "w-" });

  /** Removes it with all that is mounted below. */
  async [Symbol.asyncDispose](): Promise<void> {
    await unmountBelow(this.path);
    Deno.removeSync(this.path, { recursive: true });
  }
}
