/** A directory for one test. @module */

/** Removed with all that is in it when the test ends, however it ends. */
export class TemporaryDirectory implements Disposable {
  /** Absolute path. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "wherry-unit-" });

  /** Path of something in it. */
  join(name: string): string {
    return `${this.path}/${name}`;
  }

  /** A test may have removed it already. */
  [Symbol.dispose](): void {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
