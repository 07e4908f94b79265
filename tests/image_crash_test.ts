/** Commands on images that are killed at random moments, many times over. @module */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import { xz } from "./fakes/host_compression.ts";
import { killUnlessGone, listNames, pause, type TestEngine, testWhole } from "./harness.ts";
import { pick, randomNumbers } from "./random_kills.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const KILL_COUNT = 50;

testWhole(
  `${KILL_COUNT} kills of commands on images at random moments (seed ${SEED}) lose and leave nothing`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    await writeArchives(wherry);
    const longestMs = await timeOf(wherry, ["load", "-q", "-i", "many.tar"]);
    await removeAllBut(wherry, []);
    await wherry.run(["import", await wherry.imageTar(), "before"]);
    await wherry.run(["system", "prune", "-f"]);
    const before = storedFiles(wherry);

    for (let count = 0; count < KILL_COUNT; count += 2) {
      // Two at a time, which have layers in common
      await Promise.all(
        [0, 1].map(() => killDuring(wherry, pick(random, COMMANDS), random() * longestMs)),
      );
      ok((await imageNames(wherry)).includes("before:latest"));
    }

    strictEqual((await wherry.run(["system", "recover"])).code, 0);
    deepStrictEqual(listNames(`${wherry.root}/staging`), []);
    await assertAllWhole(wherry);
    await removeAllBut(wherry, ["before:latest"]);
    strictEqual((await wherry.run(["system", "prune", "-f"])).code, 0);
    deepStrictEqual(storedFiles(wherry), before);
    strictEqual((await wherry.run(["run", "--rm", "before", "true"])).code, 0);
  },
);

/** What is done; all images but `before` come and go. */
const COMMANDS: readonly (readonly string[])[] = [
  ["import", "small.tar", "small"],
  ["import", "small.tar.xz", "packed"],
  ["load", "-q", "-i", "many.tar"],
  ["load", "-q", "-i", "many.tar.gz"],
  ["rmi", "-f", "small", "packed"],
  ["rmi", "-f", "many:1", "many:2"],
  ["image", "prune", "-f"],
  ["--storage-driver", "copy", "run", "--rm", "--network", "none", "before", "true"],
];

/** Layers whose files say what they have to be. */
async function writeArchives(wherry: TestEngine): Promise<void> {
  const base = new Uint8Array(Deno.readFileSync(await wherry.imageTar()));
  const layers = [
    base,
    ...["one", "two", "three"].map((name) => tarOf({ name: "check", content: name })),
    tarOf({ name: "large", content: new Uint8Array(2_000_000).fill(7) }),
  ];
  const many = await dockerArchive("blobs", { references: ["many:1", "many:2"], layers });
  const write = (name: string, bytes: Uint8Array): void =>
    Deno.writeFileSync(`${wherry.scratch}/${name}`, bytes);
  write("small.tar", base);
  write("small.tar.xz", await xz(base, "-1"));
  write("many.tar", many);
  write("many.tar.gz", gzipSync(many, { level: 1 }));
}

async function timeOf(wherry: TestEngine, args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const { code, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""]);
  return performance.now() - startedAt;
}

async function killDuring(
  wherry: TestEngine,
  args: readonly string[],
  delayMs: number,
): Promise<void> {
  const child = wherry.spawn(args, { redirect: ">/dev/null 2>&1" });
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  await Promise.race([child.status, pause(delayMs)]);
  killUnlessGone(child.pid);
  await child.status;
}

/** `NAME:TAG` of each. */
async function imageNames(wherry: TestEngine): Promise<string[]> {
  const { code, stdout, stderr } = await wherry.run([
    "images",
    "--format",
    "{{.Repository}}:{{.Tag}}",
  ]);
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

/** Whatever is listed must run. */
async function assertAllWhole(wherry: TestEngine): Promise<void> {
  for (const name of await imageNames(wherry)) {
    if (name.startsWith("<none>")) continue;
    const script = name.startsWith("many") ? "cat /check" : "echo three";
    const { code, stdout } = await wherry.run(["run", "--rm", name, "sh", "-c", script]);
    deepStrictEqual([name, code, stdout.trim()], [name, 0, "three"]);
  }
}

async function removeAllBut(wherry: TestEngine, kept: readonly string[]): Promise<void> {
  const names = (await imageNames(wherry)).filter((name) =>
    !kept.includes(name) && !name.startsWith("<none>")
  );
  if (names.length > 0) strictEqual((await wherry.run(["rmi", "-f", ...names])).code, 0);
}

/** What the store holds, but for its lists and locks. */
function storedFiles(wherry: TestEngine): Record<string, string[]> {
  const places = ["blobs/sha256", "layers", "staging", "containers", "partial"];
  return Object.fromEntries(
    places.map((place) => [place, listNames(`${wherry.root}/${place}`).toSorted()]),
  );
}
