import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeVolumeMount, recordContainer } from "../../../tests/fakes/recorded_container.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { listVolumeNames, lockVolumes, takeVolumeAway } from "../../volume/volume_store.ts";
import {
  anonymousVolumesOf,
  removeSpareVolumes,
  removeUnclaimedVolumes,
  sweepVolumes,
  tryRemoveSpareVolumes,
} from "./anonymous_volumes.ts";
import { Engine } from "../base/engine.ts";
import { removeLocked } from "../lifecycle/remove.ts";
import { sweepContainers } from "../lifecycle/sweep.ts";
import { createVolume, ensureVolume } from "./volumes.ts";

/** An engine of its own with the volumes `one`, `two` and `named`. */
class Host implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly engine = new Engine({
    root: this.#directory.join("a"),
    runRoot: this.#directory.join("b"),
  });

  constructor() {
    for (const name of ["one", "two", "named"]) createVolume(this.engine, { name });
  }

  get volumes(): string[] {
    return listVolumeNames(this.engine.paths).toSorted();
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

const ANONYMOUS = fakeVolumeMount({ name: "one", isAnonymous: true });

Deno.test("anonymousVolumesOf() leaves out what has a name", () => {
  const mounts = [ANONYMOUS, fakeVolumeMount({ name: "named" })];

  deepStrictEqual(anonymousVolumesOf({ mounts }), ["one"]);
});

Deno.test("removeSpareVolumes() removes what no container has; what is gone is fine", () => {
  using host = new Host();
  recordContainer(host.engine, { name: "web", mounts: [fakeVolumeMount({ name: "one" })] });

  removeSpareVolumes(host.engine, ["one", "two", "missing"]);

  deepStrictEqual(host.volumes, ["named", "one"]);
});

Deno.test("tryRemoveSpareVolumes() does nothing while somebody makes a container", () => {
  using host = new Host();
  using _lock = lockVolumes(host.engine.paths, "shared");

  strictEqual(tryRemoveSpareVolumes(host.engine, ["two"]), false);
  strictEqual(host.volumes.length, 3);
});

Deno.test("removeLocked() takes a container's volumes along if asked", () => {
  using host = new Host();
  const mounts = [ANONYMOUS, fakeVolumeMount({ name: "named", target: "/named" })];
  for (const fate of ["kept", "removed"] as const) {
    const config = recordContainer(host.engine, { name: "web", mounts });
    Deno.mkdirSync(host.engine.paths.container(config.id).runDirectory);

    strictEqual(removeLocked(host.engine, config, fate), true);

    strictEqual(host.volumes.includes("one"), fate === "kept");
    strictEqual(host.volumes.includes("named"), true);
  }
});

Deno.test("a sweep removes the volumes of a container whose removal was interrupted", () => {
  using host = new Host();
  const { id } = recordContainer(host.engine, { name: "web", mounts: [ANONYMOUS] });
  const { config, removed } = host.engine.paths.container(id);
  Deno.renameSync(config, removed);

  sweepContainers(host.engine);

  deepStrictEqual(host.volumes, ["named", "two"]);
});

Deno.test("a sweep leaves volumes to the next one while somebody makes a container", () => {
  using host = new Host();
  const { id } = recordContainer(host.engine, { name: "web", mounts: [ANONYMOUS] });
  const { config, removed, directory } = host.engine.paths.container(id);
  Deno.renameSync(config, removed);
  {
    using _lock = lockVolumes(host.engine.paths, "shared");
    deepStrictEqual(sweepContainers(host.engine).removed, []);
    strictEqual(Deno.statSync(directory).isDirectory, true);
    strictEqual(host.volumes.includes("one"), true);
  }

  deepStrictEqual(sweepContainers(host.engine).removed, [id]);
  strictEqual(host.volumes.includes("one"), false);
});

/** Makes a volume as it is before the record of its container names it. */
function addUnclaimed({ engine }: Host, name?: string): string {
  const { volume } = ensureVolume(engine, name === undefined ? {} : { name });
  Deno.writeTextFileSync(engine.paths.volume(volume.name).unclaimed, "");
  return volume.name;
}

Deno.test("sweepVolumes() removes volumes without a name that no container came to have", () => {
  using host = new Host();
  addUnclaimed(host);

  deepStrictEqual(sweepVolumes(host.engine), { removedCount: 1, failures: [] });
  deepStrictEqual(host.volumes, ["named", "one", "two"]);
});

Deno.test("sweepVolumes() claims a volume that a container has", () => {
  using host = new Host();
  const name = addUnclaimed(host);
  recordContainer(host.engine, { name: "web", mounts: [fakeVolumeMount({ name })] });

  deepStrictEqual(sweepVolumes(host.engine), { removedCount: 0, failures: [] });
  strictEqual(isPresent(host.engine.paths.volume(name).unclaimed), false);
});

Deno.test("sweepVolumes() leaves everything to who is at work", () => {
  using host = new Host();
  addUnclaimed(host);
  takeVolumeAway(host.engine.paths, "one");
  using _lock = lockVolumes(host.engine.paths, "shared");

  deepStrictEqual(sweepVolumes(host.engine), { removedCount: 0, failures: [] });
  strictEqual(listNames(host.engine.paths.volumes).length, 4);
});

Deno.test("sweepVolumes() makes no lock where there is nothing to do", () => {
  using host = new Host();
  Deno.removeSync(host.engine.paths.volumesLock);

  sweepVolumes(host.engine);

  strictEqual(isPresent(host.engine.paths.volumesLock), false);
});

Deno.test("removeUnclaimedVolumes() leaves a volume that somebody has asked for meanwhile", () => {
  using host = new Host();
  const names = [addUnclaimed(host, "new"), addUnclaimed(host, "wanted")];
  createVolume(host.engine, { name: "wanted" });

  removeUnclaimedVolumes(host.engine, names);

  deepStrictEqual(host.volumes, ["named", "one", "two", "wanted"]);
});
