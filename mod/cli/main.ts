/** From the argument vector to an exit status. @module */

import type { StorageDriver } from "../container/record/config.ts";
import { Engine } from "../engine/base/engine.ts";
import { parseStorageDriver, STORAGE_DRIVERS } from "../engine/base/storage.ts";
import { WherryError } from "../errors.ts";
import { type CommandTarget, findCommand, parseCommandArgs } from "./base/command.ts";
import { COMMAND_TABLE } from "./table/command_table.ts";
import type { Context } from "./base/context.ts";
import { EXIT_ENGINE_FAILURE, EXIT_FAILURE, exitCodeOf } from "./base/exit_code.ts";
import { type ParsedFlags, parseFlags } from "./base/flags.ts";
import { LOG_LEVELS, type LogLevel, Output } from "./base/output.ts";
import { cleanupCommand, VERSION_TEXT } from "./base/self.ts";

/** Commands whose own failures are told apart from their container's: exit status 125. */
const STARTING_COMMANDS = ["run", "container run"];

/**
 * Does what a command line says.
 *
 * @param args The arguments after the program's name.
 * @returns The exit status, 0 to 255.
 */
export async function main(args: readonly string[]): Promise<number> {
  const output = new Output();
  let isDebug = false;
  let fallback = EXIT_FAILURE;
  try {
    const globals = parseGlobals(args);
    output.level = parseLogLevel(globals);
    isDebug = output.level === "debug";
    if (globals.flags["version"] === true) {
      output.writeLine(VERSION_TEXT);
      return 0;
    }
    const found = findCommand(COMMAND_TABLE, globals.isHelp ? [] : globals.positionals);
    const { target } = found;
    if (found.isHelp || target.kind !== "command") {
      return await printHelp(output, target);
    }
    if (STARTING_COMMANDS.includes(target.path)) fallback = EXIT_ENGINE_FAILURE;
    const parsed = parseCommandArgs(target.command, found.args, `wherry ${target.path}`);
    if (parsed.isHelp) {
      return await printHelp(output, target);
    }
    requireRoot(target.path);
    const context: Context = { engine: makeEngine(globals, output), output, isDebug };
    try {
      return await (await target.command.load()).run(context, parsed);
    } finally {
      for (const notice of context.engine.notices) output.warn(notice);
      reportLostEvents(context);
    }
  } catch (error) {
    output.renderError(error, { debug: isDebug });
    return exitCodeOf(error, fallback);
  }
}

/** What was done is done, but nobody who watches the events will know. */
function reportLostEvents({ engine: { lostEvents: { count, cause } }, output }: Context): void {
  if (count === 0) return;
  const reason = cause instanceof Error ? cause.message : String(cause);
  output.warn(`${count} events of this command could not be written down: ${reason}`);
}

/** Loads the texts' layout only now: no other command needs it. */
async function printHelp(output: Output, target: CommandTarget<Context>): Promise<number> {
  const { formatHelp } = await import("./table/help.ts");
  output.write(formatHelp(COMMAND_TABLE, target, output.width));
  return 0;
}

/** Commands that change nothing of the host. */
const COMMANDS_FOR_ANYBODY = ["version", "doctor", "system doctor"];

function requireRoot(path: string): void {
  const uid = Deno.uid();
  if (uid === 0 || COMMANDS_FOR_ANYBODY.includes(path)) return;
  throw new WherryError(
    "unsupported",
    `Cannot run "wherry ${path}": wherry needs root, and runs as user ${uid}`,
    {
      hint: "Run it as root, for example with sudo",
    },
  );
}

type GlobalFlags = ParsedFlags<typeof COMMAND_TABLE.globalFlags>;

function parseGlobals(args: readonly string[]): GlobalFlags {
  return parseFlags(COMMAND_TABLE.globalFlags, args, { interspersed: false });
}

function parseLogLevel({ flags }: GlobalFlags): LogLevel {
  if (flags["debug"] === true) return "debug";
  const text = flags["log-level"] ?? "info";
  const level = LOG_LEVELS.find((level) => level === text);
  if (level !== undefined) return level;
  throw new WherryError("invalid_argument", `Cannot use --log-level "${text}": no such level`, {
    hint: `Levels are ${LOG_LEVELS.join(", ")}`,
  });
}

function makeEngine({ flags }: GlobalFlags, output: Output): Engine {
  const root = flags["root"] ?? Deno.env.get("WHERRY_ROOT");
  const runRoot = flags["run-root"] ?? Deno.env.get("WHERRY_RUN_ROOT");
  return new Engine({
    ...(typeof root === "string" ? { root: absolute(root, "--root") } : {}),
    ...(typeof runRoot === "string" ? { runRoot: absolute(runRoot, "--run-root") } : {}),
    ...planStorage(flags["storage-driver"] ?? Deno.env.get("WHERRY_STORAGE_DRIVER") ?? ""),
    cleanupCommand: cleanupCommand(),
    onWarning: (text) => output.warn(text),
  });
}

function planStorage(text: unknown): { storageDriver?: StorageDriver } {
  if (typeof text !== "string" || text === "") return {};
  const storageDriver = parseStorageDriver(text);
  if (storageDriver !== undefined) return { storageDriver };
  throw new WherryError(
    "invalid_argument",
    `Cannot use the storage driver "${text}": no such driver`,
    {
      hint: `Drivers are ${STORAGE_DRIVERS.join(" and ")}`,
    },
  );
}

function absolute(path: string, flag: string): string {
  if (path === "") {
    throw new WherryError("invalid_argument", `Cannot use ${flag} "": it is empty`);
  }
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}
