/**
 * What all benchmarks measure with: whole processes in turn, and the memory of others.
 *
 * @module
 */

import { median, pairedRatio, percentile } from "./bench_statistics.ts";

/** Times of one contender, and how they compare with wherry's. */
export interface Result {
  /** Who was measured. */
  name: string;
  /** Its command line. */
  command: string;
  /** Number of measurements. */
  n: number;
  /** In milliseconds. */
  medianMs: number;
  /** In milliseconds. */
  p95Ms: number;
  /** How many times longer than wherry, as the median over all rounds; 1 for wherry itself. */
  ratio: number;
}

/** A command that is measured. */
export interface Contender {
  /** Who is measured. */
  name: string;
  /** The command of a round; each round may need fresh directories. */
  command(round: number): readonly string[];
}

/** Runs a command once and returns how long it took, in milliseconds. */
export async function time(
  command: readonly string[],
  watch?: (pid: number) => void,
): Promise<number> {
  const [program = "", ...args] = command;
  const process = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const startedAt = performance.now();
  const child = process.spawn();
  watch?.(child.pid);
  const { code } = await child.status;
  const elapsedMs = performance.now() - startedAt;
  if (code !== 0) throw new Error(`Cannot measure "${command.join(" ")}": exit status ${code}`);
  return elapsedMs;
}

/** Measures all contenders round by round; the first one is the baseline of all ratios. */
export async function compare(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const times = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Every other round backwards, so that nobody always runs after the same neighbour.
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const { name, command } of order) times.get(name)?.push(await time(command(round)));
  }
  const baseline = times.get(contenders.at(0)?.name ?? "") ?? [];
  return contenders.map(({ name, command }) => {
    const values = times.get(name) ?? [];
    return {
      name,
      command: command(0).join(" "),
      n: values.length,
      medianMs: median(values),
      p95Ms: percentile(values, 0.95),
      ratio: pairedRatio(values, baseline),
    };
  });
}

/** Prints a table of results and the commands behind them. */
export function printResults(title: string, results: readonly Result[]): void {
  console.log(`\n${title}`);
  console.log(`${"".padEnd(22)}${["n", "median ms", "p95 ms", "x wherry"].map(cell).join("")}`);
  for (const { name, n, medianMs, p95Ms, ratio } of results) {
    const cells = [String(n), medianMs.toFixed(1), p95Ms.toFixed(1), ratio.toFixed(2)];
    console.log(`${name.padEnd(22)}${cells.map(cell).join("")}`);
  }
  for (const { name, command } of results) console.log(`  ${name}: ${command}`);
}

/** One right-aligned column of a table. */
export function cell(text: string): string {
  return text.padStart(12);
}

/** A number of bytes of a process that the kernel reports in kB, from a file below `/proc`. */
export async function readProcBytes(path: string, key: string): Promise<number> {
  const line = (await Deno.readTextFile(path)).split("\n").find((text) =>
    text.startsWith(`${key}:`)
  );
  if (line === undefined) throw new Error(`Cannot find "${key}" in "${path}": no such line`);
  return Number(/\d+/.exec(line)?.[0]) * 1024;
}

/** Proportional memory of the process that supervises a container, in bytes: the parent of its init. */
export async function weighSupervisor(initPid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${initPid}/status`);
  const parent = /^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? "";
  return await readProcBytes(`/proc/${parent}/smaps_rollup`, "Pss");
}

/** How often the memory of a command is looked at. */
const MEMORY_POLL_MS = 5;

/** Largest resident memory that a process had, in bytes, looked at until it has ended. */
function watchMemory(pid: number): { peakBytes(): number } {
  let peak = 0;
  const timer = setInterval(async () => {
    try {
      peak = Math.max(peak, await readProcBytes(`/proc/${pid}/status`, "VmHWM"));
    } catch {
      // The process has ended, or is ending and has no memory any more.
      clearInterval(timer);
    }
  }, MEMORY_POLL_MS);
  return {
    peakBytes(): number {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Largest resident memory of a command, in bytes. */
export async function measurePeak(command: readonly string[]): Promise<number> {
  let memory: ReturnType<typeof watchMemory> | undefined;
  await time(command, (pid) => memory = watchMemory(pid));
  return memory?.peakBytes() ?? 0;
}
