/** What happens to containers and images, for whoever looks: written down by those who do it. @module */

import type { ContainerConfig } from "../container/config.ts";
import { WherryError } from "../errors.ts";
import { tryAcquireLock } from "../store/lock.ts";
import { type Engine, isOfSystem } from "./engine.ts";

/** Something that happened to one container. */
export interface ContainerEvent {
  config: ContainerConfig;
  /** Docker's word for it, for example `create` or `exec_start: sh`. */
  action: string;
  /** On top of the container's image, name and labels. */
  attributes?: Readonly<Record<string, string>>;
}

/**
 * Writes down what a command has done to a container.
 *
 * One line is one write, so that lines of several processes never mix. The monitor writes `start`, `die` and
 * `health_status` itself (docs/monitor.md, "Events"). An event that cannot be written, for example on a full disk,
 * fails nothing: it is counted in {@linkcode Engine.lostEvents}.
 */
export function recordContainerEvent(engine: Engine, event: ContainerEvent): void {
  const { config, action, attributes } = event;
  record(engine, {
    status: action,
    id: config.id,
    from: imageOf(config),
    Type: "container",
    Action: action,
    Actor: { ID: config.id, Attributes: { ...containerAttributes(config), ...attributes } },
    scope: "local",
  });
}

/** What every event of a container says about it. */
export function containerAttributes(config: ContainerConfig): Record<string, string> {
  return { ...config.labels, image: imageOf(config), name: config.name };
}

function imageOf({ root }: ContainerConfig): string {
  return root.type === "image" ? root.reference : root.path;
}

/** Something that happened to one image. */
export interface ImageEvent {
  /** `sha256:` and 64 digits. */
  id: string;
  action: "delete" | "import" | "load" | "tag" | "untag";
  /** What the event is about: a reference, or the id as docker has it. @default {the id} */
  name?: string;
  /** The image's. */
  labels: Readonly<Record<string, string>>;
}

/** Writes down what a command has done to an image, as {@linkcode recordContainerEvent} does. */
export function recordImageEvent(
  engine: Engine,
  { id, action, name = id, labels }: ImageEvent,
): void {
  record(engine, {
    status: action,
    id,
    Type: "image",
    Action: action,
    Actor: { ID: id, Attributes: { ...labels, name } },
    scope: "local",
  });
}

/** Size in bytes from which on the log of events is put aside, so that two files of it are all there is. */
const ROTATION_BYTES = 1024 * 1024;

function record(engine: Engine, event: Readonly<Record<string, unknown>>): void {
  const { paths, lostEvents } = engine;
  try {
    if (append(paths.events, formatLine(event)) >= ROTATION_BYTES) rotate(paths.events);
  } catch (error) {
    if (!isOfSystem(error) && !(error instanceof WherryError)) throw error;
    lostEvents.count++;
    lostEvents.cause = error;
  }
}

function formatLine(event: Readonly<Record<string, unknown>>): Uint8Array<ArrayBuffer> {
  const nowMs = currentMs();
  const seconds = Math.floor(nowMs / 1000);
  const microseconds = Math.floor((nowMs - seconds * 1000) * 1000);
  // The number of nanoseconds does not fit into a JavaScript number
  const time = `"time":${seconds},"timeNano":${seconds}${String(microseconds).padStart(6, "0")}000`;
  return new TextEncoder().encode(`${JSON.stringify(event).slice(0, -1)},${time}}\n`);
}

/** Milliseconds since 1970, with a fraction: what commands and monitors write within one must stay in order. */
function currentMs(): number {
  const nowMs = Date.now();
  const preciseMs = performance.timeOrigin + performance.now();
  // The clock may have been set since this process began
  return Math.abs(preciseMs - nowMs) < 2 ? preciseMs : nowMs;
}

/** @returns The file's size afterwards. */
function append(path: string, line: Uint8Array<ArrayBuffer>): number {
  // Opened each time: it may have been put aside
  using file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  const written = file.writeSync(line);
  if (written < line.length) {
    // More of it would be mixed with what others write meanwhile
    throw new WherryError(
      "unavailable",
      `Cannot write to "${path}": it took ${written} of ${line.length} bytes`,
    );
  }
  return file.seekSync(0, Deno.SeekMode.Current);
}

/**
 * Puts the log of events aside as `PATH.1`, in place of the one before.
 *
 * Nobody waits: who has the file open writes to the one put aside, where readers still look.
 */
function rotate(path: string): void {
  using lock = tryAcquireLock(`${path}.lock`, { create: true });
  // Without the lock somebody else is at it; with it, may just have been
  if (lock === undefined || Deno.statSync(path).size < ROTATION_BYTES) return;
  Deno.renameSync(path, `${path}.1`);
}
