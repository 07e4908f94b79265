/** `wherry start`. @module */

import { WherryError } from "../../errors.ts";
import { findContainer, tryLockContainer } from "../../engine/find.ts";
import { busy, checkNotPaused, startInBackground } from "../../engine/restart.ts";
import { startContainer } from "../../engine/start.ts";
import type { START_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";
import { attachmentOf, callerTerminalSize, Session } from "../session.ts";

/** Starts each container and prints what it was called by, or attaches to the only one. */
export async function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof START_FLAGS>,
): Promise<number> {
  if (!flags.attach && !flags.interactive) {
    return await forEachName(context, positionals, async (name) => {
      await startInBackground(context.engine, name);
      return name;
    });
  }
  const [name = "", ...others] = positionals;
  if (others.length > 0) {
    throw new WherryError(
      "invalid_argument",
      "Cannot start and attach multiple containers at once",
    );
  }
  return await startAttached(context, name, flags.interactive);
}

async function startAttached(
  { engine }: Context,
  name: string,
  isInteractive: boolean,
): Promise<number> {
  const container = findContainer(engine, name);
  checkNotPaused(container, name);
  const { config, state, paths } = container;
  if (state.isRunning) {
    throw new WherryError("conflict", `Cannot start container "${name}": it is running already`);
  }
  const streams = { hasStdin: isInteractive && config.hasStdin, hasTerminal: config.hasTerminal };
  using session = new Session(streams);
  session.catchSignals();
  using lock = tryLockContainer(paths);
  if (lock === undefined) throw busy(name);
  if (streams.hasStdin && streams.hasTerminal) session.makeRaw();
  using monitor = await startContainer(engine, { config, lock }, {
    attachment: attachmentOf(streams),
    ...(streams.hasTerminal ? { terminalSize: callerTerminalSize() } : {}),
  });
  lock[Symbol.dispose]();
  return await session.follow(monitor);
}
