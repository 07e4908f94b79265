/** Commands that change the image store and are killed at random moments, many times over. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { tarOf } from "./fakes/tar_builder.ts";
import { listNames, type TestEngine, testWhole } from "./harness.ts";
import { countStored, importBusybox } from "./images.ts";
import { killDuring, pick, randomNumbers } from "./random_kills.ts";
import { reapAdopted } from "./surroundings.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const KILL_COUNT = 120;
/** Most of these commands take longer than those that run containers; some are to get to their ends. */
const DELAY_FACTOR = 5;

testWhole(
  `${KILL_COUNT} kills of tag, rmi, import and prune (seed ${SEED}) lose no image and leave nothing`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    const id = await importBusybox(wherry, "kept:1", ["-m", "kept"]);
    await wherry.run(["create", "--name", "user", "kept:1", "true"]);
    const { layers, blobs } = countStored(wherry);
    const before = filesOf(wherry);
    const commands = await commandsOf(wherry);

    for (let count = 0; count < KILL_COUNT; count++) {
      const delay = (): number => random() * DELAY_FACTOR;
      await killDuring(wherry, pick(random, commands), "command", delay);
      reapAdopted();
      assertKeptIsListed(wherry);
    }

    strictEqual((await wherry.run(["run", "--rm", "kept:1", "true"])).code, 0);
    const pruned = await wherry.run(["image", "prune", "-af"]);
    deepStrictEqual([pruned.code, pruned.stderr], [0, ""]);
    deepStrictEqual(countStored(wherry), { layers, blobs, staging: 0 });
    deepStrictEqual(filesOf(wherry), before);
    // It may have got another name
    match((await wherry.run(["rmi", "-f", id])).stdout, /^Untagged: kept:1\n[^]*Deleted: /);
    await wherry.run(["rm", "user"]);
  },
);

/** What is done to images beside the one that must stay: some on its layer, others on one of their own. */
async function commandsOf(wherry: TestEngine): Promise<string[][]> {
  const own = `${wherry.scratch}/own.tar`;
  Deno.writeFileSync(own, tarOf({ name: "file", content: "of its own" }));
  const shared = await wherry.imageTar();
  return [
    ["import", shared, "shared:1"],
    ["import", shared],
    ["import", own, "own:1"],
    ["tag", "shared:1", "shared:2"],
    ["tag", "kept:1", "own:1"],
    ["tag", "own:1", "own:2"],
    ["rmi", "shared:1", "shared:2"],
    ["rmi", "own:1", "own:2"],
    ["rmi", "-f", "shared:1", "own:1"],
    ["images"],
    ["image", "prune", "-f"],
    ["image", "prune", "-af"],
    ["system", "prune", "-f", "--filter", "label=none"],
  ];
}

/** Whoever reads the index at any moment sees it whole. */
function assertKeptIsListed({ root }: TestEngine): void {
  const text = Deno.readTextFileSync(`${root}/index.json`);
  strictEqual(text.includes('"docker.io/library/kept:1"'), true, text);
}

/** All files that are no cache. */
function filesOf({ root }: TestEngine): string[] {
  return ["", "blobs/sha256", "layers", "staging"].flatMap((place) =>
    listNames(`${root}/${place}`).map((name) => `${place}/${name}`)
  ).filter((path) => path !== "/layer-sizes.json");
}
