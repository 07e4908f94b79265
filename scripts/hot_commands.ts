/** Which commands must start fast. @module */

/** Directory of the commands' files, from the project's root. */
export const COMMANDS_DIRECTORY = "mod/cli/commands";

/**
 * Commands that somebody waits for, in a script a hundred times over, and the `cleanup` of a monitor: the hot script
 * has them, and nothing of `node:` may be loaded before their first line. All other commands are cold.
 */
export const HOT_COMMANDS = [
  "cleanup",
  "create",
  "exec",
  "kill",
  "ps",
  "rm",
  "run",
  "start",
  "stop",
  "wait",
] as const;
