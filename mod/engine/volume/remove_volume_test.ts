import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { idOf } from "../../../tests/fakes/recorded_container.ts";
import { VolumeEngine } from "../../../tests/fakes/volume_engine.ts";
import { isPresent, listNames } from "../../kernel/entry.ts";
import { acquireLock } from "../../store/lock.ts";
import { takeVolumeAway } from "../../volume/volume_store.ts";
import { pruneVolumes, removeVolume } from "./remove_volume.ts";
import { createVolume } from "../mount/volumes.ts";

const ANY = { matchesLabels: () => true };

function namesIn({ engine }: VolumeEngine): string[] {
  return listNames(engine.paths.volumes).toSorted();
}

/** Makes a container of whose record nothing is left, and that seems to run. */
function addDamaged({ engine }: VolumeEngine, id: string): Disposable {
  const paths = engine.paths.container(id);
  Deno.writeTextFileSync(paths.config, "{");
  Deno.mkdirSync(paths.runDirectory, { recursive: true });
  return acquireLock(paths.lock);
}

Deno.test("removeVolume() removes a volume and tells of it", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  Deno.writeTextFileSync(`${host.engine.paths.volume("data").data}/file`, "");

  removeVolume(host.engine, "data", { isForced: false });

  deepStrictEqual(namesIn(host), []);
  deepStrictEqual(host.readEvents().at(-1), 'volume destroy data {"driver":"local"}');
});

Deno.test("removeVolume() names the containers that have a volume, in docker's words", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  host.addContainer("web", "data");

  throws(() => removeVolume(host.engine, "data", { isForced: true }), {
    kind: "conflict",
    message: `remove data: volume is in use - [${idOf("web")}]`,
    hint: 'Container "web" uses it: remove it first with "wherry rm -f web"',
  });

  deepStrictEqual(namesIn(host), ["data"]);
});

Deno.test("removeVolume() names all of several containers", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  for (const name of ["web", "db"]) host.addContainer(name, "data");

  throws(() => removeVolume(host.engine, "data", { isForced: false }), {
    hint: /^Containers "\w+", "\w+" use it: remove them first with "wherry rm -f (web db|db web)"$/,
  });
});

Deno.test("removeVolume() says what there is not, and makes nothing", () => {
  using host = new VolumeEngine();

  for (const name of ["nope", "../x"]) {
    throws(() => removeVolume(host.engine, name, { isForced: true }), { kind: "not_found" });
  }
  strictEqual(isPresent(host.engine.paths.root), false);
});

Deno.test("removeVolume() removes a damaged volume only if that is forced", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  Deno.writeTextFileSync(host.engine.paths.volume("data").record, "");

  throws(() => removeVolume(host.engine, "data", { isForced: false }), { kind: "corrupt" });
  deepStrictEqual(namesIn(host), ["data"]);
  removeVolume(host.engine, "data", { isForced: true });
  deepStrictEqual(namesIn(host), []);
});

Deno.test("removeVolume() leaves what a container may be using whose record is damaged", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  using _running = addDamaged(host, host.addContainer("web", "data").id);

  throws(() => removeVolume(host.engine, "data", { isForced: false }), {
    kind: "conflict",
    message: /: container 776562000000 has a damaged record, and may be using it$/,
  });
  deepStrictEqual(namesIn(host), ["data"]);
  removeVolume(host.engine, "data", { isForced: true });
  deepStrictEqual(namesIn(host), []);
});

Deno.test("pruneVolumes() removes unused volumes that nobody gave a name", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "named" });
  const used = createVolume(host.engine, {});
  const unused = createVolume(host.engine, {});
  host.addContainer("web", used.name);
  Deno.writeTextFileSync(`${host.engine.paths.volume(unused.name).data}/file`, "12345");

  const result = pruneVolumes(host.engine, { filter: ANY, isNamedToo: false });

  deepStrictEqual(result, { removed: [unused.name], reclaimedBytes: 5, failures: [] });
  deepStrictEqual(namesIn(host), [used.name, "named"].toSorted());
  deepStrictEqual(host.readEvents().slice(-2), [
    `volume destroy ${unused.name} {"driver":"local"}`,
    'volume prune  {"reclaimed":"5"}',
  ]);
});

Deno.test("pruneVolumes() removes all unused volumes but those with options and damaged ones", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "plain" });
  createVolume(host.engine, { name: "tmp", options: { type: "tmpfs", device: "tmpfs" } });
  createVolume(host.engine, { name: "damaged" });
  Deno.writeTextFileSync(host.engine.paths.volume("damaged").record, "{}");

  const { removed } = pruneVolumes(host.engine, { filter: ANY, isNamedToo: true });

  deepStrictEqual(removed, ["plain"]);
  deepStrictEqual(namesIn(host), ["damaged", "tmp"]);
  strictEqual([...host.engine.notices].filter((text) => /^volume damaged is/.test(text)).length, 1);
});

Deno.test("pruneVolumes() chooses by labels", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "kept", labels: { keep: "" } });
  createVolume(host.engine, { name: "plain" });
  const filter = { matchesLabels: (labels: object) => !("keep" in labels) };

  deepStrictEqual(
    pruneVolumes(host.engine, { filter, isNamedToo: true }).removed,
    ["plain"],
  );
});

Deno.test("pruneVolumes() removes none as long as nobody can tell what a container uses", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, {});
  using _running = addDamaged(host, host.addContainer("web").id);

  const result = pruneVolumes(host.engine, { filter: ANY, isNamedToo: true });

  deepStrictEqual(result, { removed: [], reclaimedBytes: 0, failures: [] });
  deepStrictEqual(
    [...host.engine.notices].filter((text) => text.startsWith("all volumes stay: ")).length,
    1,
  );
});

Deno.test("pruneVolumes() removes what crashes left", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  takeVolumeAway(host.engine.paths, "data");

  pruneVolumes(host.engine, { filter: ANY, isNamedToo: false });

  deepStrictEqual(namesIn(host), []);
});
