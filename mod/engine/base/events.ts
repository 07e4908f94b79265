/** What happens to containers, images, networks and volumes, for whoever looks: written down by those who do it. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type { EventTarget } from "../../container/launch/launch_input.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { realTimeNs } from "../../kernel/clock.ts";
import { driverWord, type NetworkConfig } from "../../network/network.ts";
import { tryAcquireLock } from "../../store/lock.ts";
import type { Volume } from "../../volume/volume.ts";
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
 * One line is one write, so that lines of several processes never mix. Monitors write `start`, `die`, `exec_die` and
 * some more themselves (docs/monitor.md, "Events"). An event that cannot be written, for example on a full disk,
 * fails nothing: it is counted in {@linkcode Engine.lostEvents}.
 */
export function recordContainerEvent(engine: Engine, event: ContainerEvent): void {
  const { config, action, attributes } = event;
  record(engine, {
    type: "container",
    id: config.id,
    action,
    from: `,"from":${JSON.stringify(imageOf(config))}`,
    attributes: { ...containerAttributes(config), ...attributes },
  });
}

/** Writes down that a container is sent a signal; done before, so that what comes of it is written after. */
export function recordKill(engine: Engine, config: ContainerConfig, signal: number): void {
  recordContainerEvent(engine, { config, action: "kill", attributes: { signal: String(signal) } });
}

/** What a monitor needs to write down events of a container. */
export function eventTarget({ paths }: Engine, config: ContainerConfig): EventTarget {
  return { path: paths.events, id: config.id, attributes: containerAttributes(config) };
}

/** What every event of a container says about it. */
function containerAttributes(config: ContainerConfig): Record<string, string> {
  return { ...config.labels, image: imageOf(config), name: config.name };
}

function imageOf({ root }: ContainerConfig): string {
  return root.type === "image" ? root.reference : root.path;
}

/** Something that happened to one image. */
export interface ImageEvent {
  /** `sha256:` and 64 digits; of what was pulled or pushed the reference, as docker has it. */
  id: string;
  action: "delete" | "import" | "load" | "pull" | "push" | "tag" | "untag";
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
  record(engine, { type: "image", id, action, from: "", attributes: { ...labels, name } });
}

/** Something that happened to one network. */
export interface NetworkEvent {
  network: Pick<NetworkConfig, "id" | "name" | "driver">;
  action: "connect" | "create" | "destroy" | "disconnect";
  /** Id of the container that is connected or disconnected. */
  container?: string;
}

/** Writes down what a command has done to a network, as {@linkcode recordContainerEvent} does. */
export function recordNetworkEvent(
  engine: Engine,
  { network: { id, name, driver }, action, container }: NetworkEvent,
): void {
  const attributes = {
    ...(container === undefined ? {} : { container }),
    name,
    type: driverWord(driver),
  };
  record(engine, { type: "network", id, action, from: "", attributes });
}

/** Something that happened to one volume. */
export interface VolumeEvent {
  volume: Pick<Volume, "name" | "driver">;
  action: "create" | "destroy";
}

/** Writes down what a command has done to a volume, as {@linkcode recordContainerEvent} does. */
export function recordVolumeEvent(
  engine: Engine,
  { volume: { name, driver }, action }: VolumeEvent,
): void {
  record(engine, { type: "volume", id: name, action, from: "", attributes: { driver } });
}

/** What events are about. */
type EventType = "container" | "image" | "network" | "volume";

/** Writes down that all unused objects of a type were removed, as {@linkcode recordContainerEvent} does. */
export function recordPrune(
  engine: Engine,
  { type, reclaimedBytes }: { type: EventType; reclaimedBytes: number },
): void {
  record(engine, {
    type,
    id: "",
    action: "prune",
    from: "",
    attributes: { reclaimed: String(reclaimedBytes) },
  });
}

/** Size in bytes from which on the log of events is put aside, so that two files of it are all there is. */
const ROTATION_BYTES = 1024 * 1024;

/** Asking for the size takes half as long as the event itself, so only one event of some asks. */
const ROTATION_CHANCE = 1 / 16;

/** An event before it becomes a line. */
interface Draft {
  type: EventType;
  /** Empty for what happened to no one in particular. */
  id: string;
  action: string;
  /** The member `from` of the JSON, if there is one. */
  from: string;
  attributes: Readonly<Record<string, string>>;
}

function record({ paths, lostEvents }: Engine, draft: Draft): void {
  const path = paths.events;
  try {
    checkRegular(path);
    // One open, one write: it may have been put aside, and lines must not mix
    Deno.writeTextFileSync(path, formatLine(draft), { append: true, mode: 0o600 });
    if (Math.random() < ROTATION_CHANCE) rotateIfDue(path);
  } catch (error) {
    if (!isOfSystem(error) && !isCorrupt(error)) throw error;
    lostEvents.count++;
    lostEvents.cause = error;
  }
}

/** Somebody may have put a link in its place, which leads anywhere, or a FIFO, whose writer waits for ever. */
function checkRegular(path: string): void {
  try {
    if (Deno.lstatSync(path).isFile) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new WherryError("corrupt", `Cannot write events to "${path}": it is no regular file`);
}

/** Docker's shape. Put together by hand: `run` waits for it. */
function formatLine({ type, id, action, from, attributes }: Draft): string {
  const word = JSON.stringify(action);
  const now = realTimeNs();
  const seconds = now / 1_000_000_000n;
  const member = id === "" ? "" : `,"id":"${id}"`;
  return `{"status":${word}${member}${from},"Type":"${type}","Action":${word},` +
    `"Actor":{"ID":"${id}","Attributes":${JSON.stringify(attributes)}},"scope":"local",` +
    `"time":${seconds},"timeNano":${now}}\n`;
}

/**
 * Puts the log of events aside as `PATH.1`, in place of the one before, when it has become too large.
 *
 * Nobody waits: who has the file open writes to the one put aside, where readers still look.
 */
function rotateIfDue(path: string): void {
  if (!isRotationDue(path)) return;
  using lock = tryAcquireLock(`${path}.lock`, { create: true });
  // Without the lock somebody else is at it; with it, may just have been
  if (lock === undefined || !isRotationDue(path)) return;
  Deno.renameSync(path, `${path}.1`);
}

/** Another process may have put the log aside just now. */
function isRotationDue(path: string): boolean {
  try {
    return Deno.statSync(path).size >= ROTATION_BYTES;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
