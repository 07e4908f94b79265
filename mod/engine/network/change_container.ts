/** Changing containers and their networks, whether they run or not. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { SystemError } from "../../../ffi/errno.ts";
import { WherryError } from "../../errors.ts";
import { openNetNamespace } from "../../kernel/net_namespace.ts";
import { isPresentProcess } from "../../kernel/process.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import { readSandbox, writeSandbox } from "../../network/sandbox_record.ts";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import type { Engine } from "../base/engine.ts";
import { type Container, findContainer } from "../record/find.ts";
import { type OpenConfig, openConfig } from "../record/open_config.ts";
import { delay } from "../base/polling.ts";
import { openInit } from "./sandbox.ts";
import { lockStopped } from "../record/settle.ts";

/** The sandbox of a container that runs. */
export interface LiveSandbox {
  /** As it is on disk. */
  readonly sandbox: Sandbox;
  /** Its network namespace. */
  readonly namespace: Descriptor;
  /** Replaces the record of it. */
  write(sandbox: Sandbox): void;
}

/** A container that nobody else changes, starts or tidies up after meanwhile. */
export interface OpenContainer {
  /** Its record. */
  readonly record: OpenConfig;
  /** Whether it runs. */
  readonly isRunning: boolean;
  /** What it has of its networks; `undefined` if it does not run, or has none of its own. */
  readonly live: LiveSandbox | undefined;
}

/** As long as others take to start it, to end it, or to start it again. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/**
 * Changes a container.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @param change Must not be asynchronous: others wait for the locks that are held meanwhile.
 * @throws {WherryError} `not_found`; `conflict` if it is being restarted, or another command keeps working on it;
 * `corrupt` if a record of it is damaged.
 */
export async function changeContainer<T>(
  engine: Engine,
  wanted: string,
  change: (container: OpenContainer) => T,
): Promise<T> {
  const { id } = findContainer(engine, wanted).config;
  for (let waitedMs = 0;; waitedMs += PAUSE_MS) {
    const container = findContainer(engine, id);
    const result = container.state.isRunning
      ? await tryChangeRunning(container, wanted, change)
      : await tryChangeStopped(engine, container, { wanted, change });
    if (result !== undefined) return result.value;
    if (waitedMs >= PATIENCE_MS) throw busy(container, wanted);
    await delay(PAUSE_MS);
  }
}

/** The error of a container that cannot be changed now. */
function busy({ config: { id }, state }: Container, wanted: string): WherryError {
  if (state.status === "restarting") {
    return new WherryError(
      "conflict",
      `Container ${id} is restarting, wait until the container is running`,
    );
  }
  return new WherryError(
    "conflict",
    `Cannot change container "${wanted}": another command is working on it`,
    { hint: "Try again" },
  );
}

/** @returns `undefined` if it is not stopped any more. */
async function tryChangeStopped<T>(
  engine: Engine,
  { config: { id }, paths }: Container,
  { wanted, change }: { wanted: string; change: (container: OpenContainer) => T },
): Promise<{ value: T } | undefined> {
  using lock = await lockStopped(engine, id);
  if (lock === undefined) return undefined;
  using record = openConfig(paths, wanted);
  return { value: change({ record, isRunning: false, live: undefined }) };
}

/** @returns `undefined` if it does not run any more, or not at this moment. */
async function tryChangeRunning<T>(
  { paths }: Container,
  wanted: string,
  change: (container: OpenContainer) => T,
): Promise<{ value: T } | undefined> {
  using init = await openInit(paths);
  using namespace = init === undefined ? undefined : openNamespaceIfPresent(init);
  if (init === undefined || namespace === undefined) return undefined;
  using record = openConfig(paths, wanted);
  using _networkLock = acquireLock(paths.networkLock);
  // As long as its monitor has not seen its end, nobody has undone the sandbox before we had the lock
  if (!isPresentProcess(init)) return undefined;
  return { value: change({ record, isRunning: true, live: openLive(paths, namespace) }) };
}

function openNamespaceIfPresent(init: Descriptor): Descriptor | undefined {
  try {
    return openNetNamespace(init);
  } catch (error) {
    // It has just ended
    if (error instanceof SystemError && error.code === "ESRCH") return undefined;
    throw error;
  }
}

/** @throws {WherryError} `corrupt` if its record is damaged. */
function openLive(
  { network: path }: ContainerPaths,
  namespace: Descriptor,
): LiveSandbox | undefined {
  const sandbox = readWithAdvice(path);
  if (sandbox === undefined) return undefined;
  return { sandbox, namespace, write: (changed) => writeSandbox(path, changed) };
}

function readWithAdvice(path: string): Sandbox | undefined {
  try {
    return readSandbox(path);
  } catch (error) {
    if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
    throw new WherryError("corrupt", error.message, {
      cause: error,
      hint: "Stop the container and start it again: its network is made anew",
    });
  }
}
