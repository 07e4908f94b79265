/** `wherry start`. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { loadDeviceSupport } from "../../engine/security/device_support.ts";
import type { Engine } from "../../engine/base/engine.ts";
import { findContainer } from "../../engine/record/find.ts";
import { busy, checkNotPaused, startInBackground } from "../../engine/lifecycle/restart.ts";
import { hasVolumesElsewhere } from "../../engine/record/mounted_volumes.ts";
import { loadNetworkSupport } from "../../engine/network/network_support.ts";
import { loadSeccompSupport } from "../../engine/security/seccomp.ts";
import { lockStopped } from "../../engine/record/settle.ts";
import { startContainer } from "../../engine/lifecycle/start.ts";
import { cleanUpContainer } from "../../engine/lifecycle/sweep.ts";
import { finishVolumes } from "../../engine/mount/volume_copy_support.ts";
import { loadVolumeSupport } from "../../engine/mount/volume_sources.ts";
import type { START_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { parseDetachKeys } from "../terminal/detach_keys.ts";
import { forEachName } from "../base/each.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { attachmentOf, callerTerminalSize, checkTerminal, Session } from "../terminal/session.ts";

type StartFlags = ParsedFlags<typeof START_FLAGS>["flags"];

/** Starts each container and prints what it was called by, or attaches to the only one. */
export async function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof START_FLAGS>,
): Promise<number> {
  for (const name of positionals) await loadSupport(context.engine, name);
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
      "You cannot start and attach multiple containers at once",
    );
  }
  return await startAttached(context, name, flags);
}

/** Of a container that cannot be read it is told when it is to be started. */
async function loadSupport(engine: Engine, name: string): Promise<void> {
  try {
    const { config } = findContainer(engine, name);
    await loadSeccompSupport(config);
    await loadNetworkSupport(engine, config);
    await loadDeviceSupport(config.security);
    await loadVolumeSupport(engine, config);
    await finishVolumes(engine, config);
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
  }
}

/** Unlike `run`, docker's `start` does not tell by its status why the command did not run. */
function failPlainly(error: unknown): never {
  throw error instanceof WherryError ? error.withExitCode(EXIT_FAILURE) : error;
}

async function startAttached(
  { engine }: Context,
  name: string,
  flags: StartFlags,
): Promise<number> {
  const detachKeys = parseDetachKeys(flags["detach-keys"]);
  const container = findContainer(engine, name);
  checkNotPaused(container, name);
  const { config, state } = container;
  if (state.isRunning) {
    throw new WherryError("conflict", `Cannot start container "${name}": it is running already`);
  }
  const { hasTerminal } = config;
  checkTerminal({ hasStdin: flags.interactive, hasTerminal });
  const streams = {
    hasStdin: flags.interactive && config.hasStdin,
    hasTerminal,
    detachKeys,
    closesStdin: config.closesStdin,
    proxiesSignals: flags["sig-proxy"] && !hasTerminal,
  };
  using session = new Session(streams);
  session.catchSignals();
  using lock = await lockStopped(engine, config.id);
  if (lock === undefined) throw busy(name);
  // Somebody may have changed it while we waited
  const { config: latest } = findContainer(engine, config.id);
  using monitor = await startContainer(engine, { config: latest, lock }, {
    attachment: attachmentOf(streams),
    ...(hasTerminal ? { terminalSize: callerTerminalSize() } : {}),
    onReady: () => session.prepareStdin(),
  }).catch(failPlainly);
  lock[Symbol.dispose]();
  const exitCode = await session.follow(monitor);
  monitor[Symbol.dispose]();
  await cleanUpEnded(engine, latest);
  return exitCode;
}

/** The monitor leaves that to an engine that it has told of the end, as with `run`. */
async function cleanUpEnded(engine: Engine, config: ContainerConfig): Promise<void> {
  const isNeeded = config.isAutoRemoved || config.endpoints.length > 0 ||
    hasVolumesElsewhere(config);
  if (isNeeded) await cleanUpContainer(engine, config.id);
}
