/** What containers use, again and again. @module */

import { isCorrupt, WherryError } from "../../errors.ts";
import type { Pressure, PressureResource } from "../../kernel/pressure.ts";
import { type ContainerUsage, readContainerUsage } from "./container_usage.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, findContainer, readContainer } from "../record/find.ts";
import { listContainers } from "../lifecycle/list.ts";
import { delay } from "../base/polling.ts";

/** What one container uses; a number is `undefined` where nobody counts it, and 0 for one that does not run. */
export interface ContainerStats {
  /** Its full id. */
  id: string;
  /** Its name. */
  name: string;
  /** The word by which it was asked for, or its id. */
  wanted: string;
  /** Whether it runs or is paused. */
  isRunning: boolean;
  /** Processor time since the round before, in percent of one processor: 0 to 100 times the number of processors. */
  cpuPercent: number | undefined;
  /** Memory in bytes, without the file cache that nobody has used lately. */
  memoryBytes: number | undefined;
  /** Most memory that it may have, in bytes; without a limit all that the host has. */
  memoryLimitBytes: number | undefined;
  /** Bytes received on all its links since it was started; 0 if it has none of its own. */
  receivedBytes: number | undefined;
  /** Bytes sent, the same. */
  sentBytes: number | undefined;
  /** Bytes read from block devices since it was started. */
  readBytes: number | undefined;
  /** Bytes written to block devices, the same. */
  writtenBytes: number | undefined;
  /** Processes and threads. */
  taskCount: number | undefined;
  /** What its processes had to wait for; a resource is missing where the kernel keeps no count. */
  pressure: Partial<Record<PressureResource, Pressure>>;
}

/** What all containers use at one moment. */
export interface StatsRound {
  /** In the order in which they were asked for, or the newest first. */
  containers: ContainerStats[];
  /** Words of containers that were asked for and are gone. */
  gone: string[];
  /** What is wrong with others, one line each. */
  warnings: string[];
}

/** What {@linkcode watchStats} looks at. */
export interface StatsRequest {
  /** Names, ids or beginnings of ids. @default {all containers, also those that come later} */
  names?: readonly string[];
  /** Whether containers that do not run are among all. @default {false} */
  isAll?: boolean;
  /** Time between two rounds in milliseconds. @default {1000} */
  intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 1000;

/** A container, and how it was asked for. */
interface Watched {
  container: Container;
  wanted: string;
}

/**
 * Looks at containers again and again. The first round comes after one interval, because a share of processor time
 * needs two looks.
 *
 * It ends by itself only when all containers that were named are gone.
 *
 * @throws {WherryError} `not_found` or `invalid_argument` if there is no such container; an `AggregateError` of these
 * if several are missing.
 */
export async function* watchStats(
  engine: Engine,
  { names = [], isAll = false, intervalMs = DEFAULT_INTERVAL_MS }: StatsRequest = {},
): AsyncGenerator<StatsRound, void, void> {
  const meter = new UsageMeter();
  const ids = findIds(engine, names);
  const look = names.length > 0
    ? (): Look => lookAtNamed(engine, ids)
    : (): Look => lookAtAll(engine, isAll);
  for (const { container } of look().watched) meter.measure(container);
  for (;;) {
    await delay(intervalMs);
    const { watched, gone, warnings } = look();
    const containers = watched.map((each) => statsOf(each, meter.measure(each.container)));
    yield { containers, gone, warnings };
    if (names.length > 0 && watched.length === 0) return;
  }
}

/** Which containers there are to measure. */
interface Look {
  watched: Watched[];
  gone: string[];
  warnings: string[];
}

/** Ids by the words that they were asked for with, each word once. */
function findIds(engine: Engine, names: readonly string[]): Map<string, string> {
  const errors: unknown[] = [];
  const ids = new Map<string, string>();
  for (const name of names) {
    try {
      ids.set(name, findContainer(engine, name).config.id);
    } catch (error) {
      if (!(error instanceof WherryError)) throw error;
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "Cannot find all containers");
  return ids;
}

function lookAtNamed(engine: Engine, ids: ReadonlyMap<string, string>): Look {
  const look: Look = { watched: [], gone: [], warnings: [] };
  for (const [wanted, id] of ids) {
    const container = readIfSound(engine, id);
    if (container === undefined) look.gone.push(wanted);
    else look.watched.push({ container, wanted });
  }
  return look;
}

/** A container whose record is damaged while it is looked at is as good as gone: other commands tell of it. */
function readIfSound(engine: Engine, id: string): Container | undefined {
  try {
    return readContainer(engine, id);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

function lookAtAll(engine: Engine, isAll: boolean): Look {
  const { containers, warnings } = listContainers(engine);
  const chosen = containers.filter(({ state }) => isAll || state.pid > 0);
  const watched = chosen.map((container) => ({ container, wanted: container.config.id }));
  return { watched, gone: [], warnings };
}

/** What a container uses, and how much processor time since it was measured before. */
interface Measurement {
  usage: ContainerUsage;
  cpuPercent: number | undefined;
}

/** Measures containers, and remembers the last time of each. */
class UsageMeter {
  readonly #hostMemoryBytes = Deno.systemMemoryInfo().total;
  /** By id and process. */
  readonly #last = new Map<string, ContainerUsage>();

  /** @returns `undefined` if it does not run. */
  measure(container: Container): Measurement | undefined {
    const { config: { id }, state: { pid } } = container;
    if (pid === 0) return undefined;
    const usage = readContainerUsage(container, this.#hostMemoryBytes);
    if (usage === undefined) return undefined;
    const key = `${id} ${pid}`;
    const before = this.#last.get(key);
    this.#last.set(key, usage);
    return { usage, cpuPercent: before === undefined ? undefined : cpuPercent(before, usage) };
  }
}

const MICROSECONDS_PER_MILLISECOND = 1000;

/**
 * Share of one processor between two looks. Docker divides by what all processors of the host have spent and idled
 * meanwhile, and multiplies by their number: that is the time that has gone by.
 *
 * @returns In percent; `undefined` if the processor time is not known.
 */
export function cpuPercent(
  before: Pick<ContainerUsage, "cpuUs" | "atMs">,
  now: Pick<ContainerUsage, "cpuUs" | "atMs">,
): number | undefined {
  if (before.cpuUs === undefined || now.cpuUs === undefined) return undefined;
  const elapsedUs = (now.atMs - before.atMs) * MICROSECONDS_PER_MILLISECOND;
  // Asked for themselves, processes that end take their time with them
  const spentUs = Math.max(0, now.cpuUs - before.cpuUs);
  return elapsedUs > 0 ? 100 * spentUs / elapsedUs : undefined;
}

function statsOf(
  { container: { config: { id, name } }, wanted }: Watched,
  measurement: Measurement | undefined,
): ContainerStats {
  const identity = { id, name, wanted };
  if (measurement === undefined) return { ...identity, isRunning: false, ...AT_REST };
  const { usage: { atMs: _atMs, cpuUs: _cpuUs, ...numbers }, cpuPercent } = measurement;
  return { ...identity, isRunning: true, cpuPercent, ...numbers };
}

const AT_REST = {
  cpuPercent: 0,
  memoryBytes: 0,
  memoryLimitBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  taskCount: 0,
  pressure: {},
} as const satisfies Partial<ContainerStats>;
