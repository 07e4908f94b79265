/** Files named on the command line to write to, and stdout in their place. @module */

import { WherryError } from "../../errors.ts";
import { explainFailure, isFullDisk } from "../../image/tar/archive_error.ts";
import { isPresent } from "../../kernel/entry.ts";
import { ownPid } from "../../kernel/process.ts";
import { UnnamedFile } from "../../kernel/unnamed_file.ts";
import { removeIfPresent } from "../../store/record.ts";
import { argumentError } from "./argument_error.ts";
import type { Output } from "./output.ts";

/** Bytes to write, in pieces. */
export type Chunks = AsyncIterable<Uint8Array<ArrayBuffer>>;

/**
 * Writes `chunks` to the file at `path`, or to stdout if there is none.
 *
 * A file appears when it is complete, in place of what had its name; before that it has no name, so that not even a
 * kill leaves anything. (Where the file system cannot do that, it leaves a file called `NAME.PID.tmp`.) What is no file,
 * such as a FIFO, is written to, and so is what a symbolic link leads to: `/dev/stdout` is one.
 *
 * @throws {WherryError} `invalid_argument` if stdout is a terminal or the path a directory, `not_found` if the path is
 * in no directory, `unavailable` if the disk is full.
 */
export async function writeOutput(
  output: Output,
  path: string | undefined,
  chunks: Chunks,
): Promise<void> {
  if (path !== undefined && path !== "-") return await writeFile(path, chunks);
  refuseTerminal();
  for await (const chunk of chunks) output.write(chunk);
}

function refuseTerminal(): void {
  if (!Deno.stdout.isTerminal()) return;
  throw argumentError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
}

async function writeFile(path: string, chunks: Chunks): Promise<void> {
  checkDirectory(path);
  const info = onPath(path, () => infoOf(path));
  if (info?.isDirectory) {
    throw new WherryError("invalid_argument", `Cannot write "${path}": it is a directory`);
  }
  const isReplaced = info === undefined || info.isFile && !Deno.lstatSync(path).isSymlink;
  const writer = onPath(path, () => isReplaced ? openWriter(path) : openInPlace(path));
  try {
    for await (const chunk of chunks) {
      onPath(path, () => {
        for (let at = 0; at < chunk.length;) at += writer.file.writeSync(chunk.subarray(at));
      });
    }
    onPath(path, () => writer.finish());
  } finally {
    writer[Symbol.dispose]();
  }
}

/** Where the file is to be. */
function checkDirectory(path: string): void {
  const directory = directoryOf(path);
  const problem = problemOf(directory);
  if (problem === undefined) return;
  throw new WherryError("not_found", `Cannot write "${path}": ${problem} "${directory}"`);
}

function problemOf(directory: string): string | undefined {
  try {
    return Deno.statSync(directory).isDirectory ? undefined : "there is only a file";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no directory";
    if (error instanceof Deno.errors.NotADirectory) return "no directory can be";
    // Writing says so better
    return undefined;
  }
}

function directoryOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : path.slice(0, at) || "/";
}

function onPath<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isFullDisk(error)) throw explainFailure(`write "${path}"`, error);
    throw new WherryError("unavailable", `Cannot write "${path}": no space left on device`, {
      cause: error,
    });
  }
}

/** A file on its way to its name. */
interface FileWriter extends Disposable {
  file: Deno.FsFile;
  finish(): void;
}

function openWriter(path: string): FileWriter {
  const unnamed = UnnamedFile.open(directoryOf(path));
  const temporary = `${path}.${ownPid()}.tmp`;
  return unnamed === undefined
    ? openTemporary(path, temporary)
    : withName(unnamed, path, temporary);
}

function infoOf(path: string): Deno.FileInfo | undefined {
  return isPresent(path) ? Deno.statSync(path) : undefined;
}

function openInPlace(path: string): FileWriter {
  const file = Deno.openSync(path, { write: true, truncate: true });
  return { file, finish: () => {}, [Symbol.dispose]: () => file.close() };
}

function openTemporary(path: string, temporary: string): FileWriter {
  const file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
  return {
    file,
    finish: () => Deno.renameSync(temporary, path),
    [Symbol.dispose]: () => {
      file.close();
      removeIfPresent(temporary);
    },
  };
}

/** A link cannot replace a name: where there is one already, a second name is there for a moment. */
function withName(unnamed: UnnamedFile, path: string, temporary: string): FileWriter {
  const finish = (): void => {
    if (!isPresent(path)) return unnamed.linkAs(path);
    unnamed.linkAs(temporary);
    Deno.renameSync(temporary, path);
  };
  return { file: unnamed.file, finish, [Symbol.dispose]: () => unnamed[Symbol.dispose]() };
}
