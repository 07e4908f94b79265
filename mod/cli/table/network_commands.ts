/** Commands for networks. @module */

import { defineCommand } from "../base/command.ts";
import * as flags from "../definitions/network_flags.ts";

const NETWORK_CREATE = defineCommand({
  paths: ["network create"],
  summary: "Create a network",
  usage: "[OPTIONS] NETWORK",
  description:
    "Nothing of it is on the host until the first container is. Without --subnet wherry chooses one that " +
    "overlaps with no other network and no route or address of the host.",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.NETWORK_CREATE_FLAGS,
  load: () => import("../commands/network_create.ts"),
});

const NETWORK_CONNECT = defineCommand({
  paths: ["network connect"],
  summary: "Connect a container to a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  description: "A running container gets its new link at once, any other when it is started.",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.NETWORK_CONNECT_FLAGS,
  load: () => import("../commands/network_connect.ts"),
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
  load: () => import("../commands/network_disconnect.ts"),
});

const NETWORK_LS = defineCommand({
  paths: ["network ls", "network list"],
  summary: "List networks",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.NETWORK_LS_FLAGS,
  load: () => import("../commands/network_ls.ts"),
});

const NETWORK_INSPECT = defineCommand({
  paths: ["network inspect"],
  summary: "Display detailed information on one or more networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minArgs: 1,
  flags: flags.NETWORK_INSPECT_FLAGS,
  load: () => import("../commands/network_inspect.ts"),
});

const NETWORK_RM = defineCommand({
  paths: ["network rm", "network remove", "network delete"],
  summary: "Remove one or more networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minArgs: 1,
  flags: flags.NETWORK_RM_FLAGS,
  load: () => import("../commands/network_rm.ts"),
});

const NETWORK_PRUNE = defineCommand({
  paths: ["network prune"],
  summary: "Remove all unused networks",
  usage: "[OPTIONS]",
  description: "Of networks that always exist only the bridge goes; it is made again when needed.",
  maxArgs: 0,
  flags: flags.NETWORK_PRUNE_FLAGS,
  load: () => import("../commands/network_prune.ts"),
});

/** In the order of the help. */
export const NETWORK_COMMANDS = [
  NETWORK_CREATE,
  NETWORK_INSPECT,
  NETWORK_CONNECT,
  NETWORK_DISCONNECT,
  NETWORK_LS,
  NETWORK_PRUNE,
  NETWORK_RM,
] as const;
