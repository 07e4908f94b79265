/** Mounting volumes that are file systems of their own. @module */

import { WherryError } from "../../errors.ts";
import { mountFileSystem } from "../../kernel/mounting.ts";
import { shortId } from "../../store/id.ts";
import type { Volume } from "../../volume/volume.ts";
import { isAddress, planVolumeMount, serverOf } from "../../volume/volume_mount.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { Interruption } from "../base/interruption.ts";
import {
  detachAll,
  findMount,
  listUsers,
  lockMount,
  recordUse,
  releaseVolumes,
  unmountUnused,
} from "../record/mounted_volumes.ts";
import { delay } from "../base/polling.ts";
import { mountFailure } from "../record/volume_failure.ts";

/** How often it is looked whether another container has mounted a volume. */
const POLL_MS = 20;

/**
 * Mounts volumes for a container whose lock the caller holds, unless other containers have them mounted.
 *
 * @param id Of the container.
 * @throws {WherryError} If one cannot be mounted; all are released then.
 */
export async function mountAll(
  engine: Engine,
  id: string,
  volumes: readonly Volume[],
): Promise<void> {
  using undo = new DisposableStack();
  undo.defer(() => releaseVolumes(engine, id));
  for (const volume of volumes) {
    try {
      await mountVolume(engine, id, volume);
    } catch (cause) {
      throw systemFailure(`mount volume "${volume.name}"`, cause);
    }
  }
  undo.move();
}

async function mountVolume(engine: Engine, id: string, volume: Volume): Promise<void> {
  const { name } = volume;
  using interruption = new Interruption(`mount volume "${name}"`);
  let claim = claimMount(engine, id, name);
  while (claim === "being mounted") {
    await delay(POLL_MS);
    interruption.signal.throwIfAborted();
    claim = claimMount(engine, id, name);
  }
  if (claim === "mounted") return;
  await untilInterrupted(interruption.signal, {
    action: performMount(engine, volume),
    // By then this container does not use it any more
    afterwards: () => unmountUnused(engine, name),
  });
  using _lock = lockMount(engine, name);
  recordUse(engine, name, { id, device: requireMount(engine, name).device });
}

/** What there is to do for a container that begins to use a volume. */
type Claim = "to be mounted" | "being mounted" | "mounted";

/** Makes a container a user of a volume, unless another one is at mounting it. */
function claimMount(engine: Engine, id: string, name: string): Claim {
  using lock = lockMount(engine, name);
  if (lock === undefined) {
    throw new WherryError("not_found", `Cannot mount volume "${name}": no such volume`);
  }
  const users = listUsers(engine, name, id);
  if (users.length === 0) {
    // A crash may have left it mounted
    detachAll(engine, name);
    recordUse(engine, name, { id, device: "" });
    return "to be mounted";
  }
  const holder = users.find(({ device }) => device !== "");
  if (holder === undefined) return "being mounted";
  // A mount of one's own could be another file system, with other data
  if (findMount(engine, name)?.device !== holder.device) throw mountedElsewhere(name, holder.id);
  recordUse(engine, name, { id, device: holder.device });
  return "mounted";
}

function mountedElsewhere(name: string, user: string): WherryError {
  return new WherryError(
    "conflict",
    `Cannot mount volume "${name}": container ${shortId(user)} has it mounted in another mount ` +
      "namespace, or somebody has unmounted it",
    { hint: `Run wherry where that container was started, or stop it first` },
  );
}

function requireMount(engine: Engine, name: string): { device: string } {
  const mount = findMount(engine, name);
  if (mount !== undefined) return mount;
  throw new WherryError(
    "conflict",
    `Cannot mount volume "${name}": somebody has unmounted it at once`,
  );
}

/**
 * Waits for an action that nothing can stop, but no longer than until somebody loses patience.
 *
 * @param afterwards Done when the action succeeds with nobody waiting for it any more.
 */
async function untilInterrupted(
  signal: AbortSignal,
  { action, afterwards }: { action: Promise<void>; afterwards: () => void },
): Promise<void> {
  const interrupted = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => {
    interrupted.reject(signal.reason);
    // Who has given up is not told of a failure
    action.then(afterwards, () => undefined);
  });
  await Promise.race([action, interrupted.promise]);
}

async function performMount(engine: Engine, volume: Volume): Promise<void> {
  const { data: target } = engine.paths.volume(volume.name);
  const address = await findServerAddress(volume);
  const { calls, remount } = planVolumeMount(volume.options, { target, address });
  try {
    for (const call of calls) await mountFileSystem(call);
    if (remount !== undefined) {
      await mountFileSystem(remount(findMount(engine, volume.name)?.options ?? []));
    }
  } catch (cause) {
    throw mountFailure(volume, calls[0], cause);
  }
}

/** The kernel does not look names up. */
async function findServerAddress({ name, options }: Volume): Promise<string | undefined> {
  const server = serverOf(options);
  if (server === undefined || isAddress(server)) return server;
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(server)).address;
  } catch (cause) {
    throw new WherryError(
      "unavailable",
      `Cannot mount volume "${name}": error resolving passed in network volume address: ` +
        `lookup ${server}: no such host`,
      { cause, hint: "Make the volume anew with the server's address: o=addr=192.0.2.1" },
    );
  }
}
