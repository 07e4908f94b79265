/** Every command's words; their actions are imported when they are used. @module */

import type { CommandTable } from "../base/command.ts";
import type { Context } from "../base/context.ts";
import { CONTAINER_COMMANDS } from "./container_commands.ts";
import { IMAGE_COMMANDS } from "./image_commands.ts";
import { NETWORK_COMMANDS } from "./network_commands.ts";
import { SYSTEM_COMMANDS } from "./system_commands.ts";
import { VOLUME_COMMANDS } from "./volume_commands.ts";

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
    {
      name: "storage-driver",
      type: "string",
      value: "driver",
      help:
        "How new containers get their root: overlay, or copy, which works on any file system; " +
        "also WHERRY_STORAGE_DRIVER (default overlay, or copy where the kernel mounts no overlay)",
    },
    { name: "version", short: "v", type: "boolean", help: "Print the version and quit" },
  ],
  groups: [
    { path: "container", summary: "Manage containers" },
    { path: "generate", summary: "Generate service definitions" },
    { path: "image", summary: "Manage images" },
    { path: "network", summary: "Manage networks" },
    { path: "system", summary: "Manage wherry" },
    { path: "volume", summary: "Manage volumes" },
  ],
  commands: [
    ...CONTAINER_COMMANDS,
    ...IMAGE_COMMANDS,
    ...NETWORK_COMMANDS,
    ...SYSTEM_COMMANDS,
    ...VOLUME_COMMANDS,
  ],
};
