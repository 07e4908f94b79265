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

/** Modules that only some uses of hot commands need, as the program's own `import()` calls name them. */
const COLD_MODULES = [
  "./help.ts",
  "./template.ts",
  "./container_pull.ts",
  "./mount_flag.ts",
  "../image/archive/tar_image.ts",
  "../../engine/container_size.ts",
  "./dhcp.ts",
  "./parent_network.ts",
  "./copy_root.ts",
  "./special_devices.ts",
  "./volume_mounts.ts",
  "./filling_elsewhere.ts",
  "./storage_probe.ts",
  "./seccomp_compiler.ts",
  "./volume_copy.ts",
];

/**
 * What the hot script leaves out, as the program's own `import()` calls name it. Each of them is the first thing
 * that its command does, because the program then begins again.
 */
function listColdImports(): string[] {
  const hot = new Set<string>(HOT_COMMANDS.map((name) => `${name}.ts`));
  const commands = Array.from(
    Deno.readDirSync(PROJECT_ROOT + COMMANDS_DIRECTORY),
    ({ name }) => name,
  )
    .filter((name) => !hot.has(name));
  return [...COLD_MODULES, ...commands.toSorted().map((name) => `../commands/${name}`)];
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
  const coldImports = listColdImports();
  // Not minified: that puts the value of a `using` declaration where it is used once, and it is never disposed of
  const hot = await bundle(coldImports.map((name) => `--external=${name}`));
  const encoder = new TextEncoder();
  const contents = {
    hotScript: encoder.encode(adaptHotScript(hot, coldImports)),
    script: encoder.encode(adaptScript(await bundle([]))),
    library: await Deno.readFile(PROJECT_ROOT + LIBRARY),
    monitor: await Deno.readFile(PROJECT_ROOT + MONITOR),
  };
  await packProgram(output, { ...contents, codeCache: await trainCodeCache(output, contents) });
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
