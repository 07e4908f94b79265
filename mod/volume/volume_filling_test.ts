import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { needs } from "../../tests/needs.ts";
import { isPresent, listNames } from "../kernel/entry.ts";
import { Paths, type VolumePaths } from "../store/paths.ts";
import { fillVolume, finishFilling } from "./volume_filling.ts";

const NAME = "data";

/** One volume in a temporary directory. */
class Volume implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly paths = new Paths(this.#directory.path, this.#directory.path);
  readonly files: VolumePaths = this.paths.volume(NAME);

  constructor() {
    Deno.mkdirSync(this.files.data, { recursive: true });
  }

  fill(...names: readonly string[]): boolean {
    return fillVolume(this.paths, NAME, (directory) => writeFiles(directory, ...names));
  }

  get names(): string[] {
    return listNames(this.files.data).toSorted();
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function writeFiles(directory: string, ...names: readonly string[]): void {
  for (const name of names) Deno.writeTextFileSync(`${directory}/${name}`, `of ${directory}`);
}

Deno.test("fillVolume() fills an empty volume, and leaves nothing else", () => {
  using volume = new Volume();

  strictEqual(volume.fill("a", ".b", "c"), true);

  deepStrictEqual(volume.names, [".b", "a", "c"]);
  deepStrictEqual(listNames(volume.files.directory).toSorted(), ["_data", "fill.lock"]);
});

Deno.test("fillVolume() leaves a volume alone that holds something", () => {
  using volume = new Volume();
  writeFiles(volume.files.data, "mine");

  strictEqual(volume.fill("a"), false);

  deepStrictEqual(volume.names, ["mine"]);
});

Deno.test(
  "fillVolume() gives the volume the owner, mode and time of what it is filled with",
  { ignore: !needs("root") },
  () => {
    using volume = new Volume();
    const before = Deno.statSync(volume.files.data).ino;

    fillVolume(volume.paths, NAME, (directory) => {
      writeFiles(directory, "a");
      Deno.chownSync(directory, 12, 34);
      Deno.chmodSync(directory, 0o2750);
      Deno.utimeSync(directory, 1_000_000_000, 1_000_000_000);
    });

    const { uid, gid, mode, mtime, ino } = Deno.statSync(volume.files.data);
    deepStrictEqual([uid, gid, (mode ?? 0) & 0o7777], [12, 34, 0o2750]);
    strictEqual(mtime?.getTime(), 1_000_000_000_000);
    // Whoever has it mounted sees it
    strictEqual(ino, before);
  },
);

Deno.test("fillVolume() leaves nothing when the content cannot be made", () => {
  using volume = new Volume();

  throws(() =>
    fillVolume(volume.paths, NAME, (directory) => {
      writeFiles(directory, "a");
      throw new RangeError("Cannot fill: no room");
    }), RangeError);

  deepStrictEqual(volume.names, []);
  deepStrictEqual(listNames(volume.files.directory).toSorted(), ["_data", "fill.lock"]);
});

Deno.test("fillVolume() begins again after a kill while the content was made", () => {
  using volume = new Volume();
  Deno.mkdirSync(`${volume.files.filling}.new`);
  writeFiles(`${volume.files.filling}.new`, "half");

  strictEqual(volume.fill("whole"), true);

  deepStrictEqual(volume.names, ["whole"]);
  deepStrictEqual(listNames(volume.files.directory).toSorted(), ["_data", "fill.lock"]);
});

Deno.test("finishFilling() moves in what a kill has left, and nothing onto what is there", () => {
  using volume = new Volume();
  Deno.mkdirSync(volume.files.filling);
  writeFiles(volume.files.filling, "moved", "mine");
  writeFiles(volume.files.data, "mine");

  finishFilling(volume.paths, NAME);

  deepStrictEqual(volume.names, ["mine", "moved"]);
  strictEqual(
    Deno.readTextFileSync(`${volume.files.data}/mine`),
    `of ${volume.files.data}`,
  );
  strictEqual(isPresent(volume.files.filling), false);
});

Deno.test("fillVolume() finishes an interrupted filling, and does no more then", () => {
  using volume = new Volume();
  Deno.mkdirSync(volume.files.filling);
  writeFiles(volume.files.filling, "first");

  strictEqual(volume.fill("second"), false);

  deepStrictEqual(volume.names, ["first"]);
});
