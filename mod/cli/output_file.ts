/** Files that commands write what is too large for a terminal to. @module */

import { WherryError } from "../errors.ts";
import { argumentError } from "./argument_error.ts";
import { EXIT_FAILURE } from "./exit_code.ts";
import type { Output } from "./output.ts";

/** Bytes to write, each chunk used up before the next is asked for. */
export type Chunks = AsyncIterable<Uint8Array<ArrayBuffer>>;

/**
 * Writes to standard output.
 *
 * @throws {WherryError} `invalid_argument`, exit code 1 as docker's, if that is a terminal.
 */
export async function writeToStdout(output: Output, chunks: () => Chunks): Promise<void> {
  if (Deno.stdout.isTerminal()) {
    throw argumentError("cowardly refusing to save to a terminal. Use the -o flag or redirect", {
      exitCode: EXIT_FAILURE,
    });
  }
  for await (const chunk of chunks()) output.write(chunk);
}

/**
 * Writes a file, which has its name once it is complete: before that what had the name stays as it was.
 *
 * Only its owner may read it, since it may hold what only root may read. A device or FIFO is written to as it is.
 *
 * @throws {WherryError} `not_found` if its directory is missing, `invalid_argument` if it is a directory,
 * `unavailable` if it cannot be written; what `chunks` throws.
 */
export async function writeToFile(path: string, chunks: () => Chunks): Promise<void> {
  const found = lookAt(path);
  if (found?.isDirectory) {
    throw new WherryError("invalid_argument", `Cannot write "${path}": it is a directory`);
  }
  if (found !== undefined && !found.isFile) {
    using file = Deno.openSync(path, { write: true });
    await writeChunks(file, path, chunks());
    return;
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  const temporary = `${path.slice(0, path.length - name.length)}.${
    name.slice(0, 100)
  }.${crypto.randomUUID()}`;
  using undo = new DisposableStack();
  {
    using file = create(temporary, path);
    undo.defer(() => Deno.removeSync(temporary));
    await writeChunks(file, path, chunks());
  }
  Deno.renameSync(temporary, path);
  undo.move();
}

/** Passes chunks on until somebody aborts. */
export async function* interruptible(
  chunks: Chunks,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) {
    yield chunk;
    // Signals are delivered between turns of the event loop, which reading and writing never give up by themselves
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal.throwIfAborted();
  }
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw failure(path, error);
  }
}

function create(temporary: string, path: string): Deno.FsFile {
  try {
    return Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw failure(path, cause);
    throw new WherryError("not_found", `Cannot write "${path}": no such directory`, { cause });
  }
}

async function writeChunks(file: Deno.FsFile, path: string, chunks: Chunks): Promise<void> {
  for await (const chunk of chunks) {
    try {
      for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
    } catch (cause) {
      throw failure(path, cause);
    }
  }
}

function failure(path: string, cause: unknown): WherryError {
  const state = cause instanceof Error ? cause.message : String(cause);
  return new WherryError("unavailable", `Cannot write "${path}": ${state}`, { cause });
}
