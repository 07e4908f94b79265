/** Every command's words; their actions are imported when they are used. @module */

import { type CommandTable, defineCommand } from "./command.ts";
import type { Context } from "./context.ts";
import * as flags from "./command_flags.ts";
import { EXAMPLES } from "./examples.ts";

const COMMON = "Common Commands";

const RUN = defineCommand({
  paths: ["run", "container run"],
  summary: "Create and run a new container from an image",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "IMAGE is a reference, an image id, or the path of a root file system's tar or of a " +
    "docker archive. With --rootfs there is no IMAGE. The container is on the network bridge unless " +
    "--network says otherwise, and others on its networks find it by its name.",
  topic: COMMON,
  examples: EXAMPLES.run,
  interspersed: false,
  flags: flags.RUN_FLAGS,
  load: () => import("./commands/run.ts"),
});

const CREATE = defineCommand({
  paths: ["create", "container create"],
  summary: "Create a new container",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description: "Makes what `wherry run` would run, and starts nothing: `wherry start` does.",
  examples: EXAMPLES.create,
  interspersed: false,
  flags: flags.CREATE_FLAGS,
  load: () => import("./commands/create.ts"),
});

const EXEC = defineCommand({
  paths: ["exec", "container exec"],
  summary: "Execute a command in a running container",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  topic: COMMON,
  examples: EXAMPLES.exec,
  interspersed: false,
  minArgs: 2,
  flags: flags.EXEC_FLAGS,
  load: () => import("./commands/exec.ts"),
});

const PS = defineCommand({
  paths: ["ps", "container ls", "container list", "container ps"],
  summary: "List containers",
  usage: "[OPTIONS]",
  topic: COMMON,
  examples: EXAMPLES.ps,
  maxArgs: 0,
  flags: flags.PS_FLAGS,
  load: () => import("./commands/ps.ts"),
});

const START = defineCommand({
  paths: ["start", "container start"],
  summary: "Start one or more stopped containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  examples: EXAMPLES.start,
  minArgs: 1,
  flags: flags.START_FLAGS,
  load: () => import("./commands/start.ts"),
});

const ATTACH = defineCommand({
  paths: ["attach", "container attach"],
  summary: "Attach local standard input, output, and error streams to a running container",
  usage: "[OPTIONS] CONTAINER",
  examples: EXAMPLES.attach,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.ATTACH_FLAGS,
  load: () => import("./commands/attach.ts"),
});

const PAUSE = defineCommand({
  paths: ["pause", "container pause"],
  summary: "Pause all processes within one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.PAUSE_FLAGS,
  load: () => import("./commands/pause.ts"),
});

const UNPAUSE = defineCommand({
  paths: ["unpause", "container unpause"],
  summary: "Unpause all processes within one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.PAUSE_FLAGS,
  load: () => import("./commands/unpause.ts"),
});

const TOP = defineCommand({
  paths: ["top", "container top"],
  summary: "Display the running processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  description: "No ps is called, neither the host's nor the container's: wherry reads /proc " +
    "itself. Of the ps options it knows -e -A -a -d -f -F -j -l -o and, without a dash, " +
    "a g j l o u x.",
  examples: EXAMPLES.top,
  interspersed: false,
  minArgs: 1,
  flags: flags.TOP_FLAGS,
  load: () => import("./commands/top.ts"),
});

const PORT = defineCommand({
  paths: ["port", "container port"],
  summary: "List port mappings or a specific mapping for the container",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  examples: EXAMPLES.port,
  minArgs: 1,
  maxArgs: 2,
  flags: flags.PORT_FLAGS,
  load: () => import("./commands/port.ts"),
});

const STOP = defineCommand({
  paths: ["stop", "container stop"],
  summary: "Stop one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.STOP_FLAGS,
  load: () => import("./commands/stop.ts"),
});

const KILL = defineCommand({
  paths: ["kill", "container kill"],
  summary: "Kill one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.KILL_FLAGS,
  load: () => import("./commands/kill.ts"),
});

const WAIT = defineCommand({
  paths: ["wait", "container wait"],
  summary: "Block until one or more containers stop, then print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.WAIT_FLAGS,
  load: () => import("./commands/wait.ts"),
});

const RM = defineCommand({
  paths: ["rm", "container rm", "container remove"],
  summary: "Remove one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.RM_FLAGS,
  load: () => import("./commands/rm.ts"),
});

const RESTART = defineCommand({
  paths: ["restart", "container restart"],
  summary: "Restart one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  examples: EXAMPLES.restart,
  minArgs: 1,
  flags: flags.RESTART_FLAGS,
  load: () => import("./commands/restart.ts"),
});

const RENAME = defineCommand({
  paths: ["rename", "container rename"],
  summary: "Rename a container",
  usage: "CONTAINER NEW_NAME",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.RENAME_FLAGS,
  load: () => import("./commands/rename.ts"),
});

const UPDATE = defineCommand({
  paths: ["update", "container update"],
  summary: "Update configuration of one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  examples: EXAMPLES.update,
  minArgs: 1,
  flags: flags.UPDATE_FLAGS,
  load: () => import("./commands/update.ts"),
});

const CONTAINER_PRUNE = defineCommand({
  paths: ["container prune"],
  summary: "Remove all stopped containers",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.CONTAINER_PRUNE_FLAGS,
  load: () => import("./commands/container_prune.ts"),
});

const SYSTEM_PRUNE = defineCommand({
  paths: ["system prune"],
  summary: "Remove unused data",
  usage: "[OPTIONS]",
  examples: EXAMPLES.prune,
  maxArgs: 0,
  flags: flags.SYSTEM_PRUNE_FLAGS,
  load: () => import("./commands/system_prune.ts"),
});

const RECOVER = defineCommand({
  paths: ["system recover"],
  summary: "Remove what crashes left behind, and say what that was",
  usage: "",
  description:
    "Removes what crashes left behind: containers that were never finished, processes whose monitor " +
    "was killed, and files that nothing needs. Other commands do so now and then; this one looks " +
    "everywhere, and prints what it removed. What runs is never touched.",
  maxArgs: 0,
  flags: flags.RECOVER_FLAGS,
  load: () => import("./commands/system_recover.ts"),
});

const BOOT = defineCommand({
  paths: ["boot"],
  summary: "Start the containers that their restart policies want to run",
  usage: "[OPTIONS]",
  description:
    "After a reboot or a crash: starts what was started before and is not running, with the " +
    "policy always, or unless-stopped if nobody stopped it. `wherry generate` prints a service that calls it.",
  examples: EXAMPLES.boot,
  maxArgs: 0,
  flags: flags.BOOT_FLAGS,
  load: () => import("./commands/boot.ts"),
});

const GENERATE_SYSTEMD = defineCommand({
  paths: ["generate systemd"],
  summary: "Print a systemd unit that starts and stops containers with the host",
  usage: "",
  examples: EXAMPLES.generate,
  maxArgs: 0,
  flags: flags.GENERATE_FLAGS,
  load: () => import("./commands/generate_systemd.ts"),
});

const GENERATE_OPENRC = defineCommand({
  paths: ["generate openrc"],
  summary: "Print an OpenRC script that starts and stops containers with the host",
  usage: "",
  maxArgs: 0,
  flags: flags.GENERATE_FLAGS,
  load: () => import("./commands/generate_openrc.ts"),
});

const LOGS = defineCommand({
  paths: ["logs", "container logs"],
  summary: "Fetch the logs of a container",
  usage: "[OPTIONS] CONTAINER",
  examples: EXAMPLES.logs,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.LOGS_FLAGS,
  load: () => import("./commands/logs.ts"),
});

const EVENTS = defineCommand({
  paths: ["events", "system events"],
  summary: "Show what happens to containers, images and networks, as it happens",
  usage: "[OPTIONS]",
  examples: EXAMPLES.events,
  maxArgs: 0,
  flags: flags.EVENTS_FLAGS,
  load: () => import("./commands/events.ts"),
});

const INSPECT = defineCommand({
  paths: ["inspect"],
  summary: "Return low-level information on containers, images and networks",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  examples: EXAMPLES.inspect,
  minArgs: 1,
  flags: flags.INSPECT_FLAGS,
  load: () => import("./commands/inspect.ts"),
});

const CONTAINER_INSPECT = defineCommand({
  paths: ["container inspect"],
  summary: "Display detailed information on one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minArgs: 1,
  flags: flags.CONTAINER_INSPECT_FLAGS,
  load: () => import("./commands/container_inspect.ts"),
});

const IMAGE_INSPECT = defineCommand({
  paths: ["image inspect"],
  summary: "Display detailed information on one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minArgs: 1,
  flags: flags.IMAGE_INSPECT_FLAGS,
  load: () => import("./commands/image_inspect.ts"),
});

const IMAGES = defineCommand({
  paths: ["images", "image ls", "image list"],
  summary: "List images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  topic: COMMON,
  maxArgs: 1,
  flags: flags.IMAGES_FLAGS,
  load: () => import("./commands/images.ts"),
});

const RMI = defineCommand({
  paths: ["rmi", "image rm", "image remove"],
  summary: "Remove one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minArgs: 1,
  flags: flags.RMI_FLAGS,
  load: () => import("./commands/rmi.ts"),
});

const IMPORT = defineCommand({
  paths: ["import", "image import"],
  summary: "Make an image from the tar of a root file system",
  usage: "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
  description: "The tar may be plain or compressed with gzip or zstd. It is what `docker export` " +
    "writes, or debootstrap and tar make.",
  topic: COMMON,
  examples: EXAMPLES.import,
  minArgs: 1,
  maxArgs: 2,
  flags: flags.IMPORT_FLAGS,
  load: () => import("./commands/import.ts"),
});

const LOAD = defineCommand({
  paths: ["load", "image load"],
  summary: "Load images from a docker archive",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.LOAD_FLAGS,
  load: () => import("./commands/load.ts"),
});

const NETWORK_CREATE = defineCommand({
  paths: ["network create"],
  summary: "Create a network",
  usage: "[OPTIONS] NETWORK",
  description:
    "Nothing of it is on the host until the first container is. Without --subnet wherry chooses one that " +
    "overlaps with no other network and no route or address of the host.",
  examples: EXAMPLES.networkCreate,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.NETWORK_CREATE_FLAGS,
  load: () => import("./commands/network_create.ts"),
});

const NETWORK_CONNECT = defineCommand({
  paths: ["network connect"],
  summary: "Connect a container to a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  description: "A running container gets its new link at once, any other when it is started.",
  examples: EXAMPLES.networkConnect,
  minArgs: 2,
  maxArgs: 2,
  flags: flags.NETWORK_CONNECT_FLAGS,
  load: () => import("./commands/network_connect.ts"),
});

const NETWORK_DISCONNECT = defineCommand({
  paths: ["network disconnect"],
  summary: "Disconnect a container from a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  description:
    "Published ports that led through this network are led through another one of the container's bridge " +
    "networks, or go until there is one.",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.NETWORK_DISCONNECT_FLAGS,
  load: () => import("./commands/network_disconnect.ts"),
});

const NETWORK_LS = defineCommand({
  paths: ["network ls", "network list"],
  summary: "List networks",
  usage: "[OPTIONS]",
  examples: EXAMPLES.networkLs,
  maxArgs: 0,
  flags: flags.NETWORK_LS_FLAGS,
  load: () => import("./commands/network_ls.ts"),
});

const NETWORK_INSPECT = defineCommand({
  paths: ["network inspect"],
  summary: "Display detailed information on one or more networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minArgs: 1,
  flags: flags.NETWORK_INSPECT_FLAGS,
  load: () => import("./commands/network_inspect.ts"),
});

const NETWORK_RM = defineCommand({
  paths: ["network rm", "network remove", "network delete"],
  summary: "Remove one or more networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minArgs: 1,
  flags: flags.NETWORK_RM_FLAGS,
  load: () => import("./commands/network_rm.ts"),
});

const NETWORK_PRUNE = defineCommand({
  paths: ["network prune"],
  summary: "Remove all unused networks",
  usage: "[OPTIONS]",
  description: "Of networks that always exist only the bridge goes; it is made again when needed.",
  maxArgs: 0,
  flags: flags.NETWORK_PRUNE_FLAGS,
  load: () => import("./commands/network_prune.ts"),
});

const VERSION = defineCommand({
  paths: ["version"],
  summary: "Show wherry's version and how it was built",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.VERSION_FLAGS,
  load: () => import("./commands/version.ts"),
});

const INFO = defineCommand({
  paths: ["info", "system info"],
  summary: "Display system-wide information",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.INFO_FLAGS,
  load: () => import("./commands/info.ts"),
});

const CLEANUP = defineCommand({
  paths: ["__cleanup"],
  summary: "Remove a container that has ended (for wherry's own use)",
  usage: "ID",
  hidden: true,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.CLEANUP_FLAGS,
  load: () => import("./commands/cleanup.ts"),
});

const RENEW = defineCommand({
  paths: ["__renew"],
  summary: "Renew a container's leases of addresses (for wherry's own use)",
  usage: "ID",
  hidden: true,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.RENEW_FLAGS,
  load: () => import("./commands/renew.ts"),
});

/** All commands. */
export const COMMAND_TABLE: CommandTable<Context> = {
  program: "wherry",
  summary: "Containers from one file, without a daemon",
  globalFlags: [
    { name: "debug", short: "D", type: "boolean", help: "The same as --log-level debug" },
    {
      name: "log-level",
      short: "l",
      type: "string",
      value: "level",
      help: "Say no more than this on standard error: debug (causes and stacks of errors), info, " +
        'warn, error or fatal (default "info")',
    },
    {
      name: "root",
      type: "string",
      value: "directory",
      help: "Images and containers; also WHERRY_ROOT (default /var/lib/wherry)",
    },
    {
      name: "run-root",
      aliases: ["runroot"],
      type: "string",
      value: "directory",
      help: "Sockets and locks; also WHERRY_RUN_ROOT (default /run/wherry)",
    },
    { name: "version", short: "v", type: "boolean", help: "Print the version and quit" },
  ],
  groups: [
    { path: "container", summary: "Manage containers" },
    { path: "generate", summary: "Generate service definitions" },
    { path: "image", summary: "Manage images" },
    { path: "network", summary: "Manage networks" },
    { path: "system", summary: "Manage wherry" },
  ],
  commands: [
    RUN,
    EXEC,
    PS,
    ATTACH,
    PAUSE,
    PORT,
    TOP,
    UNPAUSE,
    IMAGES,
    IMPORT,
    CONTAINER_INSPECT,
    IMAGE_INSPECT,
    BOOT,
    CREATE,
    CONTAINER_PRUNE,
    GENERATE_OPENRC,
    GENERATE_SYSTEMD,
    EVENTS,
    INFO,
    INSPECT,
    KILL,
    LOAD,
    LOGS,
    NETWORK_CREATE,
    NETWORK_INSPECT,
    NETWORK_CONNECT,
    NETWORK_DISCONNECT,
    NETWORK_LS,
    NETWORK_PRUNE,
    NETWORK_RM,
    RENAME,
    RESTART,
    RM,
    RMI,
    START,
    STOP,
    SYSTEM_PRUNE,
    RECOVER,
    UPDATE,
    VERSION,
    WAIT,
    CLEANUP,
    RENEW,
  ],
};
