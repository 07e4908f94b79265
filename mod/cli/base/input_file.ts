/** Files named on the command line, and stdin in their place. @module */

import type { NamedSource } from "../../engine/image/images.ts";
import { WherryError } from "../../errors.ts";

/** An open source; disposing of it closes the file. */
export type InputFile = NamedSource & Disposable;

/** What can be done with the directory of an image. */
const USE_DIRECTORY = 'Run it with "wherry run --rootfs", or make a tar of it';

/**
 * Opens the file at `path`, or stdin for `-`.
 *
 * @param directoryHint What to do if it is a directory.
 * @throws {WherryError} `not_found` if there is no such file, `invalid_argument` if stdin is a terminal
 * or the path a directory.
 */
export function openInput(path: string, directoryHint = USE_DIRECTORY): InputFile {
  if (path !== "-") return openFile(path, directoryHint);
  if (Deno.stdin.isTerminal()) {
    throw new WherryError("invalid_argument", "Cannot read standard input: it is a terminal", {
      hint: "Pipe an archive into it, or name a file",
    });
  }
  return { bytes: Deno.stdin, name: "-", [Symbol.dispose]: () => {} };
}

/**
 * Opens the file at `path`, or stdin for `-`; a directory stays a mere name.
 *
 * @throws {WherryError} As {@linkcode openInput}.
 */
export function openInputOrDirectory(path: string): InputFile | { name: string } & Disposable {
  return path !== "-" && isDirectory(path)
    ? { name: path, [Symbol.dispose]: () => {} }
    : openInput(path);
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    // Opening it says so better
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Docker fetches what it imports. */
const URL_START = /^https?:\/\//;

function openFile(path: string, directoryHint: string): InputFile {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new WherryError("not_found", `Cannot read "${path}": no such file`, {
      cause,
      ...(URL_START.test(path)
        ? { hint: 'Fetch it with another program, and pipe it into "-"' }
        : {}),
    });
  }
  const { isDirectory, size } = file.statSync();
  if (isDirectory) {
    file.close();
    throw new WherryError("invalid_argument", `Cannot read "${path}": it is a directory`, {
      hint: directoryHint,
    });
  }
  return { bytes: file, name: path, size, [Symbol.dispose]: () => file.close() };
}
