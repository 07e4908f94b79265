/** A directory for one test. @module */

/** Removed with all that is in it when the test ends, however it ends. */
export class TemporaryDirectory implements Disposable {
  /** Absolute path. */
  readonly path: string;

  /** @param parent Where to make it. @default {the directory for temporary files} */
  constructor(parent?: string) {
    const prefix = "wherry-unit-";
    this.path = Deno.makeTempDirSync(parent === undefined ? { prefix } : { prefix, dir: parent });
  }

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
