/** Commands for containers. @module */

import { defineCommand } from "../base/command.ts";
import * as flags from "../definitions/container_flags.ts";
import { COMMON } from "../definitions/topics.ts";

const RUN = defineCommand({
  paths: ["run", "container run"],
  summary: "Create and run a new container from an image",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "IMAGE is a reference, an image id, or a path that begins with ./ or /: of a root file system's " +
    "tar, of an archive that `docker save` wrote, or of an OCI image layout. With --rootfs there is no IMAGE. The container is on the network bridge unless " +
    "--network says otherwise, and others on its networks find it by its name.",
  topic: COMMON,
  interspersed: false,
  flags: flags.RUN_FLAGS,
  load: () => import("../commands/run.ts"),
});

const CREATE = defineCommand({
  paths: ["create", "container create"],
  summary: "Create a new container",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description: "Makes what `wherry run` would run, and starts nothing: `wherry start` does.",
  interspersed: false,
  flags: flags.CREATE_FLAGS,
  load: () => import("../commands/create.ts"),
});

const EXEC = defineCommand({
  paths: ["exec", "container exec"],
  summary: "Execute a command in a running container",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  topic: COMMON,
  interspersed: false,
  minArgs: 2,
  flags: flags.EXEC_FLAGS,
  load: () => import("../commands/exec.ts"),
});

const PS = defineCommand({
  paths: ["ps", "container ls", "container list", "container ps"],
  summary: "List containers",
  usage: "[OPTIONS]",
  topic: COMMON,
  maxArgs: 0,
  flags: flags.PS_FLAGS,
  load: () => import("../commands/ps.ts"),
});

const START = defineCommand({
  paths: ["start", "container start"],
  summary: "Start one or more stopped containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.START_FLAGS,
  load: () => import("../commands/start.ts"),
});

const ATTACH = defineCommand({
  paths: ["attach", "container attach"],
  summary: "Attach local standard input, output, and error streams to a running container",
  usage: "[OPTIONS] CONTAINER",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.ATTACH_FLAGS,
  load: () => import("../commands/attach.ts"),
});

const PAUSE = defineCommand({
  paths: ["pause", "container pause"],
  summary: "Pause all processes within one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.PAUSE_FLAGS,
  load: () => import("../commands/pause.ts"),
});

const UNPAUSE = defineCommand({
  paths: ["unpause", "container unpause"],
  summary: "Unpause all processes within one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.PAUSE_FLAGS,
  load: () => import("../commands/unpause.ts"),
});

const COMMIT = defineCommand({
  paths: ["commit", "container commit", "image commit"],
  summary: "Make an image of what a container has changed",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  description:
    "The new image is the container's own and one layer on top of it. What is mounted in " +
    "the container, volumes among it, is no part of it.",
  minArgs: 1,
  maxArgs: 2,
  flags: flags.COMMIT_FLAGS,
  load: () => import("../commands/commit.ts"),
});

const CP = defineCommand({
  paths: ["cp", "container cp"],
  summary: "Copy files and directories between a container and the host",
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  description:
    "`-` as the source is a tar on standard input, to be unpacked in a directory of the container; `-` as the " +
    "destination a tar of the source on standard output. The container need not run.\n\n" +
    "A directory is copied into a directory that is there, and otherwise gets the name of DEST_PATH; of SRC_PATH/. " +
    "only what is in the directory is copied. A path of the host with a colon begins with / or ./.",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.CP_FLAGS,
  load: () => import("../commands/cp.ts"),
});

const EXPORT = defineCommand({
  paths: ["export", "container export"],
  summary: "Write a container's root file system as a tar",
  usage: "[OPTIONS] CONTAINER",
  description:
    "What is mounted in the container is no part of it. `wherry import` makes an image of it.",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.EXPORT_FLAGS,
  load: () => import("../commands/export.ts"),
});

const DIFF = defineCommand({
  paths: ["diff", "container diff"],
  summary: "Show what a container has changed in its files",
  usage: "CONTAINER",
  description: "A path is added (A), changed (C) or deleted (D).",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.DIFF_FLAGS,
  load: () => import("../commands/diff.ts"),
});

const STATS = defineCommand({
  paths: ["stats", "container stats"],
  summary: "Display a live stream of container(s) resource usage statistics",
  usage: "[OPTIONS] [CONTAINER...]",
  description:
    "Without a CONTAINER it shows all that run, also those that come later. On a terminal each page " +
    "takes the place of the one before, once a second; elsewhere it follows it.\n\n" +
    "CPU % is of one processor. Memory is without the file cache that nobody has used lately. `--` stands for what " +
    "this kernel does not count. Fields of templates: .Container .Name .ID .CPUPerc .MemUsage .NetIO .BlockIO " +
    ".MemPerc .PIDs, and .CPUPressure .MemPressure .IOPressure (some / full).",
  flags: flags.STATS_FLAGS,
  load: () => import("../commands/stats.ts"),
});

const TOP = defineCommand({
  paths: ["top", "container top"],
  summary: "Display the running processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  description: "No ps is called, neither the host's nor the container's: wherry reads /proc " +
    "itself. Of the ps options it knows -e -A -a -d -f -F -j -l -o and, without a dash, " +
    "a g j l o u x.",
  interspersed: false,
  minArgs: 1,
  flags: flags.TOP_FLAGS,
  load: () => import("../commands/top.ts"),
});

const PORT = defineCommand({
  paths: ["port", "container port"],
  summary: "List port mappings or a specific mapping for the container",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  minArgs: 1,
  maxArgs: 2,
  flags: flags.PORT_FLAGS,
  load: () => import("../commands/port.ts"),
});

const STOP = defineCommand({
  paths: ["stop", "container stop"],
  summary: "Stop one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.STOP_FLAGS,
  load: () => import("../commands/stop.ts"),
});

const KILL = defineCommand({
  paths: ["kill", "container kill"],
  summary: "Kill one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.KILL_FLAGS,
  load: () => import("../commands/kill.ts"),
});

const WAIT = defineCommand({
  paths: ["wait", "container wait"],
  summary: "Block until one or more containers stop, then print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.WAIT_FLAGS,
  load: () => import("../commands/wait.ts"),
});

const RM = defineCommand({
  paths: ["rm", "container rm", "container remove"],
  summary: "Remove one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.RM_FLAGS,
  load: () => import("../commands/rm.ts"),
});

const RESTART = defineCommand({
  paths: ["restart", "container restart"],
  summary: "Restart one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.RESTART_FLAGS,
  load: () => import("../commands/restart.ts"),
});

const RENAME = defineCommand({
  paths: ["rename", "container rename"],
  summary: "Rename a container",
  usage: "CONTAINER NEW_NAME",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.RENAME_FLAGS,
  load: () => import("../commands/rename.ts"),
});

const UPDATE = defineCommand({
  paths: ["update", "container update"],
  summary: "Update configuration of one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.UPDATE_FLAGS,
  load: () => import("../commands/update.ts"),
});

const CONTAINER_PRUNE = defineCommand({
  paths: ["container prune"],
  summary: "Remove all stopped containers",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.CONTAINER_PRUNE_FLAGS,
  load: () => import("../commands/container_prune.ts"),
});

const LOGS = defineCommand({
  paths: ["logs", "container logs"],
  summary: "Fetch the logs of a container",
  usage: "[OPTIONS] CONTAINER",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.LOGS_FLAGS,
  load: () => import("../commands/logs.ts"),
});

const CONTAINER_INSPECT = defineCommand({
  paths: ["container inspect"],
  summary: "Display detailed information on one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.CONTAINER_INSPECT_FLAGS,
  load: () => import("../commands/container_inspect.ts"),
});

/** In the order of the help. */
export const CONTAINER_COMMANDS = [
  RUN,
  EXEC,
  PS,
  ATTACH,
  COMMIT,
  CP,
  DIFF,
  EXPORT,
  PAUSE,
  PORT,
  STATS,
  TOP,
  UNPAUSE,
  CONTAINER_INSPECT,
  CREATE,
  CONTAINER_PRUNE,
  KILL,
  LOGS,
  RENAME,
  RESTART,
  RM,
  START,
  STOP,
  UPDATE,
  WAIT,
] as const;
