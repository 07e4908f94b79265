/**
 * Data of the host and of volumes, while commands and monitors are killed that have it mounted.
 *
 * @module
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import { Canaries } from "./canaries.ts";
import { listNames, type TestEngine, testWhole } from "./harness.ts";
import { needs } from "./needs.ts";
import {
  killBeforeCall,
  killDuring,
  listChanges,
  pick,
  pickSome,
  randomNumbers,
  VICTIMS,
} from "./random_kills.ts";
import { reapAdopted } from "./surroundings.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const MAX_KILLS = 150;
/** No more kills are begun after that, however slow the machine. */
const MAX_DURATION_MS = 20_000;
/** After so many kills it is looked at the canaries. */
const KILLS_PER_LOOK = 10;

testWhole(
  `kills of commands that mount, unmount and remove (seed ${SEED}) touch no data`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    await using aviary = await Aviary.plant(wherry);
    const commands = commandsOf(wherry, aviary);
    const [first = []] = commands;
    await expectOk(wherry, first);
    aviary.assertUntouched();
    const end = Date.now() + MAX_DURATION_MS;

    for (let count = 0; count < MAX_KILLS && Date.now() < end; count++) {
      await killDuring(wherry, pick(random, commands), pick(random, VICTIMS), random);
      reapAdopted();
      if (count % KILLS_PER_LOOK === 0) aviary.assertUntouched();
    }

    aviary.assertUntouched();
    await assertConsistent(wherry);
    await removeEverything(wherry);
    aviary.assertUntouched(["data"]);
  },
);

/** Everything that a test's containers have mounted, and a container `keeper` that nobody removes. */
class Aviary implements AsyncDisposable {
  readonly #canaries = new Map<string, Canaries>();
  readonly #wherry: TestEngine;

  private constructor(wherry: TestEngine) {
    this.#wherry = wherry;
  }

  static async plant(wherry: TestEngine): Promise<Aviary> {
    const aviary = new Aviary(wherry);
    const { scratch, root } = wherry;
    await expectOk(wherry, ["import", await wherry.imageTar(), "box"]);
    await expectOk(wherry, ["volume", "create", "data"]);
    const image = await wherry.copyOfImage();
    Deno.mkdirSync(`${scratch}/bind/mounted`, { recursive: true });
    await wherry.runHost("mount", "-t", "tmpfs", "none", `${scratch}/bind/mounted`);
    const places = {
      mounted: `${scratch}/bind/mounted`,
      bind: `${scratch}/bind`,
      other: `${scratch}/other`,
      rootfs: `${image}/canaries`,
      data: `${root}/volumes/data/_data`,
    };
    for (const [name, path] of Object.entries(places)) {
      aviary.#canaries.set(name, await Canaries.plant(path));
    }
    const keep = ["--label", "keep", "--network", "none", "-v", "data:/data", "-v", "/kept"];
    await expectOk(wherry, ["create", "--name", "keeper", ...keep, "box", "true"]);
    aviary.#canaries.set("image", Canaries.watch(`${root}/layers`));
    return aviary;
  }

  /** Flags of `run` that mount all of it, and the root file system to start from. */
  get flags(): string[] {
    const { scratch, directory } = this.#wherry;
    return [
      ...["-v", `${scratch}/bind:/bind`, "-v", `${scratch}/other:/bind/deep/er`],
      // With the engine's own directories in it
      ...["-v", `${directory}:/host`, "-v", `${scratch}/bind/file:/file:ro`],
      ...["-v", "data:/volume", "-v", `${scratch}/other:/volume/deep:ro`],
      ...["--mount", "type=image,source=box,target=/image", "--tmpfs", "/bind/deep/er/deep/er"],
      ...["--rootfs", `${directory}/image`],
    ];
  }

  /** @param gone Those that somebody had removed. */
  assertUntouched(gone: readonly string[] = []): void {
    for (const [name, canaries] of this.#canaries) {
      if (!gone.includes(name)) canaries.assertUntouched();
    }
  }

  /** Unmounts what the harness would not be able to remove. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wherry.runHost("umount", `${this.#wherry.scratch}/bind/mounted`);
  }
}

/** Runs a command that must say nothing but its result. */
async function expectOk(wherry: TestEngine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""], args.join(" "));
  return stdout.trimEnd();
}

/**
 * What is done to two containers, `box` and `crate`, to a volume `scrap`, and to containers that nobody names. All
 * that have anonymous volumes are removed with them.
 */
function commandsOf({ scratch }: TestEngine, aviary: Aviary): string[][] {
  const common = ["--network", "none", "--stop-timeout", "0"];
  const run = ["run", ...common];
  const keep = ["--label", "keep"];
  const anonymous = ["-v", "/anonymous", "-v", "/an/other"];
  const always = ["--restart", "always"];
  const script = ["sh", "-c", "rm -rf /canaries; echo >/anonymous/x; sleep 0.02"];
  const { flags } = aviary;
  return [
    [...run, "--rm", ...anonymous, ...flags, ...script],
    [...run, "-d", "--rm", ...anonymous, ...flags, ...script],
    [...run, "--rm", "--userns", "auto", ...anonymous, ...flags, ...script],
    [...run, "-d", "--rm", "-v", "scrap:/scrap", ...anonymous, ...flags, "sleep", "100"],
    [...run, "-d", "--name", "box", ...flags, "sleep", "100"],
    [...run, "-d", "--name", "box", ...always, "-v", "scrap:/scrap", ...flags, "sleep", "0.02"],
    [...run, "-d", "--name", "crate", ...keep, ...anonymous, ...flags, "sleep", "100"],
    [...run, "-d", "--name", "crate", ...keep, ...always, ...anonymous, ...flags, ...script],
    ["create", ...common, "--name", "crate", ...keep, ...anonymous, ...flags, "sleep", "100"],
    [...run, "--rm", "--volumes-from", "crate", "--rootfs", ...flags.slice(-1), "true"],
    ["start", "box", "crate"],
    ["stop", "box"],
    ["restart", "crate"],
    ["kill", "box", "crate"],
    ["cp", "box:/bind/deep", `${scratch}/copies`],
    ["cp", `${scratch}/other/file`, "crate:/anonymous/copy"],
    ["cp", `${scratch}/other/deep`, "box:/canaries"],
    ["rm", "box"],
    ["rm", "-f", "box"],
    ["rm", "-v", "crate"],
    ["rm", "-f", "-v", "crate"],
    ["rm", "-fv", "box", "crate"],
    ["container", "prune", "-f", "--filter", "label!=keep"],
    ["system", "prune", "-f", "--volumes", "--filter", "label!=keep"],
    ["volume", "create", "scrap"],
    ["volume", "rm", "scrap"],
    ["volume", "rm", "-f", "data", "scrap"],
    ["volume", "prune", "-f"],
    ["volume", "prune", "-a", "-f"],
    ["volume", "ls"],
    ["ps", "-a"],
  ];
}

/** What is left after commands have been killed is found by the next ones, and all that they list is whole. */
async function assertConsistent(wherry: TestEngine): Promise<void> {
  await expectOk(wherry, ["ps", "-a"]);
  await expectOk(wherry, ["system", "recover"]);
  const ids = listLines(await expectOk(wherry, ["ps", "-aq", "--no-trunc"]));
  const volumes = listLines(await expectOk(wherry, ["volume", "ls", "-q"]));
  deepStrictEqual(ids.toSorted(), listNames(`${wherry.root}/containers`));
  deepStrictEqual(volumes.toSorted(), listNames(`${wherry.root}/volumes`));
  if (volumes.length > 0) await expectOk(wherry, ["volume", "inspect", ...volumes]);
  assertRecordsMatch(wherry);
}

/** Volumes that containers have are there, and those without a name are some container's. */
function assertRecordsMatch(wherry: TestEngine): void {
  const volumes = listNames(`${wherry.root}/volumes`);
  const used = listNames(`${wherry.root}/containers`).flatMap((id) => readMounts(wherry, id))
    .filter(({ type }) => type === "volume");
  deepStrictEqual(used.filter(({ name }) => !volumes.includes(name)), []);
  deepStrictEqual(
    volumes.filter((name) => name.length === 64 || name.startsWith(".")),
    [...new Set(used.filter(({ isAnonymous }) => isAnonymous).map(({ name }) => name))].toSorted(),
  );
}

function listLines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** What a container's record says of its mounts. */
interface MountRecord {
  type: string;
  name: string;
  isAnonymous: boolean;
}

function readMounts(wherry: TestEngine, id: string): MountRecord[] {
  return JSON.parse(Deno.readTextFileSync(wherry.containerPath(id, "config.json"))).mounts;
}

async function removeEverything(wherry: TestEngine): Promise<void> {
  const ids = listLines(await expectOk(wherry, ["ps", "-aq"]));
  if (ids.length > 0) await expectOk(wherry, ["rm", "-fv", ...ids]);
  await expectOk(wherry, ["volume", "prune", "-a", "-f"]);
  deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
}

/** A command that is killed again and again, and what is there before each time. */
interface Victim {
  name: string;
  /** Makes what it is to work on. */
  prepare: readonly string[];
  command: readonly string[];
}

const ALONE = ["--network", "none", "-v", "/anonymous"];

const KILLED_EVERYWHERE: readonly ((flags: readonly string[]) => Victim)[] = [
  (flags) => ({
    name: "rm -v",
    prepare: ["create", "--name", "box", ...ALONE, ...flags, "true"],
    command: ["rm", "-f", "-v", "box"],
  }),
  (flags) => ({
    name: "container prune",
    prepare: ["create", "--network", "none", ...flags, "true"],
    command: ["container", "prune", "-f", "--filter", "label!=keep"],
  }),
  () => ({
    name: "volume rm",
    prepare: ["volume", "create", "scrap"],
    command: ["volume", "rm", "-f", "scrap"],
  }),
  () => ({
    name: "volume create",
    prepare: ["volume", "rm", "-f", "scrap"],
    command: ["volume", "create", "scrap"],
  }),
  (flags) => ({
    name: "create",
    prepare: ["rm", "-f", "-v", "box"],
    command: ["create", "--name", "box", ...ALONE, "-v", "scrap:/scrap", ...flags, "true"],
  }),
];

/** Each of the commands makes more system calls that change something. */
const MIN_CALLS = 8;
/** At so many of them it is killed, whichever they are; `WHERRY_TEST_POINTS=100` takes all. */
const MAX_POINTS = Number(Deno.env.get("WHERRY_TEST_POINTS") ?? 5);

for (const victimOf of KILLED_EVERYWHERE) {
  testWhole(
    `${victimOf([]).name} that is killed before any of its system calls touches no data`,
    async (wherry) => {
      await using aviary = await Aviary.plant(wherry);
      const { prepare, command } = victimOf(aviary.flags);
      await wherry.run(prepare);
      const points = await listChanges(wherry, command);
      const random = randomNumbers(SEED);
      let kills = 0;

      for (const { name, count } of pickSome(random, points, MAX_POINTS)) {
        await wherry.run(prepare);
        if (await killBeforeCall(wherry, command, count, name)) kills++;
        aviary.assertUntouched();
        await expectOk(wherry, ["system", "recover"]);
        assertRecordsMatch(wherry);
      }

      ok(points.length >= MIN_CALLS, `${points.length} calls`);
      ok(kills >= 2, `${kills} kills`);
      await assertConsistent(wherry);
      await removeEverything(wherry);
      aviary.assertUntouched(["data"]);
    },
    { ignore: !needs("strace") },
  );
}
