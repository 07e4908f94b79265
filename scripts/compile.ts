/**
 * Makes `dist/wherry`, one executable file.
 *
 * Where the base runtime of `deno compile` can be had, that is used. It is on
 * no package registry, so elsewhere the file is wherry's own launcher
 * (`native/launcher.c`) with the running deno behind it. Both carry the same
 * bundle, `libwherry.so` and `wherry-monitor`.
 *
 * @module
 */

import { adaptHotScript, adaptScript } from "./bundle_script.ts";
import { hasBaseRuntime } from "./base_runtime.ts";
import { PROJECT_ROOT } from "./build.ts";
import { canTrain, makeCodeCache } from "./code_cache.ts";
import { COMMANDS_DIRECTORY, HOT_COMMANDS } from "./hot_commands.ts";
import { buildNative } from "./native.ts";
import { type PackedContents, packProgram } from "./pack.ts";

/** How the executable file was made. */
type BackEnd = "deno compile" | "launcher";

const OUTPUT = `${PROJECT_ROOT}dist/wherry`;
/** Remembers what the file was made from, so that nothing is done when nothing has changed. */
const INPUTS = `${PROJECT_ROOT}dist/wherry.inputs`;
const LIBRARY = "native/build/libwherry.so";
const MONITOR = "native/build/wherry-monitor";

/** Runs deno in the project's directory; what it prints is shown. */
async function runDeno(args: string[]): Promise<void> {
  const options = { args, cwd: PROJECT_ROOT, stdin: "null" } as const;
  const { success } = await new Deno.Command(Deno.execPath(), options).spawn().status;
  if (!success) throw new Error(`Cannot make "${OUTPUT}": "deno ${args.join(" ")}" failed`);
}

/** Modules that only some uses of hot commands need: what `import()` calls of theirs name is left out. */
const COLD_MODULES: ReadonlySet<string> = new Set([
  "mod/cli/request/container_pull.ts",
  "mod/cli/request/mount_flag.ts",
  "mod/cli/table/help.ts",
  "mod/cli/template/template.ts",
  "mod/engine/inspect/container_size.ts",
  "mod/engine/mount/copy_root.ts",
  "mod/engine/mount/filling_elsewhere.ts",
  "mod/engine/mount/volume_copy.ts",
  "mod/engine/mount/volume_mounts.ts",
  "mod/engine/base/storage_probe.ts",
  "mod/engine/network/dhcp.ts",
  "mod/engine/network/parent_network.ts",
  "mod/engine/security/seccomp_compiler.ts",
  "mod/engine/security/special_devices.ts",
  "mod/image/archive/tar_image.ts",
]);

function isCold(path: string): boolean {
  const isColdCommand = path.startsWith(`${COMMANDS_DIRECTORY}/`) &&
    !HOT_COMMANDS.some((name) => path === `${COMMANDS_DIRECTORY}/${name}.ts`);
  return isColdCommand || COLD_MODULES.has(path);
}

/**
 * What the hot script leaves out, as the program's own `import()` calls name it. Each of them is the first thing
 * that its command does, because the program then begins again.
 */
async function listColdImports(): Promise<string[]> {
  const cold = new Set<string>();
  const hot = new Set<string>();
  const targets = new Set<string>();
  for await (const path of sourceFiles(`${PROJECT_ROOT}mod`)) {
    for (
      const [, name = ""] of (await Deno.readTextFile(path)).matchAll(/\bimport\(\s*"(\.[^"]+)"/g)
    ) {
      const target = new URL(name, `file://${path}`).pathname.slice(PROJECT_ROOT.length);
      (isCold(target) ? cold : hot).add(name);
      targets.add(target);
    }
  }
  for (const module of COLD_MODULES) {
    if (!targets.has(module)) throw new Error(`Cannot leave out "${module}": nothing loads it`);
  }
  // The bundler goes by the name alone
  const ambiguous = [...cold].filter((name) => hot.has(name));
  if (ambiguous.length > 0) {
    throw new Error(`Cannot split the program: import("${ambiguous[0]}") means a hot module, too`);
  }
  return [...cold].toSorted();
}

/** Joins the modules that `main.ts` reaches into one script. */
async function bundle(options: readonly string[]): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await runDeno([
      "bundle",
      "--quiet",
      "--format=iife",
      ...options,
      `--output=${path}`,
      "main.ts",
    ]);
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Writes the file with the launcher. */
async function pack(output: string): Promise<void> {
  const coldImports = await listColdImports();
  // Not minified: that puts the value of a `using` declaration where it is used once, and it is never disposed of
  const hot = await bundle(coldImports.map((name) => `--external=${name}`));
  const encoder = new TextEncoder();
  const contents = {
    hotScript: encoder.encode(adaptHotScript(hot, coldImports)),
    script: encoder.encode(adaptScript(await bundle([]))),
    library: await Deno.readFile(PROJECT_ROOT + LIBRARY),
    monitor: await Deno.readFile(PROJECT_ROOT + MONITOR),
  };
  const codeCache = await trainCodeCache(output, contents);
  await packProgram(output, { ...contents, codeCache, hasSnapshots: true });
}

/** Learns from everyday commands which functions of the program V8 should find compiled. */
async function trainCodeCache(
  plain: string,
  contents: PackedContents,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!await canTrain()) {
    console.log(
      "No namespaces can be made here (are you root?): the file carries no code cache, and starts 10 ms later",
    );
    return undefined;
  }
  const directory = await Deno.makeTempDir({ prefix: "wherry-training-" });
  try {
    const training = `${directory}/wherry`;
    await packProgram(plain, contents);
    await packProgram(training, { ...contents, trainingDirectory: directory });
    return await makeCodeCache({ plain, training, directory });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes the file with `deno compile`. */
async function compile(output: string): Promise<void> {
  await runDeno([
    "compile",
    "--quiet",
    "--allow-all",
    `--include=${LIBRARY}`,
    `--include=${MONITOR}`,
    `--output=${output}`,
    "main.ts",
  ]);
}

/** All files below `directory` that the executable is made from. */
async function* sourceFiles(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (!entry.name.endsWith("_test.ts")) yield path;
  }
}

/** Describes everything that the file is made from; the same text means the same file. */
async function describeInputs(backEnd: BackEnd): Promise<string> {
  const paths = ["main.ts", "deno.json", "deno.lock"].map((name) => PROJECT_ROOT + name);
  for (const name of ["mod", "ffi", "native", "scripts"]) {
    for await (const path of sourceFiles(PROJECT_ROOT + name)) paths.push(path);
  }
  const lines = await Promise.all(
    paths.sort().map(async (path) => {
      const info = await Deno.stat(path).catch(() => undefined);
      return `${path} ${info?.size} ${info?.mtime?.getTime()}`;
    }),
  );
  return [backEnd, Deno.execPath(), Deno.version.deno, ...lines, ""].join("\n");
}

async function isUpToDate(inputs: string): Promise<boolean> {
  try {
    await Deno.stat(OUTPUT);
    return await Deno.readTextFile(INPUTS) === inputs;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes the file beside its place and renames it, so that a running or a half-made one is never seen. */
async function build(backEnd: BackEnd, inputs: string): Promise<void> {
  const temporary = `${OUTPUT}.${Deno.pid}`;
  try {
    await (backEnd === "launcher" ? pack(temporary) : compile(temporary));
    await Deno.rename(temporary, OUTPUT);
    await Deno.writeTextFile(INPUTS, inputs);
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined);
    throw error;
  }
}

/** Makes the file if need be and says what it is. */
async function main(): Promise<void> {
  await buildNative();
  await Deno.mkdir(`${PROJECT_ROOT}dist`, { recursive: true });
  const backEnd = await hasBaseRuntime() ? "deno compile" : "launcher";
  const inputs = await describeInputs(backEnd);
  const isCurrent = await isUpToDate(inputs);
  if (!isCurrent) await build(backEnd, inputs);
  const { size } = await Deno.stat(OUTPUT);
  const megabytes = (size / 1e6).toFixed(1);
  console.log(`dist/wherry: ${megabytes} MB, ${backEnd}${isCurrent ? ", up to date" : ""}`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`compile: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
