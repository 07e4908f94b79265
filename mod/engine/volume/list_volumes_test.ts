import { deepStrictEqual, match } from "node:assert/strict";
import { fakeVolume } from "../../../tests/fakes/volume.ts";
import { VolumeEngine } from "../../../tests/fakes/volume_engine.ts";
import { isPresent } from "../../kernel/entry.ts";
import { takeVolumeAway } from "../../volume/volume_store.ts";
import { describeVolume, listVolumes } from "./list_volumes.ts";
import { createVolume } from "../mount/volumes.ts";

Deno.test("listVolumes() sorts by the numbers in names, and removes what crashes left", () => {
  using host = new VolumeEngine();
  for (const name of ["v10", "v9", "gone"]) createVolume(host.engine, { name });
  const { directory } = takeVolumeAway(host.engine.paths, "gone");

  const { volumes, warnings } = listVolumes(host.engine);

  deepStrictEqual(volumes.map(({ name }) => name), ["v9", "v10"]);
  deepStrictEqual(warnings, []);
  deepStrictEqual(isPresent(directory), false);
});

Deno.test("listVolumes() names damaged volumes, and what removes them", () => {
  using host = new VolumeEngine();
  for (const name of ["good", "bad"]) createVolume(host.engine, { name });
  Deno.removeSync(host.engine.paths.volume("bad").record);

  const { volumes, damaged, warnings } = listVolumes(host.engine);

  deepStrictEqual(volumes.map(({ name }) => name), ["good"]);
  deepStrictEqual(damaged.map(({ name }) => name), ["bad"]);
  deepStrictEqual(warnings, [
    'volume bad is damaged: Cannot read the record of volume "bad": it is missing; ' +
    '"wherry volume rm -f bad" removes it',
  ]);
});

Deno.test("listVolumes() makes nothing where nothing is", () => {
  using host = new VolumeEngine();

  deepStrictEqual(listVolumes(host.engine), { volumes: [], damaged: [], warnings: [] });
  deepStrictEqual(isPresent(host.engine.paths.root), false);
});

Deno.test("describeVolume() has docker's shape", () => {
  const options = { type: "tmpfs", device: "tmpfs" };

  deepStrictEqual(describeVolume(fakeVolume({ options, isAnonymous: true }), "/v/data/_data"), {
    CreatedAt: "2026-11-20T09:00:00Z",
    Driver: "local",
    Labels: { "com.docker.volume.anonymous": "" },
    Mountpoint: "/v/data/_data",
    Name: "data",
    Options: options,
    Scope: "local",
  });
  match(JSON.stringify(describeVolume(fakeVolume(), "/x")), /"Labels":null,.*"Options":null,/);
});
