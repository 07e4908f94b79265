/** `wherry run`. @module */

import type { ContainerConfig, NetworkMode } from "../../container/config.ts";
import type { MonitorConnection } from "../../container/monitor.ts";
import { createContainer, type CreatedContainer, type CreateRequest } from "../../engine/create.ts";
import { loadTarSupport } from "../../engine/image_source.ts";
import { describeSweep, removeLocked, sweepIfDue } from "../../engine/remove.ts";
import { startContainer } from "../../engine/start.ts";
import { tryLockContainer } from "../../engine/find.ts";
import { WherryError } from "../../errors.ts";
import type { RUN_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { readEnvironment } from "../environment.ts";
import type { ParsedFlags } from "../flags.ts";
import { parseLogFlags } from "../log_flags.ts";
import { parseTmpfsFlag, parseVolumeFlag } from "../mounts.ts";
import { attachmentOf, callerTerminalSize, checkTerminal, Session } from "../session.ts";

type RunFlags = ParsedFlags<typeof RUN_FLAGS>;

const NO_NETWORK = "the container has no network but loopback: others than " +
  "--network none and host are not available yet";

/** Makes a container, starts it, and stays with it unless `-d` is given. */
export async function run(context: Context, parsed: RunFlags): Promise<number> {
  const { flags } = parsed;
  const [image] = parsed.positionals;
  if (flags.rootfs === undefined) {
    if (image === undefined) throw missingImage();
    await loadTarSupport(image);
  }
  const streams = { hasStdin: flags.interactive, hasTerminal: flags.tty };
  if (!flags.detach) checkTerminal(streams);
  const request = planRequest(parsed);
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

function missingImage(): WherryError {
  return new WherryError("invalid_argument", "Cannot run a container: no IMAGE is given", {
    hint: "See 'wherry run --help'",
  });
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

function planRequest({ flags, given, positionals }: RunFlags): CreateRequest {
  const [image, ...command] = flags.rootfs === undefined ? positionals : ["", ...positionals];
  const log = parseLogFlags(flags["log-driver"], flags["log-opt"]);
  return {
    ...(flags.rootfs === undefined ? { image: image ?? "" } : { rootfs: flags.rootfs }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.entrypoint === undefined
      ? {}
      : { entrypoint: flags.entrypoint === "" ? [] : [flags.entrypoint] }),
    command,
    env: readEnvironment(flags["env-file"], flags.env),
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.hostname === undefined ? {} : { hostname: checkHostname(flags.hostname) }),
    hasTerminal: flags.tty,
    hasStdin: flags.interactive,
    closesStdin: flags.interactive && !flags.detach,
    hasInit: flags.init,
    isReadOnly: flags["read-only"],
    isAutoRemoved: flags.rm,
    networkMode: given.has("network") ? parseNetwork(flags.network ?? "") : "none",
    mounts: [
      ...flags.volume.map((text) => parseVolumeFlag(text, Deno.cwd())),
      ...flags.tmpfs.map(parseTmpfsFlag),
    ],
    labels: parseLabels(flags.label),
    ...(log === undefined ? {} : { log }),
    attachedStreams: attachedStreams(flags),
    startsAtOnce: true,
  };
}

function attachedStreams(
  { detach, interactive, tty }: RunFlags["flags"],
): ContainerConfig["attachedStreams"] {
  if (detach) return [];
  return [
    ...(interactive ? ["stdin"] as const : []),
    "stdout",
    ...(tty ? [] : ["stderr"] as const),
  ];
}

function parseNetwork(text: string): NetworkMode {
  if (text === "none" || text === "host") return text;
  throw new WherryError(
    "unsupported",
    `Cannot use the network "${text}": only none and host are available yet`,
    { hint: "Leave out --network for none, or give --network host" },
  );
}

function checkHostname(hostname: string): string {
  if (/^[a-zA-Z0-9_.-]{1,64}$/.test(hostname)) return hostname;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the hostname "${hostname}": it is not 1 to 64 of [a-zA-Z0-9_.-]`,
  );
}

function parseLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label) => {
    const at = label.indexOf("=");
    if (label === "" || at === 0) {
      throw new WherryError("invalid_argument", `Cannot use the label "${label}": it has no name`);
    }
    return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
  }));
}

/** A file for the id that is made first, and removed again if no container comes of it. */
interface CidFile extends Disposable {
  keep(id: string): void;
}

function createCidFile(path: string | undefined): CidFile | undefined {
  if (path === undefined) return undefined;
  let isKept = false;
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o644 }).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw new WherryError("already_exists", `Cannot use --cidfile "${path}": it exists already`, {
      cause,
      hint: `Make sure that its container is gone, or remove "${path}"`,
    });
  }
  return {
    keep(id): void {
      Deno.writeTextFileSync(path, id);
      isKept = true;
    },
    [Symbol.dispose](): void {
      if (!isKept) Deno.removeSync(path);
    },
  };
}
