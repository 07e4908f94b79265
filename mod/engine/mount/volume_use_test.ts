import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { idOf } from "../../../tests/fakes/recorded_container.ts";
import { VolumeEngine } from "../../../tests/fakes/volume_engine.ts";
import { acquireLock } from "../../store/lock.ts";
import { VolumesUse } from "./volume_use.ts";

Deno.test("usersOf() names the containers that have a volume", () => {
  using host = new VolumeEngine();
  host.addContainer("web", "data", "logs");
  host.addContainer("db", "data");

  const use = new VolumesUse(host.engine);

  deepStrictEqual(use.usersOf("data").map(({ name }) => name).toSorted(), ["db", "web"]);
  deepStrictEqual(use.usersOf("logs").map(({ id }) => id), [idOf("web")]);
  deepStrictEqual(use.usersOf("other"), []);
});

Deno.test("isSpare() is false for what any container has", () => {
  using host = new VolumeEngine();
  host.addContainer("web", "data");

  const use = new VolumesUse(host.engine);

  deepStrictEqual([use.isSpare("data"), use.isSpare("other")], [false, true]);
});

Deno.test("isSpare() is false for all volumes as long as a container's record is damaged", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web");
  Deno.writeTextFileSync(host.engine.paths.container(id).config, "{");

  const use = new VolumesUse(host.engine);

  strictEqual(use.isSpare("other"), false);
  deepStrictEqual(use.unknownUsers.map(({ name }) => name), [id.slice(0, 12)]);
});

Deno.test("isSpare() is false for all volumes as long as a damaged record is put aside", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web");
  const { paths } = host.engine;
  Deno.writeTextFileSync(paths.container(id).config, "{");
  Deno.mkdirSync(paths.damaged);
  Deno.renameSync(paths.container(id).directory, `${paths.damaged}/${id}`);

  const use = new VolumesUse(host.engine);

  strictEqual(use.isSpare("other"), false);
  deepStrictEqual([use.unknownUsers.length, use.unknownPutAside.length], [0, 1]);
});

Deno.test("isSpare() is false for what a container had that was put aside with a sound record", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web", "data");
  const { paths } = host.engine;
  Deno.mkdirSync(paths.damaged);
  Deno.renameSync(paths.container(id).directory, `${paths.damaged}/${id}`);

  const use = new VolumesUse(host.engine);

  deepStrictEqual([use.isSpare("data"), use.isSpare("other")], [false, true]);
  deepStrictEqual(use.usersOf("data"), []);
});

Deno.test("a container that was never finished uses nothing", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web");
  Deno.removeSync(host.engine.paths.container(id).config);

  strictEqual(new VolumesUse(host.engine).isSpare("data"), true);
});

Deno.test("a container that runs may use anything when its record has been emptied", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web");
  const paths = host.engine.paths.container(id);
  Deno.truncateSync(paths.config, 0);
  Deno.mkdirSync(paths.runDirectory, { recursive: true });
  using _lock = acquireLock(paths.lock);

  strictEqual(new VolumesUse(host.engine).isSpare("data"), false);
});

Deno.test("a container that has run may use anything when its record has been emptied", () => {
  using host = new VolumeEngine();
  const { id } = host.addContainer("web");
  const paths = host.engine.paths.container(id);
  Deno.truncateSync(paths.config, 0);
  Deno.writeTextFileSync(paths.state, "{}");

  strictEqual(new VolumesUse(host.engine).isSpare("data"), false);
});
