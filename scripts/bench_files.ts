/**
 * What files cost: copying one large file and many small ones into containers and out of them, whether they run or not,
 * and starting containers with many mounts.
 *
 * Only engines that keep containers take part. Each copy goes into a container that is new, or into a directory that is.
 *
 * @module
 */

import { capture, type Engine } from "./bench_engines.ts";
import { measureTasks, type Numbers, type Task } from "./bench_tasks.ts";

const MEGABYTE = 1_000_000;
/** Small files for each megabyte of the large one. */
const SMALL_FILES_PER_MEGABYTE = 50;
const SMALL_FILE_BYTES = 1000;
const SMALL_FILES_PER_DIRECTORY = 100;
const BIND_COUNT = 50;
const VOLUME_COUNT = 10;

/** How much is copied, and how often. */
export interface FilesOptions {
  /** Empty directory for what is copied; the file system of the engines' own directories. */
  directory: string;
  /** Of each copy. */
  rounds: number;
  /** Of `run` with mounts. */
  runRounds: number;
  /** Of the large file; there are fifty small files for each of them. */
  megabytes: number;
}

/** What {@linkcode benchFiles} found: by what was done, and by whom. */
export type FilesResults = Record<string, Record<string, Numbers>>;

/** An engine that keeps containers. */
type Keeper = Engine & { readonly client: readonly string[] };

/** Something to copy. */
interface Load {
  /** For titles. */
  name: string;
  /** On the host. */
  path: string;
}

/** Measures all engines in turn, wherry first. */
export async function benchFiles(
  engines: readonly Engine[],
  options: FilesOptions,
): Promise<FilesResults> {
  const keepers = engines.filter((engine): engine is Keeper => engine.client !== undefined);
  const loads = [await makeLargeFile(options), await makeSmallFiles(options)];
  const results: FilesResults = {};
  for (const load of loads) {
    for (const isRunning of [true, false]) {
      const container = isRunning ? "a container that runs" : "a container that is stopped";
      const into = `Copy ${load.name} into ${container}`;
      const tasks = keepers.map((keeper) => copyInto(keeper, load, isRunning));
      results[into] = await measureTasks(into, tasks, options.rounds);
      const outOf = `Copy ${load.name} out of ${container}`;
      results[outOf] = await measureCopiesOut(keepers, load, {
        ...options,
        isRunning,
        title: outOf,
      });
    }
  }
  return { ...results, ...await measureMounts(keepers, options) };
}

async function makeLargeFile({ directory, megabytes }: FilesOptions): Promise<Load> {
  const path = `${directory}/large`;
  await capture(["sh", "-c", `head -c ${megabytes * MEGABYTE} /dev/urandom >"${path}"`]);
  return { name: `one file of ${megabytes} MB`, path };
}

async function makeSmallFiles({ directory, megabytes }: FilesOptions): Promise<Load> {
  const path = `${directory}/small`;
  const count = megabytes * SMALL_FILES_PER_MEGABYTE;
  const content = crypto.getRandomValues(new Uint8Array(SMALL_FILE_BYTES));
  for (let index = 0; index < count; index++) {
    const parent = `${path}/${Math.floor(index / SMALL_FILES_PER_DIRECTORY)}`;
    if (index % SMALL_FILES_PER_DIRECTORY === 0) await Deno.mkdir(parent, { recursive: true });
    await Deno.writeFile(`${parent}/${index}`, content);
  }
  return { name: `${count} small files`, path };
}

function containerName(load: Load, isRunning: boolean): string {
  return `${isRunning ? "running" : "stopped"}-${load.path.slice(load.path.lastIndexOf("/") + 1)}`;
}

async function makeContainer(
  { client, runOptions = [] }: Keeper,
  name: string,
  isRunning: boolean,
): Promise<void> {
  const make = isRunning ? ["run", "-d"] : ["create"];
  await capture([
    ...[...client, ...make, "--name", name, "--network", "none", ...runOptions],
    ...["busybox", "sleep", "10000"],
  ]);
}

/** What was written before is on the disk, or the next one who writes waits for it. */
async function settleDisk(): Promise<void> {
  await capture(["sync"]);
}

function copyInto(keeper: Keeper, load: Load, isRunning: boolean): Task {
  const { client } = keeper;
  const name = containerName(load, isRunning);
  return {
    name: keeper.name,
    prepare: async () => {
      await makeContainer(keeper, name, isRunning);
      await settleDisk();
    },
    command: [...client, "cp", load.path, `${name}:/copied`],
    cleanUp: () => capture([...client, "rm", "-f", name]),
  };
}

async function measureCopiesOut(
  keepers: readonly Keeper[],
  load: Load,
  { directory, rounds, isRunning, title }: FilesOptions & { isRunning: boolean; title: string },
): Promise<Record<string, Numbers>> {
  const name = containerName(load, isRunning);
  const target = `${directory}/copied`;
  await using undo = new AsyncDisposableStack();
  for (const keeper of keepers) {
    await makeContainer(keeper, name, isRunning);
    undo.defer(async () => void await capture([...keeper.client, "rm", "-f", name]));
    await capture([...keeper.client, "cp", load.path, `${name}:/copied`]);
  }
  const tasks = keepers.map((keeper): Task => ({
    name: keeper.name,
    prepare: settleDisk,
    command: [...keeper.client, "cp", `${name}:/copied`, target],
    cleanUp: () => capture(["rm", "-rf", target]),
  }));
  return await measureTasks(title, tasks, rounds);
}

/** `run` with many mounts. Before each measurement all have been there once: volumes are made by then. */
async function measureMounts(
  keepers: readonly Keeper[],
  { directory, runRounds }: FilesOptions,
): Promise<FilesResults> {
  const flags = {
    [`Run \`true\` with ${BIND_COUNT} bind mounts`]: numbers(BIND_COUNT).flatMap((index) => {
      const source = `${directory}/bind${index}`;
      Deno.mkdirSync(source);
      return ["-v", `${source}:/bind${index}`];
    }),
    [`Run \`true\` with ${VOLUME_COUNT} named volumes`]: numbers(VOLUME_COUNT).flatMap((index) => [
      ...["-v", `volume${index}:/volume${index}`],
    ]),
  };
  const results: FilesResults = {};
  for (const [title, mounts] of Object.entries(flags)) {
    const tasks = keepers.map((keeper) => runWith(keeper, mounts));
    for (const { command } of tasks) await capture(command);
    results[title] = await measureTasks(title, tasks, runRounds);
  }
  return results;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function runWith({ name, client, runOptions = [] }: Keeper, mounts: readonly string[]): Task {
  return {
    name,
    command: [
      ...[...client, "run", "--rm", "--network", "none", ...runOptions, ...mounts],
      ...["busybox", "true"],
    ],
  };
}
