/**
 * Commands that need something made before them and removed after them, which is not timed.
 *
 * @module
 */

import { cell, measurePeak, time } from "./bench_measure.ts";
import { median } from "./bench_statistics.ts";

/** Something that is measured round by round. */
export interface Task {
  /** Who is measured. */
  name: string;
  /** Made anew before each command. @default {nothing} */
  prepare?(): Promise<unknown>;
  /** All that is timed. */
  command: readonly string[];
  /** Removed after each command. @default {nothing} */
  cleanUp?(): Promise<unknown>;
}

/** What was measured of a task. */
export interface Numbers {
  /** In milliseconds. */
  medianMs: number;
  /** Largest resident memory of the command itself; daemons work elsewhere. */
  peakBytes: number;
}

/** Measures tasks in turn, and then the memory of each once. */
export async function measureTasks(
  title: string,
  tasks: readonly Task[],
  rounds: number,
): Promise<Record<string, Numbers>> {
  const times = new Map(tasks.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const task of round % 2 === 0 ? tasks : tasks.toReversed()) {
      times.get(task.name)?.push(await runOnce(task, time));
    }
  }
  const numbers: Record<string, Numbers> = {};
  for (const task of tasks) {
    const peakBytes = await runOnce(task, measurePeak);
    numbers[task.name] = { medianMs: median(times.get(task.name) ?? []), peakBytes };
  }
  print(title, numbers);
  return numbers;
}

async function runOnce(
  task: Task,
  run: (command: readonly string[]) => Promise<number>,
): Promise<number> {
  await task.prepare?.();
  const number = await run(task.command);
  await task.cleanUp?.();
  return number;
}

function print(title: string, numbers: Readonly<Record<string, Numbers>>): void {
  console.log(`\n${title}`);
  console.log(`${"".padEnd(16)}${["median ms", "x wherry", "peak MB"].map(cell).join("")}`);
  const baseline = Object.values(numbers).at(0)?.medianMs ?? NaN;
  for (const [name, { medianMs, peakBytes }] of Object.entries(numbers)) {
    const cells = [medianMs, medianMs / baseline, peakBytes / 1e6].map((value, column) =>
      cell(value.toFixed(column === 1 ? 2 : 0))
    );
    console.log(`${name.padEnd(16)}${cells.join("")}`);
  }
}
