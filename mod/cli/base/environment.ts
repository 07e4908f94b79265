/** The caller's environment, and variables for a container. @module */

import { WherryError } from "../../errors.ts";
import { EXIT_ENGINE_FAILURE } from "./exit_code.ts";

/** How the launcher hands back variables that it keeps away from its own runtime. */
const CALLER_PREFIX = "WHERRY_CALLER_";

/** Variables that the launcher sets for its own runtime. */
const LAUNCHER_VARIABLES =
  /^(DENO_|LD_|HOME$|WHERRY_(BUILD|BUNDLE_FD|BUNDLE_OFFSET|CALLER_.*|LIBRARY_FD|MONITOR_FD|OPEN_FILES|PACKED)$)/;

/** A variable of whoever called wherry, hidden or not; never one of the launcher's. */
export function callerVariable(name: string): string | undefined {
  const isPacked = Deno.env.get("WHERRY_PACKED") !== undefined;
  const handedBack = Deno.env.get(CALLER_PREFIX + name);
  if (handedBack !== undefined || (isPacked && LAUNCHER_VARIABLES.test(name))) return handedBack;
  return Deno.env.get(name);
}

/**
 * Reads `-e` values and `--env-file`s; a name alone takes the caller's value, and none if it has none.
 *
 * @param files Paths, read in order, before `entries`.
 * @param entries `NAME=value` or `NAME`.
 * @returns `NAME=value`, in order.
 * @throws {WherryError} `invalid_argument` for a malformed one, `not_found` for a missing file.
 */
export function readEnvironment(files: readonly string[], entries: readonly string[]): string[] {
  return [
    ...files.flatMap((path) =>
      readLines(path, "env-file").flatMap((line) =>
        expand(line, `the variable "${line}" of "${path}"`)
      )
    ),
    ...entries.flatMap((entry) => expand(entry, `the variable "${entry}"`)),
  ];
}

function expand(entry: string, what: string): string[] {
  const at = entry.indexOf("=");
  const name = at < 0 ? entry : entry.slice(0, at);
  if (name === "" || /\s/.test(name) || entry.includes("\0")) {
    throw new WherryError("invalid_argument", `Cannot set ${what}: its name is not valid`, {
      hint: "Write NAME=value, or NAME to pass on a variable of yours",
      exitCode: EXIT_ENGINE_FAILURE,
    });
  }
  if (at >= 0) return [entry];
  const value = callerVariable(name);
  return value === undefined ? [] : [`${name}=${value}`];
}

/**
 * Reads a file of `NAME=value` lines, without empty ones and those that begin with `#`.
 *
 * @param flag Its name, for the message.
 * @throws {WherryError} `not_found` if the file cannot be read.
 */
export function readLines(path: string, flag: "env-file" | "label-file"): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "no such file" : String(cause);
    throw new WherryError("not_found", `Cannot read --${flag} "${path}": ${reason}`, { cause });
  }
  return text.replace(/^\uFEFF/, "").split("\n")
    .map((line) => line.replace(/^\s+/, "").replace(/\r$/, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
}
