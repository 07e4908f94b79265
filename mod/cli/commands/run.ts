/** `wherry run`. @module */

import type { Attachment, MonitorConnection } from "../../container/launch/monitor.ts";
import {
  createContainer,
  type CreatedContainer,
  loadVolumeFilling,
} from "../../engine/lifecycle/create.ts";
import { hasVolumesElsewhere } from "../../engine/record/mounted_volumes.ts";
import { removeLocked } from "../../engine/lifecycle/remove.ts";
import { startContainer } from "../../engine/lifecycle/start.ts";
import { describeSweep, sweepIfDue } from "../../engine/lifecycle/sweep.ts";
import { lockStopped } from "../../engine/record/settle.ts";
import { loadStorageSupport } from "../../engine/mount/storage_support.ts";
import { loadVolumeSupport } from "../../engine/mount/volume_sources.ts";
import { createCidFile } from "../request/cid_file.ts";
import type { RUN_FLAGS } from "../definitions/container_flags.ts";
import {
  loadDevices,
  loadFilter,
  loadImageSupport,
  loadNetworks,
  planRequest,
  requestWarnings,
} from "../request/container_request.ts";
import type { Context } from "../base/context.ts";
import { parseDetachKeys } from "../terminal/detach_keys.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { loadMountFlags, mountWarnings } from "../request/mounts.ts";
import {
  attachmentOf,
  callerTerminalSize,
  checkTerminal,
  Session,
  type StreamOptions,
} from "../terminal/session.ts";

type RunFlags = ParsedFlags<typeof RUN_FLAGS>;

/** Makes a container, starts it, and stays with it unless `-d` is given. */
export async function run(context: Context, parsed: RunFlags): Promise<number> {
  const { flags } = parsed;
  const pullImage = await loadImageSupport(context, parsed, "run");
  await loadNetworks(context.engine, parsed);
  await loadDevices(parsed);
  await loadFilter(parsed);
  await loadStorageSupport(context.engine);
  const mountFlags = await loadMountFlags(flags);
  const streams = planStreams(flags);
  if (!flags.detach) checkTerminal(streams);
  const request = planRequest(parsed, {
    isDetached: flags.detach,
    startsAtOnce: true,
    mountFlags,
  });
  await loadVolumeSupport(context.engine, request);
  // Loading may begin the program again, which would find the file
  if (flags.cidfile !== undefined) await loadVolumeFilling(context.engine, request);
  using cidFile = createCidFile(flags.cidfile);
  await pullImage?.();
  using session = flags.detach ? undefined : new Session(streams);
  using container = await createContainer(context.engine, request);
  for (
    const warning of [
      ...mountWarnings(flags, mountFlags),
      ...requestWarnings(context.engine, parsed, container.config),
    ]
  ) {
    context.output.warn(warning);
  }
  cidFile?.keep(container.config.id);
  if (session === undefined) {
    await startDetached(context, container);
    if (request.isAutoRemoved) await cleanUpEnded(context, container);
    return 0;
  }
  using monitor = await startAttached(context, { container, session }, parsed);
  const { attachedStreams } = container.config;
  const hasOutput = attachedStreams.includes("stdout") || attachedStreams.includes("stderr");
  if (!hasOutput) context.output.writeLine(container.config.id);
  reportSweep(context);
  const exitCode = await session.follow(monitor);
  monitor[Symbol.dispose]();
  await cleanUpEnded(context, container);
  return exitCode;
}

function planStreams(flags: RunFlags["flags"]): StreamOptions {
  return {
    hasStdin: flags.interactive,
    hasTerminal: flags.tty,
    detachKeys: parseDetachKeys(flags["detach-keys"]),
    proxiesSignals: flags["sig-proxy"],
  };
}

/** Prints the id only now, so that whoever reads it finds the container running; also if it could not be started. */
async function startDetached(
  { engine, output }: Context,
  container: CreatedContainer,
): Promise<void> {
  try {
    using _monitor = await startContainer(engine, container);
  } finally {
    container[Symbol.dispose]();
    output.writeLine(container.config.id);
  }
}

async function startAttached(
  { engine }: Context,
  { container, session }: { container: CreatedContainer; session: Session },
  { flags }: RunFlags,
): Promise<MonitorConnection> {
  const streams = planStreams(flags);
  try {
    // Takes most of a millisecond; afterwards it could be too late for who signals at the first word of output
    session.catchSignals();
    return await startContainer(engine, container, {
      attachment: onlyAttached(attachmentOf(streams), container.config),
      terminalSize: flags.tty ? callerTerminalSize() : { rows: 0, columns: 0 },
      // Not before: on a raw terminal ^C could not end the wait for a DHCP server
      onReady: () => session.prepareStdin(),
    });
  } finally {
    // From here on the monitor alone keeps the container locked
    container[Symbol.dispose]();
  }
}

/** What `-a` leaves of the caller's streams. */
function onlyAttached(
  attachment: Attachment,
  { attachedStreams }: CreatedContainer["config"],
): Attachment {
  return {
    ...attachment,
    ...(attachedStreams.includes("stdout") ? {} : { stdout: undefined }),
    ...(attachedStreams.includes("stderr") ? {} : { stderr: undefined }),
  };
}

/**
 * Undoes what a container that has ended had of the network and of volumes, and removes it if it is to be removed.
 *
 * The monitor leaves this to an engine that it has told of the end, so the connection is closed before: either the
 * end has come by then and the lock is free, or the monitor sees that nobody is there and cleans up.
 */
async function cleanUpEnded({ engine }: Context, { config }: CreatedContainer): Promise<void> {
  const isNeeded = config.isAutoRemoved || config.endpoints.length > 0 ||
    hasVolumesElsewhere(config);
  if (!isNeeded) return;
  using lock = await lockStopped(engine, config.id);
  // Still locked: it runs on, or another command removes it already
  if (lock !== undefined && config.isAutoRemoved) removeLocked(engine, config, "removed");
}

/** While the container runs there is time to look for what crashes left behind. */
function reportSweep({ engine, output }: Context): void {
  for (const line of describeSweep(sweepIfDue(engine))) output.warn(line);
}
