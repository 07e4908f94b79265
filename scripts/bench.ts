/**
 * `deno task bench`: compares wherry with what the host has of runc, docker and podman.
 *
 * All contenders are measured in turn, round after round, so that noise of the
 * machine hits all alike. A time is that of the whole process, from before it
 * is started until after its exit has been seen; starting one from Deno adds
 * the same few milliseconds to all. Ratios are medians of each round's ratio.
 *
 * Options: `--n=30` rounds of `run`, `--imports=5` rounds of `import`, `--containers=1000` most
 * containers that `ps` lists, `--copies=3` rounds of `cp`, `--megabytes=1000` size of the large file
 * that is copied (with fifty small ones for each), `--only=run,lifecycle,import,images,addresses,
 * network,protections,files` what to measure, `--out=bench.json` where the numbers go.
 *
 * @module
 */

import {
  capture,
  type Engine,
  type EngineSource,
  openDocker,
  openPodman,
  openRunc,
  openWherry,
  unmountBelow,
} from "./bench_engines.ts";
import { benchAddresses } from "./bench_addresses.ts";
import { largeArchive } from "./bench_archive.ts";
import { benchFiles } from "./bench_files.ts";
import { benchLifecycle } from "./bench_lifecycle.ts";
import {
  cell,
  compare,
  measurePeak,
  printResults,
  type Result,
  time,
  weighSupervisor,
} from "./bench_measure.ts";
import { benchProtections } from "./bench_protections.ts";
import { median } from "./bench_statistics.ts";
import { buildWherry, PROJECT_ROOT } from "./build.ts";
import { makeBusyboxTar } from "./busybox_image.ts";
import { ensurePrerequisites, ensureRoot } from "./prerequisites.ts";
import { writeTar } from "./tar_writer.ts";

/** How often, and after which pause, the directory of all engines is removed again when it is in use. */
const REMOVE_TRIES = 10;
const REMOVE_PAUSE_MS = 500;

/** Number of containers whose supervisors are weighed. */
const SUPERVISOR_COUNT = 5;
/** What the user asked for. */
interface Options {
  /** Rounds of `run`. */
  runRounds: number;
  /** Rounds of `import`. */
  importRounds: number;
  /** Most containers that `ps` lists. */
  maxContainers: number;
  /** Rounds of `cp`. */
  copyRounds: number;
  /** Size of the large file that is copied. */
  copyMegabytes: number;
  /** What is measured. */
  parts: ReadonlySet<string>;
  /** File that takes the numbers. */
  outPath: string;
}

const PARTS: readonly string[] = [
  ...["run", "lifecycle", "import", "images", "addresses", "network", "protections", "files"],
];

function parseOptions(args: readonly string[]): Options {
  const options: Options = {
    runRounds: 30,
    importRounds: 5,
    maxContainers: 1000,
    copyRounds: 3,
    copyMegabytes: 1000,
    parts: new Set(PARTS),
    outPath: `${PROJECT_ROOT}bench.json`,
  };
  for (const argument of args) {
    const [name, value = ""] = argument.split("=", 2);
    if (name === "--n") options.runRounds = parseCount(value);
    else if (name === "--imports") options.importRounds = parseCount(value);
    else if (name === "--containers") options.maxContainers = parseCount(value);
    else if (name === "--copies") options.copyRounds = parseCount(value);
    else if (name === "--megabytes") options.copyMegabytes = parseCount(value);
    else if (name === "--only") options.parts = parseParts(value);
    else if (name === "--out") options.outPath = value;
    else {
      const usage = "--n=N, --imports=N, --containers=N, --copies=N, --megabytes=N, " +
        "--only=PART,PART, --out=FILE";
      throw new TypeError(`Cannot understand "${argument}": use ${usage}`);
    }
  }
  return options;
}

function parseParts(text: string): ReadonlySet<string> {
  const parts = new Set(text.split(","));
  for (const part of parts) {
    if (PARTS.includes(part)) continue;
    throw new TypeError(`Cannot measure "${part}": choose of ${PARTS.join(", ")}`);
  }
  return parts;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot use "${text}" as a number: it is no positive integer`);
  }
  return count;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** Starts containers in the background and weighs their supervisors; undefined for an engine without any. */
async function measureSupervisor(engine: Engine): Promise<number | undefined> {
  const { client, runOptions = [] } = engine;
  if (client === undefined) return undefined;
  const run = ["run", "-d", "--network", "none", ...runOptions, "busybox", "sleep", "1000"];
  const ids: string[] = [];
  try {
    for (let index = 0; index < SUPERVISOR_COUNT; index++) {
      ids.push(await capture([...client, ...run]));
    }
    const sizes: number[] = [];
    for (const id of ids) {
      const pid = await capture([...client, "inspect", "-f", "{{.State.Pid}}", id]);
      sizes.push(await weighSupervisor(Number(pid)));
    }
    return median(sizes);
  } finally {
    if (ids.length > 0) await capture([...client, "rm", "-f", ...ids]);
  }
}

/** What importing a large archive costs. */
interface ImportResults {
  /** Size of the archive. */
  archiveBytes: number;
  /** Largest resident memory of one import. */
  peakBytes: number;
  results: Result[];
}

/** `import` against GNU tar, each in a fresh directory every time, and the memory it takes. */
async function benchImport(
  wherry: string,
  directory: string,
  rounds: number,
): Promise<ImportResults> {
  const archive = `${directory}/large.tar`;
  await writeTar(archive, largeArchive());
  const importInto = (name: string): string[] => [
    ...[wherry, "--root", `${directory}/${name}/root`, "--run-root", `${directory}/${name}/run`],
    ...["import", archive, "large"],
  ];
  for (let round = 0; round < rounds; round++) await Deno.mkdir(`${directory}/tar${round}`);
  const results = await compare([
    { name: "wherry import", command: (round) => importInto(`import${round}`) },
    {
      name: "GNU tar x",
      command: (round) => ["tar", "-xf", archive, "-C", `${directory}/tar${round}`],
    },
  ], rounds);
  const peakBytes = await measurePeak(importInto("memory"));
  const archiveBytes = (await Deno.stat(archive)).size;
  printResults(`Unpack a root file system of ${megabytes(archiveBytes)}`, results);
  console.log(`wherry's peak memory: ${megabytes(peakBytes)}`);
  return { archiveBytes, peakBytes, results };
}

/** What the numbers were measured on. */
async function describeMachine(): Promise<Record<string, string | number>> {
  const cpus = (await Deno.readTextFile("/proc/cpuinfo")).match(/^model name\s*: .*$/gm) ?? [];
  const system = await Deno.readTextFile("/etc/os-release");
  return {
    cpu: cpus.at(0)?.replace(/^.*?: /, "") ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: Deno.osRelease(),
    system: /^PRETTY_NAME="?(.*?)"?$/m.exec(system)?.[1] ?? "unknown",
    deno: Deno.version.deno,
  };
}

/** Opens every engine that is there, wherry first, and says which are not. */
async function openEngines(
  source: EngineSource,
  wherry: string,
  undo: AsyncDisposableStack,
): Promise<Engine[]> {
  const engines = [undo.use(await openWherry(source, wherry))];
  for (const [name, open] of Object.entries({ openRunc, openDocker, openPodman })) {
    const engine = await open(source);
    if (engine === undefined) {
      console.log(`${name.replace("open", "").toLowerCase()}: not installed`);
    } else engines.push(undo.use(engine));
  }
  for (const { name, version } of engines) console.log(`${name}: ${version}`);
  return engines;
}

/** `run --rm` of every engine, round by round. */
async function benchRuns(engines: readonly Engine[], rounds: number): Promise<Result[]> {
  for (const { runCommand } of engines) await time(runCommand);
  const contenders = engines.map(({ name, runCommand }) => ({ name, command: () => runCommand }));
  const results = await compare(contenders, rounds);
  printResults("Run `true` in a fresh container without a network, and remove it", results);
  return results;
}

/** A benchmark in a network namespace of its own. */
interface OwnNetworkBench {
  /** Name of its script beside this one. */
  script: string;
  /** Name of its directory; podman takes no paths of more than 50 characters. */
  name: string;
  rounds: number;
}

/** Runs `bench_network.ts` or `bench_images.ts`. */
async function benchInOwnNetwork(
  { directory, rootfsTar }: EngineSource,
  wherry: string,
  { script: scriptName, name, rounds }: OwnNetworkBench,
): Promise<unknown> {
  const own = `${directory}/${name}`;
  const outPath = `${own}/numbers.json`;
  await Deno.mkdir(own);
  const script = new URL(scriptName, import.meta.url).pathname;
  const { success } = await new Deno.Command("unshare", {
    args: [
      ...["-n", Deno.execPath(), "run", "-A", script],
      ...[wherry, own, rootfsTar, String(rounds), outPath],
    ],
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error(`Cannot measure ${name}: ${script} failed`);
  return JSON.parse(await Deno.readTextFile(outPath));
}

/** Memory of the supervisors of every engine that has them, in bytes, by the engine's name. */
async function benchSupervisors(engines: readonly Engine[]): Promise<Record<string, number>> {
  console.log("\nProportional memory (PSS) of what supervises one container");
  const sizes: Record<string, number> = {};
  for (const engine of engines) {
    const bytes = await measureSupervisor(engine);
    if (bytes === undefined) continue;
    sizes[engine.name] = bytes;
    console.log(`${engine.name.padEnd(22)}${cell(`${(bytes / 1024).toFixed(0)} KiB`)}`);
  }
  return sizes;
}

/** Engines may still be mounting or unmounting in the background when they say that they are done. */
async function removeDirectory(directory: string): Promise<void> {
  for (let triesLeft = REMOVE_TRIES;; triesLeft--) {
    try {
      await unmountBelow(directory);
      await Deno.remove(directory, { recursive: true });
      return;
    } catch (error) {
      if (triesLeft === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }
}

async function bench(options: Options): Promise<void> {
  ensureRoot("the benchmark");
  await ensurePrerequisites(["compiler", "busybox", "tar"]);
  const wherry = await buildWherry();
  const directory = await Deno.makeTempDir({ prefix: "wherry-bench-" });
  await using undo = new AsyncDisposableStack();
  undo.defer(() => removeDirectory(directory));
  const machine = await describeMachine();
  for (const [key, value] of Object.entries(machine)) console.log(`${key}: ${value}`);

  const rootfsTar = `${directory}/busybox.tar`;
  await makeBusyboxTar(rootfsTar);
  const source: EngineSource = { directory, rootfsTar };
  const engines = await openEngines(source, wherry, undo);
  const report: Record<string, unknown> = {
    machine,
    versions: Object.fromEntries(engines.map(({ name, version }) => [name, version])),
  };
  if (options.parts.has("run")) {
    report["runs"] = await benchRuns(engines, options.runRounds);
    report["supervisorPssBytes"] = await benchSupervisors(engines);
  }
  if (options.parts.has("lifecycle")) {
    report["lifecycle"] = await benchLifecycle(engines, options.maxContainers);
  }
  if (options.parts.has("import")) {
    report["imports"] = await benchImport(wherry, directory, options.importRounds);
  }
  if (options.parts.has("images")) {
    const part = { script: "bench_images.ts", name: "img", rounds: options.importRounds };
    report["images"] = await benchInOwnNetwork(source, wherry, part);
  }
  if (options.parts.has("addresses")) {
    report["addresses"] = benchAddresses(["/dev/shm", directory]);
  }
  if (options.parts.has("network")) {
    const part = { script: "bench_network.ts", name: "net", rounds: options.runRounds };
    report["networks"] = await benchInOwnNetwork(source, wherry, part);
  }
  if (options.parts.has("protections")) {
    report["protections"] = await benchProtections(engines, directory, options.runRounds);
  }
  if (options.parts.has("files")) {
    const own = `${directory}/files`;
    await Deno.mkdir(own);
    report["files"] = await benchFiles(engines, {
      directory: own,
      rounds: options.copyRounds,
      runRounds: options.runRounds,
      megabytes: options.copyMegabytes,
    });
  }
  await Deno.writeTextFile(options.outPath, JSON.stringify(report, undefined, 2) + "\n");
  console.log(`\nNumbers are in ${options.outPath}`);
}

if (import.meta.main) await bench(parseOptions(Deno.args));
