/** An engine in a directory of one test, with containers that are no more than their records. @module */

import type { ContainerConfig } from "../../mod/container/record/config.ts";
import { Engine } from "../../mod/engine/base/engine.ts";
import { fakeVolumeMount, recordContainer } from "./recorded_container.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";

/** Removed with all that it has when it is disposed of. */
export class VolumeEngine implements Disposable {
  readonly #directory = new TemporaryDirectory();
  /** What people were warned of. */
  readonly warnings: string[] = [];
  readonly engine = new Engine({
    root: this.#directory.join("root"),
    runRoot: this.#directory.join("run"),
    onWarning: (text) => this.warnings.push(text),
  });

  /** Makes a container that has volumes and never ran. */
  addContainer(name: string, ...volumes: readonly string[]): ContainerConfig {
    return recordContainer(this.engine, {
      name,
      mounts: volumes.map((volume, index) =>
        fakeVolumeMount({ name: volume, target: `/${index}` })
      ),
    });
  }

  /** Types of events and their actions, and whom they are about, in order. */
  readEvents(): string[] {
    return Deno.readTextFileSync(this.engine.paths.events).trim().split("\n").map((line) => {
      const { Type, Action, Actor } = JSON.parse(line);
      return [Type, Action, Actor.ID, JSON.stringify(Actor.Attributes)].join(" ");
    });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
