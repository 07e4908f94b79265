import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeVolumeMount, recordContainer } from "../../tests/fakes/recorded_container.ts";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { listVolumeNames, lockVolumes } from "../volume/volume_store.ts";
import {
  anonymousVolumesOf,
  removeSpareVolumes,
  tryRemoveSpareVolumes,
} from "./anonymous_volumes.ts";
import { Engine } from "./engine.ts";
import { removeLocked } from "./remove.ts";
import { sweepContainers } from "./sweep.ts";
import { createVolume } from "./volumes.ts";

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
