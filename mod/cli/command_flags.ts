/** The flags of every command. @module */

import type { FlagSpec } from "./flags.ts";

const INTERACTIVE = {
  name: "interactive",
  short: "i",
  type: "boolean",
  help: "Keep STDIN open even if not attached",
} as const;
const TTY = { name: "tty", short: "t", type: "boolean", help: "Allocate a pseudo-TTY" } as const;
const ENV = {
  name: "env",
  short: "e",
  type: "list",
  help: "Set an environment variable; NAME alone passes yours on",
} as const;
const ENV_FILE = {
  name: "env-file",
  type: "list",
  value: "file",
  help: "Read environment variables from a file",
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
const FORMAT = {
  name: "format",
  short: "f",
  type: "string",
  value: "template",
  help: "Format with a Go template; json prints JSON",
} as const;
const FORMAT_LONG_ONLY = {
  name: "format",
  type: "string",
  value: "template",
  help: "Format with a Go template; json prints JSON",
} as const;
const QUIET = { name: "quiet", short: "q", type: "boolean", help: "Only show ids" } as const;
const NO_TRUNC = { name: "no-trunc", type: "boolean", help: "Don't truncate output" } as const;

/** Of every command that makes a container. */
export const CONTAINER_FLAGS = [
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
    name: "health-cmd",
    type: "string",
    value: "command",
    help: "Command that checks the container's health, run by its shell",
  },
  {
    name: "health-interval",
    type: "duration",
    help: "Time between two checks (default 30s)",
  },
  {
    name: "health-on-failure",
    type: "string",
    value: "none|restart|stop|kill",
    help: "What to do when the container becomes unhealthy (default none)",
  },
  {
    name: "health-retries",
    type: "number",
    help: "Failures in a row that make it unhealthy (default 3)",
  },
  {
    name: "health-start-interval",
    type: "duration",
    help: "Time between two checks during the start period (default 5s)",
  },
  {
    name: "health-start-period",
    type: "duration",
    help: "How long failures do not count after the start (default 0s)",
  },
  {
    name: "health-timeout",
    type: "duration",
    help: "A check that takes longer has failed (default 30s)",
  },
  { name: "hostname", short: "h", type: "string", help: "Container host name" },
  { name: "init", type: "boolean", help: "Run an init that forwards signals and reaps processes" },
  INTERACTIVE,
  { name: "label", short: "l", type: "list", help: "Set metadata on a container" },
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
    help: "Log options: max-size (default 10 MiB, -1 for no limit), max-file (default 3)",
  },
  { name: "name", type: "string", help: "Assign a name to the container" },
  {
    name: "network",
    aliases: ["net"],
    type: "string",
    value: "none|host",
    help: "Connect the container to a network (default none)",
  },
  { name: "no-healthcheck", type: "boolean", help: "Do not check the container's health" },
  {
    name: "read-only",
    type: "boolean",
    help: "Mount the container's root file system read-only",
  },
  { name: "rm", type: "boolean", help: "Remove the container when it exits" },
  {
    name: "rootfs",
    type: "string",
    value: "directory",
    help: "Use a directory of the host as the image; it is never written to",
  },
  {
    name: "tmpfs",
    type: "list",
    value: "path[:options]",
    help: "Mount a tmpfs directory",
  },
  TTY,
  USER,
  {
    name: "volume",
    short: "v",
    type: "list",
    value: "source:target[:options]",
    help: "Bind mount a directory or file of the host",
  },
  WORKDIR,
] as const satisfies readonly FlagSpec[];

/** Of `wherry create`. */
export const CREATE_FLAGS = CONTAINER_FLAGS;

/** Of `wherry run`. */
export const RUN_FLAGS = [
  ...CONTAINER_FLAGS,
  {
    name: "detach",
    short: "d",
    type: "boolean",
    help: "Run in the background and print the container's id",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry exec`. */
export const EXEC_FLAGS = [
  { name: "detach", short: "d", type: "boolean", help: "Run the command in the background" },
  ENV,
  ENV_FILE,
  INTERACTIVE,
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
    help: "Only show what matches: ancestor, exited, health, id, label, name, status",
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
] as const satisfies readonly FlagSpec[];

/** Of `wherry start`. */
export const START_FLAGS = [
  { name: "attach", short: "a", type: "boolean", help: "Attach STDOUT/STDERR and forward signals" },
  { name: "interactive", short: "i", type: "boolean", help: "Attach the container's STDIN" },
] as const satisfies readonly FlagSpec[];

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
] as const satisfies readonly FlagSpec[];

/** Of `wherry logs`. */
export const LOGS_FLAGS = [
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

/** Of `wherry inspect`. */
export const INSPECT_FLAGS = [
  FORMAT,
  {
    name: "type",
    type: "string",
    value: "container|image",
    help: "Only look for objects of this type",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry container inspect`. */
export const CONTAINER_INSPECT_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry image inspect`. */
export const IMAGE_INSPECT_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry images`. */
export const IMAGES_FLAGS = [
  { name: "digests", type: "boolean", help: "Show digests" },
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  QUIET,
] as const satisfies readonly FlagSpec[];

/** Of `wherry rmi`. */
export const RMI_FLAGS = [
  { name: "force", short: "f", type: "boolean", help: "Remove all tags of an image given by id" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry import`. */
export const IMPORT_FLAGS = [
  {
    name: "change",
    short: "c",
    type: "list",
    value: "instruction",
    help:
      "Set a field of the image, as in a Dockerfile: CMD, ENTRYPOINT, ENV, USER, WORKDIR, LABEL",
  },
  { name: "message", short: "m", type: "string", help: "Comment of the image's history entry" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry load`. */
export const LOAD_FLAGS = [
  {
    name: "input",
    short: "i",
    type: "string",
    value: "file",
    help: "Read from a file (default STDIN)",
  },
  { name: "quiet", short: "q", type: "boolean", help: "Print only what was loaded" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry version`. */
export const VERSION_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry info`. */
export const INFO_FLAGS = [FORMAT] as const satisfies readonly FlagSpec[];

/** Of `wherry cleanup`. */
export const CLEANUP_FLAGS = [] as const satisfies readonly FlagSpec[];
