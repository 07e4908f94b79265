/**
 * Makes the code cache that the executable file carries: the functions that everyday commands use, compiled by V8.
 *
 * V8 needs 20 ms to look through wherry's script, and 9 ms for each megabyte of a cache of its functions: of those that
 * are used. Only V8 knows which they are, so the commands are run once: by a program that differs from the final one only
 * in how it evaluates its scripts, in namespaces of its own.
 *
 * @module
 */

import { PROJECT_ROOT } from "./build.ts";
import { listScriptNames } from "./hot_commands.ts";
import { writeTar } from "./tar_writer.ts";

/**
 * Commands to learn from, in a shell where `$W` is wherry and `$T` a directory. The first `run` finds out what the
 * file system is good for, and leaves the hot script for that.
 */
const LESSONS = `
$W import $T/rootfs.tar image
$W run --rm --network none image /program end
$W run --rm --network none image /program end
$W run --rm image /program end
$W run --rm --mount type=tmpfs,target=/m -v data:/data --cap-add NET_ADMIN image /program end
$W create --name made image /program end
$W start made
$W wait made
$W rm made
$W run -d --name box -p 127.0.0.1:1080:80 image /program
$W exec box /program end
$W ps
$W logs box
$W inspect box
$W port box
$W stats --no-stream box
$W cp box:/program $T/copy
$W diff box
$W stop -t 0 box
$W start box
$W kill box
$W wait box
$W rm -f box
$W images
$W history image
$W tag image other
$W rmi other
$W save -o $T/saved.tar image
$W load -i $T/saved.tar
$W network create net
$W network ls
$W network inspect net
$W network rm net
$W volume ls
$W volume rm data
$W rmi image
$W system df
$W info
$W version
$W --help
`;

/** Has deno make an entry for each name of a script. */
const FIRST_USES = `
$W version
$W run --help
$W run --network none --help
$W exec --help
$W ps --help
$W import --help
$W inspect --help
$W images --help
$W network --help
`;

/** The two programs of a training. */
export interface TrainedPrograms {
  /** The final one, without a cache. */
  plain: string;
  /** The one that writes what V8 compiled to `training.directory`, see `pack.ts`. */
  training: string;
  /** Existing directory for the training's files. */
  directory: string;
}

/** Arguments of unshare(1): what runs there goes with it, however it ends. */
const OWN_NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** Whether this process may make the namespaces that a training needs. */
export async function canTrain(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: [...OWN_NAMESPACES, "mount", "-t", "tmpfs", "none", "/run"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs everyday commands and collects what V8 compiled for them.
 *
 * @returns The file that deno finds in its cache directory.
 * @throws {Error} If a command fails.
 */
export async function makeCodeCache(
  { plain, training, directory }: TrainedPrograms,
): Promise<Uint8Array<ArrayBuffer>> {
  await makeRootfsTar(directory);
  await runShell(
    `set -e; mount -t tmpfs none /run; mkdir -m 711 /run/wherry
    W="${training} --root /run/root"; ${LESSONS}
    rm -r /run/wherry/cache
    W="${plain} --root /run/root"; ${FIRST_USES}
    cp /run/wherry/cache/*/${DATABASE}* $T`,
    directory,
  );
  return await fillDatabase(directory);
}

/** Deno's file, as version 2.9.6 calls it. */
const DATABASE = "v8_code_cache_v2";

async function makeRootfsTar(directory: string): Promise<void> {
  const program = `${directory}/program`;
  await run("gcc", [
    "-Os",
    "-static",
    "-nostdlib",
    "-ffreestanding",
    "-fno-stack-protector",
    "-o",
    program,
    `${PROJECT_ROOT}scripts/training_program.c`,
  ]);
  const content = await Deno.readFile(program);
  await writeTar(`${directory}/rootfs.tar`, [{ path: "program", mode: 0o755, content }]);
}

async function runShell(script: string, directory: string): Promise<void> {
  await run("unshare", [...OWN_NAMESPACES, "sh", "-c", script], { T: directory });
}

async function run(
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  const options = { args, env, stdin: "null", stdout: "null", stderr: "piped" } as const;
  const { success, stderr } = await new Deno.Command(program, options).output();
  if (success) return;
  throw new Error(`Cannot train the code cache: ${new TextDecoder().decode(stderr)}`);
}

/** Puts what V8 compiled in the place of what deno had it compile; deno's hashes of the scripts stay. */
async function fillDatabase(directory: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${directory}/${DATABASE}`;
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path);
  const update = database.prepare("UPDATE codecache SET data = ? WHERE specifier = ?");
  for (const name of listScriptNames()) {
    const { changes } = update.run(Deno.readFileSync(`${directory}/${name}`), `file:///${name}`);
    if (changes !== 1) throw new Error(`Cannot train the code cache: deno keeps no "${name}"`);
  }
  database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  return await Deno.readFile(path);
}
