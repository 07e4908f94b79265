/** From the flags of `run` and `create` to the container that is asked for. @module */

import type { ContainerConfig, RestartPolicy } from "../../container/record/config.ts";
import type { Resources } from "../../container/resource/resources.ts";
import type { CreateRequest } from "../../engine/lifecycle/create_request.ts";
import { loadDeviceSupport } from "../../engine/security/device_support.ts";
import type { Engine } from "../../engine/base/engine.ts";
import { hasImage, isPullable, loadTarSupport } from "../../engine/image/image_source.ts";
import { loadNetworkSupport } from "../../engine/network/network_support.ts";
import { networkPlaceOf } from "../../engine/network/sandbox.ts";
import { loadRequestedSeccomp } from "../../engine/security/seccomp.ts";
import { WherryError } from "../../errors.ts";
import { parsePlatform, type Platform } from "../../image/spec/platform.ts";
import { findNetworkRecord } from "../../network/network_store.ts";
import { flagError } from "../base/argument_error.ts";
import type { Context } from "../base/context.ts";
import type { CONTAINER_FLAGS } from "../definitions/container_flags.ts";
import { planDevices } from "./device_flags.ts";
import { readEnvironment, readLines } from "../base/environment.ts";
import { EXIT_ENGINE_FAILURE, EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseHealthFlags } from "./health_flags.ts";
import { parseLogFlags } from "./log_flags.ts";
import type { MountFlag } from "./mount_flag.ts";
import { planMounts } from "./mounts.ts";
import { missingParent, needsParent, networkWarnings, planNetwork } from "./network_flags.ts";
import { planNamespaces } from "./namespace_flags.ts";
import { planResources } from "./resource_flags.ts";
import { parseRestartPolicy } from "./restart_policy.ts";
import { planSecurity } from "./security_flags.ts";
import { formatBinarySize } from "../base/units.ts";
import { refuseUnoffered } from "./unoffered_flags.ts";
import { checkUserNamespace, parseUserNamespace } from "./user_namespace_flags.ts";

type ContainerFlags = ParsedFlags<typeof CONTAINER_FLAGS>["flags"];

/** The arguments of a command that makes a container. */
export interface ContainerArguments {
  /** The values of its flags. */
  readonly flags: ContainerFlags;
  /** The names of the flags that were given. */
  readonly given: ReadonlySet<string>;
  /** The image unless there is `--rootfs`, then the command. */
  readonly positionals: readonly string[];
}

/** What the command does with the container it makes. */
export interface RequestOptions {
  /** Whether nobody stays with it. */
  isDetached: boolean;
  /** Whether the command starts it too. */
  startsAtOnce: boolean;
  /** What each `--mount` asks for. */
  mountFlags: readonly MountFlag[];
}

/** Pulls the image of a container. */
export type ImagePull = () => Promise<void>;

/**
 * Loads what reading the image takes, and what pulling it takes if it must be pulled; the first thing that a command
 * does.
 *
 * @param verb What the command does, for the message.
 * @returns Pulls the image; `undefined` if the one that is here will do, or nobody wants it pulled.
 * @throws {WherryError} `invalid_argument` if there is neither an image nor `--rootfs`.
 */
export async function loadImageSupport(
  context: Context,
  { flags, positionals }: ContainerArguments,
  verb: "create" | "run",
): Promise<ImagePull | undefined> {
  if (flags.rootfs !== undefined) return undefined;
  const [image] = positionals;
  if (image === undefined) {
    throw new WherryError("invalid_argument", `Cannot ${verb} a container: no IMAGE is given`, {
      hint: `See 'wherry ${verb} --help'`,
      exitCode: EXIT_FAILURE,
    });
  }
  await loadTarSupport(image);
  if (flags.pull === "never" || !isPullable(image)) return undefined;
  const platform = readPlatform(flags);
  const isHere = hasImage(context.engine, image, platform);
  if (isHere && flags.pull !== "always") return undefined;
  const { pullForContainer } = await import("./container_pull.ts");
  const isMissing = flags.pull !== "always";
  return () => pullForContainer(context, { image, platform, isMissing, isQuiet: flags.quiet });
}

function readPlatform({ platform }: ContainerFlags): Platform | undefined {
  return platform === undefined || platform === "" ? undefined : parsePlatform(platform);
}

/**
 * Loads what the container's networks take, the first thing that a command does, too.
 *
 * @throws {WherryError} `invalid_argument` if they are asked for in a way that makes no sense.
 */
export async function loadNetworks(engine: Engine, { flags }: ContainerArguments): Promise<void> {
  const [mode = ""] = flags.network;
  const lacksParent = flags.parent === undefined && needsParent(flags);
  if (lacksParent && findNetworkRecord(engine.paths, mode) === undefined) {
    throw missingParent(flags);
  }
  await loadNetworkSupport(engine, planNetwork(flags));
}

/**
 * Loads what the container's devices take, the first thing that a command does, too.
 *
 * @throws {WherryError} `invalid_argument` or `unsupported` if they are asked for in a way that makes no sense.
 */
export async function loadDevices({ flags }: ContainerArguments): Promise<void> {
  await loadDeviceSupport({ ...planDevices(flags), isPrivileged: flags.privileged });
}

/**
 * Loads what the container's filter of system calls takes, the first thing that a command does, too.
 *
 * @throws {WherryError} `invalid_argument` or `unsupported` if its profile cannot be used.
 */
export async function loadFilter({ flags }: ContainerArguments): Promise<void> {
  const isUsual = flags["security-opt"].length + flags["cap-add"].length === 0;
  if (!isUsual) await loadRequestedSeccomp(planSecurity(flags));
}

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planRequest(
  { flags, given, positionals }: ContainerArguments,
  { isDetached, startsAtOnce, mountFlags }: RequestOptions,
): CreateRequest {
  refuseUnoffered({ flags, given });
  const [image, ...command] = flags.rootfs === undefined ? positionals : ["", ...positionals];
  checkPull(flags.pull);
  const attached = attachedStreams(flags, isDetached);
  const platform = readPlatform(flags);
  const log = parseLogFlags(flags["log-driver"], flags["log-opt"]);
  const healthCheck = parseHealthFlags(flags);
  const ownIds = parseUserNamespace(flags.userns);
  const mounts = withExitOfFlags(() => planMounts(flags, mountFlags));
  checkUserNamespace(ownIds, mounts.mounts.filter((mount) => mount.type === "bind"));
  return {
    ...(flags.rootfs === undefined ? { image: image ?? "" } : { rootfs: flags.rootfs }),
    ...(platform === undefined ? {} : { platform }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.entrypoint === undefined
      ? {}
      : { entrypoint: flags.entrypoint === "" ? [] : [flags.entrypoint] }),
    command,
    env: readVariables(flags),
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.hostname === undefined ? {} : { hostname: checkHostname(flags.hostname) }),
    hasTerminal: flags.tty,
    hasStdin: flags.interactive,
    closesStdin: flags.interactive && attached.includes("stdin"),
    hasInit: flags.init,
    isIdle: flags.idle,
    isReadOnly: flags["read-only"],
    isAutoRemoved: flags.rm,
    ...planNetwork(flags),
    ...mounts,
    labels: readLabels(flags),
    ...(log === undefined ? {} : { log }),
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(flags["stop-signal"] === undefined ? {} : { stopSignal: flags["stop-signal"] }),
    ...(flags["stop-timeout"] === undefined ? {} : { stopTimeoutSeconds: flags["stop-timeout"] }),
    restartPolicy: planRestartPolicy(flags),
    resources: planResources(flags),
    security: { ...planSecurity(flags), ...planDevices(flags) },
    namespaces: planNamespaces(flags),
    ...(ownIds === undefined ? {} : { ownIds }),
    attachedStreams: attached,
    startsAtOnce,
  };
}

/**
 * What people should know of flags that have not the effect they may expect: no flag is silently without one.
 *
 * @param config The container that was made.
 * @returns A sentence for each.
 */
export function requestWarnings(
  engine: Engine,
  { flags: { pull, rootfs }, positionals: [image = ""] }: ContainerArguments,
  config: ContainerConfig,
): string[] {
  const isInRegistry = rootfs === undefined && isPullable(image);
  const pullWarnings = pull === "always" && !isInRegistry
    ? [`--pull always: "${rootfs ?? image}" is in no registry, so what is here is used`]
    : [];
  return [
    ...pullWarnings,
    ...memoryWarnings(config.resources),
    ...networkWarnings(config, () => networkPlaceOf(engine, config)),
  ];
}

/** As with docker no error: the same words may be for machines of several sizes. */
function memoryWarnings({ memory }: Resources): string[] {
  if (memory === 0) return [];
  const { total } = Deno.systemMemoryInfo();
  return memory > total
    ? [`--memory is more than the ${formatBinarySize(total)} of this host, and limits nothing`]
    : [];
}

const PULL_CHOICES: readonly (string | undefined)[] = [undefined, "", "always", "missing", "never"];

function checkPull(pull: string | undefined): void {
  if (PULL_CHOICES.includes(pull)) return;
  throw flagError(
    `invalid pull option: '${pull}': must be one of "always", "missing" or "never"`,
  );
}

function planRestartPolicy({ restart, rm }: ContainerFlags): RestartPolicy {
  const policy = parseRestartPolicy(restart ?? "");
  if (rm && policy.name !== "no") {
    throw flagError("conflicting options: cannot specify both --restart and --rm");
  }
  return policy;
}

function readVariables(flags: ContainerFlags): string[] {
  return withExitOfFlags(() => readEnvironment(flags["env-file"], flags.env));
}

/** Unlike `exec`, docker's `create` ends as with any bad flag if a file is missing. */
function withExitOfFlags<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof WherryError ? error.withExitCode(EXIT_ENGINE_FAILURE) : error;
  }
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** As with docker: stdin where it is kept open, and both outputs unless some are named. */
function attachedStreams(
  { attach, interactive }: ContainerFlags,
  isDetached: boolean,
): ContainerConfig["attachedStreams"] {
  const named = new Set(attach.map((text) => text.toLowerCase()));
  const unknown = attach.find((text) =>
    !(STREAMS as readonly string[]).includes(text.toLowerCase())
  );
  if (unknown !== undefined) {
    throw flagError(
      `invalid argument "${unknown}" for "-a, --attach" flag: ` +
        "valid streams are STDIN, STDOUT and STDERR",
    );
  }
  if (isDetached && named.size > 0) {
    throw flagError("conflicting options: cannot specify both --attach and --detach");
  }
  if (isDetached) return [];
  return STREAMS.filter((stream) =>
    named.has(stream) || (stream === "stdin" ? interactive : named.size === 0)
  );
}

function checkHostname(hostname: string): string {
  if (/^[a-zA-Z0-9_.-]{1,64}$/.test(hostname)) return hostname;
  throw new WherryError(
    "invalid_argument",
    `Cannot use the hostname "${hostname}": it is not 1 to 64 of [a-zA-Z0-9_.-]`,
  );
}

/** Those of files come first, so that others can change them. */
function readLabels({ "label-file": files, label }: ContainerFlags): Record<string, string> {
  const lines = withExitOfFlags(() => files.flatMap((path) => readLines(path, "label-file")));
  return parseLabels([...lines, ...label]);
}

function parseLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label) => {
    const at = label.indexOf("=");
    if (label === "" || at === 0) {
      throw flagError(`Cannot use the label "${label}": it has no name`);
    }
    return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
  }));
}
