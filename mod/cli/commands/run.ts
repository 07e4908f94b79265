/** `wherry run`. @module */

import type { MonitorConnection } from "../../container/monitor.ts";
import { createContainer, type CreatedContainer } from "../../engine/create.ts";
import { describeSweep, removeLocked, sweepIfDue } from "../../engine/remove.ts";
import { startContainer } from "../../engine/start.ts";
import { tryLockContainer } from "../../engine/find.ts";
import { createCidFile } from "../cid_file.ts";
import type { RUN_FLAGS } from "../command_flags.ts";
import { loadImageSupport, planRequest } from "../container_request.ts";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../flags.ts";
import { attachmentOf, callerTerminalSize, checkTerminal, Session } from "../session.ts";

type RunFlags = ParsedFlags<typeof RUN_FLAGS>;

const NO_NETWORK = "the container has no network but loopback: others than " +
  "--network none and host are not available yet";

/** Makes a container, starts it, and stays with it unless `-d` is given. */
export async function run(context: Context, parsed: RunFlags): Promise<number> {
  const { flags } = parsed;
  await loadImageSupport(parsed, "run");
  const streams = { hasStdin: flags.interactive, hasTerminal: flags.tty };
  if (!flags.detach) checkTerminal(streams);
  const request = planRequest(parsed, { isDetached: flags.detach, startsAtOnce: true });
  if (!parsed.given.has("network") && Deno.stderr.isTerminal()) context.output.note(NO_NETWORK);
  using cidFile = createCidFile(flags.cidfile);
  using session = flags.detach ? undefined : new Session(streams);
  using container = await createContainer(context.engine, request);
  const monitor = await startOrRemove(context, container, parsed, session);
  using _connection = monitor;
  cidFile?.keep(container.config.id);
  if (session === undefined) {
    context.output.writeLine(container.config.id);
    monitor[Symbol.dispose]();
    if (request.isAutoRemoved) removeEnded(context, container);
    return 0;
  }
  reportSweep(context);
  const exitCode = await session.follow(monitor);
  monitor[Symbol.dispose]();
  if (request.isAutoRemoved) removeEnded(context, container);
  return exitCode;
}

async function startOrRemove(
  context: Context,
  container: CreatedContainer,
  { flags }: RunFlags,
  session: Session | undefined,
): Promise<MonitorConnection> {
  const streams = { hasStdin: flags.interactive, hasTerminal: flags.tty };
  try {
    if (session === undefined) return await startContainer(context.engine, container);
    if (flags.tty && flags.interactive) session.makeRaw();
    const starting = startContainer(context.engine, container, {
      attachment: attachmentOf(streams),
      terminalSize: flags.tty ? callerTerminalSize() : { rows: 0, columns: 0 },
    });
    // Takes a millisecond, which the container takes too. Before it there is nothing to signal
    session.catchSignals();
    return await starting;
  } catch (error) {
    removeFailed(context, container);
    throw error;
  } finally {
    // From here on the monitor alone keeps the container locked
    container[Symbol.dispose]();
  }
}

/** A container whose command never ran is of no use to anybody, also without `--rm`. */
function removeFailed({ engine }: Context, { config }: CreatedContainer): void {
  removeLocked(engine, config);
}

/**
 * Removes a container that has ended.
 *
 * The monitor leaves this to an engine that it has told of the end, so the connection is closed before: either the
 * end has come by then and the lock is free, or the monitor sees that nobody is there and cleans up.
 */
function removeEnded({ engine }: Context, { config }: CreatedContainer): void {
  const paths = engine.paths.container(config.id);
  using lock = tryLockContainer(paths);
  // Still locked: it runs on, or another command removes it already
  if (lock !== undefined) removeLocked(engine, config);
}

/** While the container runs there is time to look for what crashes left behind. */
function reportSweep({ engine, output }: Context): void {
  for (const line of describeSweep(sweepIfDue(engine))) output.warn(line);
}
