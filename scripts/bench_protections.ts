/** What each protection and limit costs: of `run`, and of each system call. @module */

import { capture, type Engine } from "./bench_engines.ts";
import { cell, compare, type Contender, printResults, type Result } from "./bench_measure.ts";
import { median } from "./bench_statistics.ts";

/** What is asked for, or given up, besides what every container has. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "defaults": [],
  "no seccomp": ["--security-opt", "seccomp=unconfined"],
  "no masked paths": ["--security-opt", "systempaths=unconfined"],
  "all capabilities": ["--cap-add", "ALL"],
  "no-new-privileges": ["--security-opt", "no-new-privileges"],
  "another user": ["-u", "1000"],
  "privileged": ["--privileged"],
  "a device": ["--device", "/dev/null:/dev/other"],
  "memory limit": ["-m", "64m"],
  "four limits": ["-m", "64m", "--cpus", "1", "--pids-limit", "100", "--cpuset-cpus", "0"],
  "ids of its own": ["--userns", "auto"],
  "the host's pids": ["--pid", "host"],
};

const CALLS = "3000000";
const CALL_ROUNDS = 5;

/** What {@linkcode benchProtections} found. */
export interface ProtectionResults {
  /** `run --rm --network none` with each variant; ratios are those to the defaults. */
  runs: Result[];
  /** Nanoseconds of one getppid(2), by engine and filter. */
  callNs: Record<string, number>;
}

/** Measures wherry's variants in turn, and system calls in containers of every engine that keeps them. */
export async function benchProtections(
  engines: readonly Engine[],
  directory: string,
  rounds: number,
): Promise<ProtectionResults> {
  const [wherry] = engines;
  const contenders = Object.entries(VARIANTS).map(([name, flags]): Contender => ({
    name,
    command: () => [
      ...(wherry?.client ?? []),
      ...["run", "--rm", "--network", "none", ...flags, "busybox", "true"],
    ],
  }));
  const runs = await compare(contenders, rounds);
  printResults("What a container asks for (x the defaults)", runs);
  const callNs = await benchCalls(engines, directory);
  console.log("\nOne system call, with the engine's own filter and without, in ns");
  for (const [name, ns] of Object.entries(callNs)) {
    console.log(`${name.padEnd(22)}${cell(ns.toFixed(0))}`);
  }
  return { runs, callNs };
}

async function benchCalls(
  engines: readonly Engine[],
  directory: string,
): Promise<Record<string, number>> {
  const program = `${directory}/calls`;
  const source = new URL("bench_load.c", import.meta.url).pathname;
  await capture(["gcc", "-static", "-O2", "-Wall", "-Wextra", "-o", program, source]);
  const times: Record<string, number[]> = {};
  for (let round = 0; round < CALL_ROUNDS; round++) {
    for (const { name, client, runOptions = [] } of engines) {
      if (client === undefined) continue;
      for (const [filter, flags] of [["", []], [" unconfined", UNCONFINED]] as const) {
        const text = await capture([
          ...[...client, "run", "--rm", "--network", "none", ...runOptions, ...flags],
          ...["-v", `${program}:/load:ro`, "busybox", "/load", "calls", CALLS],
        ]);
        (times[name + filter] ??= []).push(Number(text));
      }
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

const UNCONFINED = ["--security-opt", "seccomp=unconfined"];
