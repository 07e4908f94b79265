/** Flags of the commands for containers. @module */

import type { FlagSpec } from "../base/flags.ts";
import { CONNECTION_FLAGS } from "./connection_flags.ts";
import { DEVICE_FLAGS } from "./device_flags.ts";
import { HEALTH_FLAGS } from "./health_flags.ts";
import { MOUNT_FLAGS } from "./mount_flags.ts";
import { NAMESPACE_FLAGS } from "./namespace_flags.ts";
import { LIMIT_FLAGS, RESOURCE_FLAGS } from "./resource_flags.ts";
import { SECURITY_FLAGS } from "./security_flags.ts";
import {
  CHANGE,
  FORMAT,
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  OUTPUT,
  PLATFORM,
  PRUNE_FILTER,
  PRUNE_FORCE,
  QUIET,
  SIZE,
} from "./shared_flags.ts";
import { UNOFFERED_FLAGS } from "./unoffered_flags.ts";

const ENV = {
  name: "env",
  short: "e",
  type: "list",
  help: "Set an environment variable; NAME alone passes yours on",
} as const;
const WORKDIR = {
  name: "workdir",
  short: "w",
  type: "string",
  help: "Working directory inside the container",
} as const;
const USER = {
  name: "user",
  short: "u",
  type: "string",
  value: "user[:group]",
  help: "User and group, each a name of the image or a number",
} as const;
const INTERACTIVE = {
  name: "interactive",
  short: "i",
  type: "boolean",
  help: "Keep STDIN open even if not attached",
} as const;
const TTY = { name: "tty", short: "t", type: "boolean", help: "Allocate a pseudo-TTY" } as const;
const ENV_FILE = {
  name: "env-file",
  type: "list",
  value: "file",
  help: "Read environment variables from a file",
} as const;
/** Of every command that makes a container. */
export const CONTAINER_FLAGS = [
  ...CONNECTION_FLAGS,
  ...DEVICE_FLAGS,
  ...HEALTH_FLAGS,
  ...MOUNT_FLAGS,
  ...NAMESPACE_FLAGS,
  ...RESOURCE_FLAGS,
  ...SECURITY_FLAGS,
  ...UNOFFERED_FLAGS,
  {
    name: "attach",
    short: "a",
    type: "list",
    value: "stdin|stdout|stderr",
    help: "Attach to STDIN, STDOUT or STDERR",
  },
  { name: "cidfile", type: "string", value: "file", help: "Write the container's id to a file" },
  {
    name: "entrypoint",
    type: "string",
    value: "command",
    help: "Overwrite the image's entrypoint",
  },
  ENV,
  ENV_FILE,
  {
    name: "idle",
    type: "boolean",
    help: "Run no command but an init that reaps processes; work is done with exec",
  },
  { name: "init", type: "boolean", help: "Run an init that forwards signals and reaps processes" },
  INTERACTIVE,
  { name: "label", short: "l", type: "list", help: "Set metadata on a container" },
  {
    name: "label-file",
    type: "list",
    value: "file",
    help: "Read labels from a file, one in a line",
  },
  {
    name: "log-driver",
    type: "string",
    value: "local|json-file|none",
    help: "How the container's output is kept (default local)",
  },
  {
    name: "log-opt",
    type: "list",
    value: "name=value",
    help: "Log options: max-size (default 10 MiB, -1 for no limit), max-file (default 3), " +
      "and labels, labels-regex, env, env-regex for logs --details",
  },
  { name: "name", type: "string", help: "Assign a name to the container" },
  PLATFORM,
  {
    name: "pull",
    type: "string",
    value: "always|missing|never",
    help: "When to pull the image from its registry (default missing)",
  },
  { name: "quiet", short: "q", type: "boolean", help: "Suppress the pull output" },
  {
    name: "restart",
    type: "string",
    value: "policy",
    help: "Start it again when it exits: no, on-failure[:max-retries], always, unless-stopped " +
      "(default no)",
  },
  { name: "rm", type: "boolean", help: "Remove the container when it exits" },
  {
    name: "rootfs",
    type: "string",
    value: "directory",
    help: "Use a directory of the host as the image; it is never written to",
  },
  { name: "stop-signal", type: "string", help: "Signal to stop the container" },
  {
    name: "stop-timeout",
    type: "number",
    value: "seconds",
    help: "Seconds to wait before killing the container (default 10, -1 for ever)",
  },
  TTY,
  USER,
  WORKDIR,
] as const satisfies readonly FlagSpec[];

/** Of `wherry create`. */
export const CREATE_FLAGS = CONTAINER_FLAGS;

const DETACH_KEYS = {
  name: "detach-keys",
  type: "string",
  value: "keys",
  help: "Override the key sequence for detaching from the container (default ctrl-p,ctrl-q)",
} as const;
const SIG_PROXY = {
  name: "sig-proxy",
  type: "boolean",
  default: true,
  help: "Pass received signals on to the process",
} as const;
/** Of `wherry run`. */
export const RUN_FLAGS = [
  ...CONTAINER_FLAGS,
  {
    name: "detach",
    short: "d",
    type: "boolean",
    help: "Run in the background and print the container's id",
  },
  DETACH_KEYS,
  SIG_PROXY,
] as const satisfies readonly FlagSpec[];

/** Of `wherry exec`. */
export const EXEC_FLAGS = [
  { name: "detach", short: "d", type: "boolean", help: "Run the command in the background" },
  DETACH_KEYS,
  ENV,
  ENV_FILE,
  INTERACTIVE,
  {
    name: "privileged",
    type: "boolean",
    help: "Give the command every capability that wherry has itself",
  },
  TTY,
  USER,
  WORKDIR,
] as const satisfies readonly FlagSpec[];

/** Of `wherry ps`. */
export const PS_FLAGS = [
  { name: "all", short: "a", type: "boolean", help: "Show all containers, not only running ones" },
  {
    name: "filter",
    short: "f",
    type: "list",
    value: "name=value",
    help: "Only show what matches: ancestor, before, exited, expose, health, id, label, name, " +
      "network, publish, since, status, volume",
  },
  FORMAT_LONG_ONLY,
  {
    name: "last",
    short: "n",
    type: "number",
    help: "Show the last containers created, whatever their state",
  },
  {
    name: "latest",
    short: "l",
    type: "boolean",
    help: "Show the last container created, whatever its state",
  },
  NO_TRUNC,
  QUIET,
  SIZE,
] as const satisfies readonly FlagSpec[];

/** Of `wherry start`. */
export const START_FLAGS = [
  { name: "attach", short: "a", type: "boolean", help: "Attach STDOUT/STDERR and forward signals" },
  DETACH_KEYS,
  { name: "interactive", short: "i", type: "boolean", help: "Attach the container's STDIN" },
  SIG_PROXY,
] as const satisfies readonly FlagSpec[];

/** Of `wherry attach`. */
export const ATTACH_FLAGS = [
  DETACH_KEYS,
  { name: "no-stdin", type: "boolean", help: "Do not attach STDIN" },
  SIG_PROXY,
] as const satisfies readonly FlagSpec[];

/** Of `wherry pause` and `wherry unpause`. */
export const PAUSE_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry commit`. */
export const COMMIT_FLAGS = [
  {
    name: "author",
    short: "a",
    type: "string",
    help: 'Author, for example "Ann <ann@example.org>"',
  },
  CHANGE,
  { name: "message", short: "m", type: "string", help: "Comment of the image's history entry" },
  {
    name: "pause",
    short: "p",
    type: "boolean",
    default: true,
    help: "Pause the container meanwhile",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry export`. */
export const EXPORT_FLAGS = [
  OUTPUT,
] as const satisfies readonly FlagSpec[];

/** Of `wherry cp`. */
export const CP_FLAGS = [
  {
    name: "archive",
    short: "a",
    type: "boolean",
    help: "Archive mode: what is copied out belongs to the same uid and gid as inside",
  },
  {
    name: "follow-link",
    short: "L",
    type: "boolean",
    help: "Follow a symbolic link at the end of SRC_PATH",
  },
  {
    name: "quiet",
    short: "q",
    type: "boolean",
    help:
      "Say nothing of progress and result, as is the default when standard output is no terminal",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry diff`. */
export const DIFF_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry stats`. */
export const STATS_FLAGS = [
  {
    name: "all",
    short: "a",
    type: "boolean",
    help: "Show all containers (default shows just running)",
  },
  FORMAT_LONG_ONLY,
  {
    name: "no-stream",
    type: "boolean",
    help: "Disable streaming stats and only pull the first result",
  },
  NO_TRUNC,
  {
    name: "pressure",
    type: "boolean",
    help: "Also show for how much of the last ten seconds some and all processes waited for " +
      "processors, memory and block devices",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry top`; what follows the container belongs to `ps`. */
export const TOP_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry port`. */
export const PORT_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry stop`. */
export const STOP_FLAGS = [
  { name: "signal", short: "s", type: "string", help: "Signal to send to the container" },
  {
    name: "timeout",
    short: "t",
    aliases: ["time"],
    type: "number",
    value: "seconds",
    help: "Seconds to wait before killing the container (default 10, -1 for ever)",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry restart`. */
export const RESTART_FLAGS = STOP_FLAGS;

/** Of `wherry rename`. */
export const RENAME_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry update`. */
export const UPDATE_FLAGS = [
  ...LIMIT_FLAGS,
  {
    name: "publish-add",
    type: "list",
    value: "port",
    help: "Publish one more port to the host, of a running container at once",
  },
  {
    name: "publish-rm",
    type: "list",
    value: "port",
    help: "Take a published port back, for example 80/tcp or 8080:80",
  },
  {
    name: "restart",
    type: "string",
    value: "policy",
    help: "Restart policy to apply when a container exits",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry kill`. */
export const KILL_FLAGS = [
  {
    name: "signal",
    short: "s",
    type: "string",
    help: "Signal to send to the container (default KILL)",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry wait`. */
export const WAIT_FLAGS = [] as const satisfies readonly FlagSpec[];

/** Of `wherry rm`. */
export const RM_FLAGS = [
  { name: "force", short: "f", type: "boolean", help: "Kill a running container first" },
  {
    name: "volumes",
    short: "v",
    type: "boolean",
    help: "Remove anonymous volumes associated with the container",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry container prune`. */
export const CONTAINER_PRUNE_FLAGS = [
  PRUNE_FILTER,
  PRUNE_FORCE,
] as const satisfies readonly FlagSpec[];

/** Of `wherry logs`. */
export const LOGS_FLAGS = [
  {
    name: "details",
    type: "boolean",
    help: "Show the labels and variables that --log-opt asked for",
  },
  { name: "follow", short: "f", type: "boolean", help: "Follow log output" },
  {
    name: "since",
    type: "string",
    value: "time",
    help: "Show logs since a time stamp (2026-01-02T13:23:37Z) or a duration ago (42m)",
  },
  {
    name: "tail",
    short: "n",
    type: "string",
    value: "lines",
    help: 'Number of lines to show from the end of the logs (default "all")',
  },
  { name: "timestamps", short: "t", type: "boolean", help: "Show time stamps" },
  {
    name: "until",
    type: "string",
    value: "time",
    help: "Show logs before a time stamp or a duration ago",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry container inspect`. */
export const CONTAINER_INSPECT_FLAGS = [FORMAT, SIZE] as const satisfies readonly FlagSpec[];
