/**
 * What a container's whole life costs: exec, listing, logs, the end, many containers at once.
 *
 * Only engines that keep containers take part.
 *
 * @module
 */

import { capture, type Engine } from "./bench_engines.ts";
import {
  cell,
  compare,
  type Contender,
  printResults,
  readProcBytes,
  type Result,
  time,
  weighSupervisor,
} from "./bench_measure.ts";
import { percentile } from "./bench_statistics.ts";

/** Rounds of `exec` and `ps`. */
const ROUNDS = 20;
/** How much is written to a log, in bytes. */
const LOG_BYTES = 256 * 1024 * 1024;
/** Rounds of it. */
const LOG_ROUNDS = 3;
/** Ends of PID 1 that are timed. */
const END_COUNT = 200;
/** Containers that are started in a loop. */
const CROWD_SIZE = 200;
/** Commands that prepare containers side by side. */
const WORKERS = 4;

/** An engine that keeps containers. */
type Keeper = Engine & { readonly client: readonly string[] };

/** All numbers of this page. */
export interface LifecycleResults {
  /** `exec` of `true`. */
  exec: Result[];
  /** `ps -a`, by the number of containers that there are. */
  ps: Record<number, Result[]>;
  /** Rates in bytes per second that a container could write to its log, by contender. */
  logBytesPerSecond: Record<string, number>;
  /** From the end of PID 1 to the recorded exit status, in milliseconds: wherry alone. */
  recordedMs: { p50: number; p99: number };
  /** Many containers started one after the other, by engine. */
  crowd: Record<string, CrowdResult>;
}

/** Containers started in a loop. */
export interface CrowdResult {
  /** Containers per second. */
  rate: number;
  /** Proportional memory of all supervisors and daemons together, in bytes. */
  pssBytes: number;
}

/**
 * Measures the lives of containers.
 *
 * @param engines Wherry first.
 * @param maxContainers Most containers that `ps` is asked to list.
 */
export async function benchLifecycle(
  engines: readonly Engine[],
  maxContainers: number,
): Promise<LifecycleResults> {
  const keepers = engines.filter((engine): engine is Keeper => engine.client !== undefined);
  return {
    exec: await benchExec(keepers),
    ps: await benchList(keepers.filter(({ name }) => name !== "podman"), maxContainers),
    logBytesPerSecond: await benchLogs(keepers),
    recordedMs: await benchRecording(keepers),
    crowd: await benchCrowd(keepers),
  };
}

function runDetached({ client, runOptions = [] }: Keeper, ...rest: string[]): string[] {
  return [...client, "run", "-d", "--network", "none", ...runOptions, ...rest];
}

/** Removes containers, however they are doing. */
async function remove({ client }: Keeper, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await capture([...client, "rm", "-f", ...ids]);
}

async function benchExec(keepers: readonly Keeper[]): Promise<Result[]> {
  await using undo = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const keeper of keepers) {
    const id = await capture(runDetached(keeper, "busybox", "sleep", "1000"));
    undo.defer(() => remove(keeper, [id]));
    contenders.push({ name: keeper.name, command: () => [...keeper.client, "exec", id, "true"] });
  }
  const results = await compare(contenders, ROUNDS);
  printResults("Run `true` in a container that runs", results);
  return results;
}

async function benchList(
  keepers: readonly Keeper[],
  maxContainers: number,
): Promise<Record<number, Result[]>> {
  await using undo = new AsyncDisposableStack();
  const made = new Map(keepers.map((keeper): [Keeper, string[]] => [keeper, []]));
  for (const [keeper, ids] of made) undo.defer(() => remove(keeper, ids));
  const contenders = keepers.map(({ name, client }): Contender => ({
    name,
    command: () => [...client, "ps", "-a"],
  }));
  const byCount: Record<number, Result[]> = {};
  for (const count of [1, 100, 1000].filter((count) => count <= maxContainers)) {
    for (const [keeper, ids] of made) await createUpTo(keeper, ids, count);
    byCount[count] = await compare(contenders, ROUNDS);
    printResults(`List containers when there are ${count}`, byCount[count]);
  }
  return byCount;
}

async function createUpTo(keeper: Keeper, ids: string[], count: number): Promise<void> {
  const { client, runOptions = [] } = keeper;
  const command = [...client, "create", "--network", "none", ...runOptions, "busybox", "true"];
  const work = async (): Promise<void> => {
    for (let left = count - ids.length; left > 0; left = count - ids.length) {
      const index = ids.push("") - 1;
      ids[index] = await capture(command);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
}

/** How fast a container can write to its log, which is rotated meanwhile. */
async function benchLogs(keepers: readonly Keeper[]): Promise<Record<string, number>> {
  const rotation = ["--log-opt", "max-size=10m", "--log-opt", "max-file=3"];
  const contenders = keepers.filter(({ name }) => name !== "podman").flatMap((keeper) => {
    const drivers = keeper.name === "wherry" ? ["local", "json-file"] : ["json-file"];
    return drivers.map((driver) => ({ keeper, driver, name: `${keeper.name} ${driver}` }));
  });
  const rates: Record<string, number> = {};
  console.log("\nWrite lines to the log, as fast as it takes them");
  for (const { keeper, driver, name } of contenders) {
    const seconds: number[] = [];
    for (let round = 0; round < LOG_ROUNDS; round++) {
      const options = ["--network", "none", "--log-driver", driver, ...rotation];
      seconds.push(await timeLog(keeper, options));
    }
    rates[name] = LOG_BYTES / Math.min(...seconds);
    console.log(`${name.padEnd(22)}${cell(`${(rates[name] / 1e6).toFixed(0)} MB/s`)}`);
  }
  return rates;
}

/** Time from the start of a container that only prints until its end, in seconds. */
async function timeLog(
  { client, runOptions = [] }: Keeper,
  options: readonly string[],
): Promise<number> {
  const script = `yes 'one line of a log, as long as they often are' | head -c ${LOG_BYTES}`;
  const id = await capture([
    ...[...client, "run", "-d", ...options, ...runOptions],
    ...["busybox", "sh", "-c", script],
  ]);
  const startedAt = performance.now();
  await capture([...client, "wait", id]);
  const elapsed = (performance.now() - startedAt) / 1000;
  await capture([...client, "rm", "-f", id]);
  return elapsed;
}

/** Kills PID 1 of containers and waits for the record on disk. */
async function benchRecording(keepers: readonly Keeper[]): Promise<{ p50: number; p99: number }> {
  const wherry = keepers.find(({ name }) => name === "wherry");
  if (wherry === undefined) throw new Error("Cannot measure: wherry is missing");
  const delays: number[] = [];
  const id = await capture(runDetached(wherry, "busybox", "sleep", "1000"));
  const [logPath = ""] = (await capture([...wherry.client, "inspect", "-f", "{{.LogPath}}", id]))
    .split("\n");
  const record = `${logPath.slice(0, logPath.lastIndexOf("/"))}/state.json`;
  for (let end = 0; end < END_COUNT; end++) {
    delays.push(timeRecord(record));
    await capture([...wherry.client, "start", id]);
  }
  await remove(wherry, [id]);
  const result = { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) };
  console.log("\nFrom the end of PID 1 to the exit status on disk");
  console.log(`wherry: p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms`);
  return result;
}

/** Polls without a pause: it is about a few milliseconds. */
function timeRecord(record: string): number {
  const { pid } = JSON.parse(Deno.readTextFileSync(record));
  const startedAt = performance.now();
  Deno.kill(pid, "SIGKILL");
  while (!Deno.readTextFileSync(record).includes('"exited"'));
  return performance.now() - startedAt;
}

async function benchCrowd(keepers: readonly Keeper[]): Promise<Record<string, CrowdResult>> {
  console.log(`\nStart ${CROWD_SIZE} containers in the background, one after the other`);
  const results: Record<string, CrowdResult> = {};
  for (const keeper of keepers) {
    const result = await measureCrowd(keeper);
    results[keeper.name] = result;
    const memory = `${(result.pssBytes / 1024 / 1024).toFixed(1)} MiB`;
    const cells = [`${result.rate.toFixed(1)} /s`, memory].map(cell).join("");
    console.log(`${keeper.name.padEnd(22)}${cells}`);
  }
  return results;
}

async function measureCrowd(keeper: Keeper): Promise<CrowdResult> {
  const names = Array.from({ length: CROWD_SIZE }, (_, index) => `crowd-${index}`);
  try {
    const startedAt = performance.now();
    for (const name of names) {
      await time(runDetached(keeper, "--name", name, "busybox", "sleep", "1000"));
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const inspect = [...keeper.client, "inspect", "-f", "{{.State.Pid}}", ...names];
    const pids = (await capture(inspect)).split("\n").map(Number);
    let pssBytes = 0;
    for (const pid of pids) pssBytes += await weighSupervisor(pid);
    for (const pid of keeper.daemonPids ?? []) {
      pssBytes += await readProcBytes(`/proc/${pid}/smaps_rollup`, "Pss");
    }
    return { rate: CROWD_SIZE / seconds, pssBytes };
  } finally {
    await remove(keeper, names);
  }
}
