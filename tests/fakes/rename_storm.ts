/** A host on which files are renamed all the time. @module */

const RENAME_FOR_EVER = `
  const [one, other] = [Deno.args[0] + "/storm-1", Deno.args[0] + "/storm-2"];
  Deno.writeTextFileSync(one, "");
  console.log("ready");
  for (;;) {
    Deno.renameSync(one, other);
    Deno.renameSync(other, one);
  }`;

/** A process that renames a file to and fro until it is disposed of. */
export class RenameStorm implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Begins in a directory, where it leaves a file. */
  static async begin(directory: string): Promise<RenameStorm> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", RENAME_FOR_EVER, directory],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    return new RenameStorm(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
