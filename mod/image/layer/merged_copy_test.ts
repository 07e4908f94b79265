import { deepStrictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import { copyMerged } from "./merged_copy.ts";

Deno.test(
  "copyMerged() copies files whose names would mean deletions in an archive",
  { ignore: !needs("root") },
  () => {
    using directory = new TemporaryDirectory();
    const [source, target] = [directory.join("source"), directory.join("target")];
    for (const path of [source, target, `${source}/.wh.d`]) Deno.mkdirSync(path);
    for (const name of [".wh.passwd", ".wh.d/file"]) {
      Deno.writeTextFileSync(`${source}/${name}`, "");
    }

    copyMerged([{ path: source, mayHoldMounts: false }], target);

    const names = (path: string): string[] =>
      Array.from(Deno.readDirSync(path), ({ name }) => name).toSorted();
    deepStrictEqual([names(target), names(`${target}/.wh.d`)], [[".wh.d", ".wh.passwd"], ["file"]]);
  },
);
