import { notStrictEqual, strictEqual } from "node:assert/strict";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { Engine } from "../base/engine.ts";
import { awaitUnmounted, lockContainer } from "./find.ts";

const ID = "1".repeat(64);
/** No process has this number: the kernel allows none above 4194304. */
const NO_PROCESS = 5_000_000;

/** A container that has ended, in directories of its own. */
class EndedContainer implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "wherry-find-" });
  readonly engine: Engine;
  readonly paths: ContainerPaths;

  constructor(monitorPid: number) {
    this.engine = new Engine({
      root: `${this.#directory}/root`,
      runRoot: `${this.#directory}/run`,
    });
    this.engine.ensureDirectories();
    this.paths = this.engine.paths.container(ID);
    Deno.mkdirSync(this.paths.directory);
    Deno.mkdirSync(this.paths.runDirectory, { recursive: true });
    const times = { startedAt: "1", finishedAt: "2" };
    const record = { status: "exited", pid: 0, monitorPid, exitCode: 0, ...times };
    Deno.writeTextFileSync(this.paths.state, JSON.stringify(record));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

Deno.test("lockContainer() waits for a monitor that has recorded the end", async () => {
  using container = new EndedContainer(Deno.pid);
  const held = acquireLock(container.paths.lock);
  const waiting = lockContainer(container.engine, ID);
  held[Symbol.dispose]();

  using lock = await waiting;

  notStrictEqual(lock, undefined);
});

Deno.test("lockContainer() does not wait for another command", async () => {
  using container = new EndedContainer(NO_PROCESS);
  using _held = acquireLock(container.paths.lock);

  strictEqual(await lockContainer(container.engine, ID), undefined);
});

Deno.test("awaitUnmounted() resolves at once when nobody has the lock", async () => {
  using container = new EndedContainer(Deno.pid);

  await awaitUnmounted(container.paths);
});
