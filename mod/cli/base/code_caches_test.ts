import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { removeOldCodeCaches } from "./code_caches.ts";

const LONG_AGO = new Date("2020-01-01");

/** Makes a cache directory for each of these builds. */
function withCaches(builds: readonly string[], check: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    for (const build of builds) {
      Deno.mkdirSync(`${directory}/${build}`);
      Deno.writeTextFileSync(`${directory}/${build}/v8_code_cache_v2`, "");
      if (build !== "new") Deno.utimeSync(`${directory}/${build}`, LONG_AGO, LONG_AGO);
    }
    check(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("removeOldCodeCaches() removes those of other builds, but for new ones", () => {
  withCaches(["old", "mine", "new"], (directory) => {
    strictEqual(removeOldCodeCaches("mine", directory), 1);
    const left = Array.from(Deno.readDirSync(directory), ({ name }) => name);
    deepStrictEqual(left.toSorted(), ["mine", "new"]);
  });
});

Deno.test("removeOldCodeCaches() removes nothing when wherry runs from its sources", () => {
  withCaches(["old"], (directory) => strictEqual(removeOldCodeCaches(undefined, directory), 0));
});

Deno.test("removeOldCodeCaches() finds nothing where there is no directory", () => {
  strictEqual(removeOldCodeCaches("mine", "/nonexistent"), 0);
});
