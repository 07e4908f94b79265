import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { NO_LIMITS } from "../../container/resource/resources.ts";
import { type ContainerPaths, Paths } from "../../store/paths.ts";
import {
  placeCgroups,
  readCgroupHost,
  readContainerCgroups,
  recordCgroups,
  removeContainerCgroups,
} from "../record/cgroup.ts";
import { setLiveLimits } from "./live_limits.ts";

const ID = crypto.randomUUID().replaceAll("-", "").padEnd(64, "0");
const FROM = fakeContainerConfig({ id: ID, resources: NO_LIMITS });
const TO = fakeContainerConfig({ id: ID, resources: { ...NO_LIMITS, pidsLimit: 5 } });

/** A process in a cgroup of its own, as if it were a container's. */
class FakeContainer implements AsyncDisposable {
  readonly paths: ContainerPaths;
  readonly #process = new Deno.Command("sleep", { args: ["100"] }).spawn();
  readonly #directory = Deno.makeTempDirSync();

  constructor() {
    this.paths = new Paths(this.#directory, this.#directory).container(ID);
    Deno.mkdirSync(this.paths.runDirectory, { recursive: true });
    const { unified = "" } = placeCgroups(FROM, readCgroupHost());
    Deno.mkdirSync(unified, { recursive: true });
    Deno.writeTextFileSync(`${unified}/cgroup.procs`, String(this.#process.pid));
  }

  /** Whether the process is where its number of processes is limited, and the limit. */
  limit(): [isIn: boolean, limit: string] {
    const { unified = "", v1: { pids = unified } } = readContainerCgroups(this.paths);
    const processes = Deno.readTextFileSync(`${pids}/cgroup.procs`).split("\n");
    return [
      processes.includes(String(this.#process.pid)),
      Deno.readTextFileSync(`${pids}/pids.max`).trim(),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeContainerCgroups(this.paths);
    await this.#process.status;
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

Deno.test("setLiveLimits() can be undone when the processes are under the limit already", async () => {
  await using container = new FakeContainer();
  const undo = new DisposableStack();

  setLiveLimits(container.paths, { from: FROM, to: TO }, undo);
  const limited = container.limit();
  undo.dispose();

  deepStrictEqual([limited, container.limit()[1]], [[true, "5"], "max"]);
});

for (const isMade of [false, true]) {
  const what = isMade ? "fill" : "make";
  Deno.test(`setLiveLimits() goes on when another update was killed before it could ${what} a cgroup`, async () => {
    await using container = new FakeContainer();
    using undo = new DisposableStack();
    const { unified, v1: { pids } } = placeCgroups(FROM, readCgroupHost());
    recordCgroups(container.paths, { unified, v1: pids === undefined ? {} : { pids } });
    if (isMade && pids !== undefined) Deno.mkdirSync(pids, { recursive: true });

    setLiveLimits(container.paths, { from: FROM, to: TO }, undo);

    deepStrictEqual(container.limit(), [true, "5"]);
    undo.move();
  });
}

Deno.test("setLiveLimits() leaves no cgroup when a limit is refused", async () => {
  await using container = new FakeContainer();
  const to = { ...TO, resources: { ...TO.resources, cpuPeriod: 1, cpuQuota: 1 } };
  let isRefused = false;

  try {
    using undo = new DisposableStack();
    setLiveLimits(container.paths, { from: FROM, to }, undo);
  } catch {
    isRefused = true;
  }

  strictEqual(isRefused, true);
  deepStrictEqual(readContainerCgroups(container.paths).v1, {});
});
