/** Giving containers other names. @module */

import { errnoText } from "../../../ffi/errno.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { checkName } from "../../container/record/name.ts";
import { claimName, releaseName } from "../../container/record/names.ts";
import { WherryError } from "../../errors.ts";
import { isPresent } from "../../kernel/entry.ts";
import { writeSandbox } from "../../network/sandbox_record.ts";
import { acquireLock } from "../../store/lock.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { type Engine, systemFailure } from "../base/engine.ts";
import { recordContainerEvent } from "../base/events.ts";
import { findContainer } from "../record/find.ts";
import { replaceNames } from "../record/names.ts";
import { openConfig } from "../record/open_config.ts";
import { namesOf } from "../network/sandbox.ts";
import { readSandboxIfSound } from "../record/sandbox_reading.ts";

/**
 * Changes a container's name, also while it runs: those on its networks find it by the new one. Its host name stays.
 *
 * If this is cut short the container has the old name or the new one; others may find it by the other one until it is
 * started again.
 *
 * @param wanted A name, an id or the beginning of an id.
 * @throws {WherryError} `invalid_argument` if it has the name already or it is none, `already_exists` if another
 * container has it, `unavailable` if it cannot be written down, for example on a full disk.
 */
export async function renameContainer(
  engine: Engine,
  wanted: string,
  newName: string,
): Promise<void> {
  const name = checkName(newName.replace(/^\//, ""));
  try {
    await renameTo(engine, findContainer(engine, wanted).paths, { wanted, name });
  } catch (cause) {
    throw systemFailure(`rename container "${wanted}"`, cause);
  }
}

async function renameTo(
  engine: Engine,
  paths: ContainerPaths,
  { wanted, name }: { wanted: string; name: string },
): Promise<void> {
  using record = openConfig(paths, wanted);
  const { config } = record;
  if (config.name === name) {
    throw new WherryError(
      "invalid_argument",
      `Cannot rename container "${wanted}": it is called "${name}" already`,
    );
  }
  using undo = new DisposableStack();
  claimName(engine.paths, name, config.id);
  undo.defer(() => releaseName(engine.paths, name, config.id));
  record.replace({ ...config, name });
  undo.move();
  releaseName(engine.paths, config.name, config.id);
  renameOnNetworks(engine, { ...config, name });
  await tellMonitor(paths.runDirectory, wanted, name);
  recordContainerEvent(engine, {
    config: { ...config, name },
    action: "rename",
    attributes: { oldName: `/${config.name}` },
  });
}

/** Does nothing for a container that has nothing of its networks at this moment. */
function renameOnNetworks(engine: Engine, config: ContainerConfig): void {
  const { network: path, networkLock } = engine.paths.container(config.id);
  if (!isPresent(path)) return;
  using _lock = acquireLock(networkLock);
  const sandbox = readSandboxIfSound(engine, config.id);
  if (sandbox === undefined) return;
  const endpoints = sandbox.endpoints.map((endpoint) => {
    const request = config.endpoints.find(({ network }) => network === endpoint.networkName);
    return { ...endpoint, names: namesOf(config, { aliases: request?.aliases ?? [] }) };
  });
  writeSandbox(path, { ...sandbox, endpoints });
  replaceNames(engine.paths, config.id, endpoints);
}

/** What happens to it from now on is told by its new name. */
async function tellMonitor(runDirectory: string, wanted: string, name: string): Promise<void> {
  using monitor = MonitorConnection.connectIfRunning(runDirectory);
  monitor?.rename(name);
  // `undefined` means that it ended meanwhile
  const answer = await monitor?.nextOf("ok", "error");
  if (answer?.type === "error") {
    throw new WherryError(
      "internal",
      `Cannot rename container "${wanted}" in its events: its monitor says ` +
        errnoText(answer.errno),
    );
  }
}
