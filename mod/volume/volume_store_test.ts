import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { fakeVolume } from "../../tests/fakes/volume.ts";
import { listNames } from "../kernel/entry.ts";
import { Paths } from "../store/paths.ts";
import {
  hasLeftovers,
  listVolumeNames,
  makeVolume,
  newLeftover,
  readVolume,
  removeLeftovers,
  takeVolumeAway,
} from "./volume_store.ts";
import { VolumeStaging } from "./volume_staging.ts";

/** A root of one test, with the volume `data`. */
class TestVolumes implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly paths = new Paths(this.#directory.path, this.#directory.join("run"));

  constructor() {
    makeVolume(this.paths, fakeVolume());
  }

  get names(): string[] {
    return listNames(this.paths.volumes).toSorted();
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

Deno.test("makeVolume() makes what readVolume() returns, and an empty directory for everybody", () => {
  using volumes = new TestVolumes();

  const { data } = volumes.paths.volume("data");

  deepStrictEqual(readVolume(volumes.paths, "data"), fakeVolume());
  deepStrictEqual(listNames(data), []);
  strictEqual((Deno.statSync(data).mode ?? 0) & 0o7777, 0o755);
  strictEqual((Deno.statSync(volumes.paths.volumes).mode ?? 0) & 0o7777, 0o700);
});

Deno.test("makeVolume() leaves one that is there as it is", () => {
  using volumes = new TestVolumes();
  Deno.writeTextFileSync(`${volumes.paths.volume("data").data}/file`, "kept");

  const isNew = makeVolume(volumes.paths, fakeVolume({ labels: { other: "" } }));

  strictEqual(isNew, false);
  deepStrictEqual(readVolume(volumes.paths, "data"), fakeVolume());
  deepStrictEqual(volumes.names, ["data"]);
  strictEqual(Deno.readTextFileSync(`${volumes.paths.volume("data").data}/file`), "kept");
});

Deno.test("makeVolume() leaves nothing if what fills it fails", () => {
  using volumes = new TestVolumes();
  const fill = ({ data }: { data: string }): void => {
    Deno.writeTextFileSync(`${data}/half`, "");
    throw new Error("Full");
  };

  throws(() => makeVolume(volumes.paths, fakeVolume({ name: "other" }), fill), /Full/);

  deepStrictEqual(volumes.names, ["data"]);
});

Deno.test("readVolume() finds nothing where there is none", () => {
  using volumes = new TestVolumes();

  strictEqual(readVolume(volumes.paths, "other"), undefined);
});

for (
  const [what, damage, message] of [
    ["is no JSON", (record: string) => Deno.writeTextFileSync(record, "{"), /it is damaged$/],
    ["is empty", (record: string) => Deno.truncateSync(record, 0), /it is missing$/],
    ["is missing", (record: string) => Deno.removeSync(record), /it is missing$/],
    [
      "is another volume's",
      (record: string) =>
        Deno.writeTextFileSync(record, JSON.stringify(fakeVolume({ name: "ab" }))),
      /it is that of "ab"$/,
    ],
  ] as const
) {
  Deno.test(`readVolume() reports a record that ${what}`, () => {
    using volumes = new TestVolumes();
    damage(volumes.paths.volume("data").record);

    throws(() => readVolume(volumes.paths, "data"), { kind: "corrupt", message });
  });
}

Deno.test("readVolume() reports a file in the place of a volume", () => {
  using volumes = new TestVolumes();
  Deno.writeTextFileSync(volumes.paths.volume("file").directory, "");

  throws(() => readVolume(volumes.paths, "file"), { kind: "corrupt", message: /no directory$/ });
});

Deno.test("listVolumeNames() passes over what is being made or removed", () => {
  using volumes = new TestVolumes();
  Deno.mkdirSync(`${volumes.paths.volumes}/${newLeftover(volumes.paths, "new")}`);

  deepStrictEqual(listVolumeNames(volumes.paths), ["data"]);
});

Deno.test("newLeftover() passes over what a killed process of the same id left", () => {
  using volumes = new TestVolumes();
  const first = newLeftover(volumes.paths, "old");
  const [start, number] = [first.replace(/\d+$/, ""), Number(/\d+$/.exec(first)?.[0])];
  Deno.mkdirSync(`${volumes.paths.volumes}/${start}${number + 1}`);

  strictEqual(newLeftover(volumes.paths, "old"), `${start}${number + 2}`);
});

Deno.test("removeLeftovers() removes what was taken away, and no volume", () => {
  using volumes = new TestVolumes();
  makeVolume(volumes.paths, fakeVolume({ name: "gone" }));
  takeVolumeAway(volumes.paths, "gone");

  deepStrictEqual(removeLeftovers(volumes.paths), { removedCount: 1, failures: [] });
  deepStrictEqual(volumes.names, ["data"]);
});

Deno.test("hasLeftovers() tells whether there is something to remove", () => {
  using volumes = new TestVolumes();
  strictEqual(hasLeftovers(volumes.paths), false);

  takeVolumeAway(volumes.paths, "data");

  strictEqual(hasLeftovers(volumes.paths), true);
});

Deno.test("removeLeftovers() leaves an import alone that somebody is at", () => {
  using volumes = new TestVolumes();
  using staging = new VolumeStaging(volumes.paths);
  Deno.writeTextFileSync(`${staging.data}/file`, "");

  deepStrictEqual(removeLeftovers(volumes.paths), { removedCount: 0, failures: [] });
  deepStrictEqual(listNames(staging.data), ["file"]);
});

Deno.test("removeLeftovers() removes an import whose process was killed", () => {
  using volumes = new TestVolumes();
  const left = `${volumes.paths.volumes}/${newLeftover(volumes.paths, "import")}`;
  Deno.mkdirSync(`${left}/_data`, { recursive: true });
  Deno.writeTextFileSync(`${left}/lock`, "");

  deepStrictEqual(removeLeftovers(volumes.paths), { removedCount: 1, failures: [] });
  deepStrictEqual(volumes.names, ["data"]);
});

Deno.test("VolumeStaging leaves nothing when it is disposed of", () => {
  using volumes = new TestVolumes();
  {
    using staging = new VolumeStaging(volumes.paths);
    Deno.mkdirSync(`${staging.replaced}/0/deep`, { recursive: true });
    match(staging.data, /\/volumes\/\.import\.\d+\.\d+\/_data$/);
  }

  deepStrictEqual(volumes.names, ["data"]);
});
