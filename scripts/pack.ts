/**
 * Makes an executable file of a bundle, wherry's launcher and the running deno.
 *
 * @module
 */

import { PROJECT_ROOT } from "./build.ts";
import {
  ANY,
  HOT_USES,
  ISOLATED,
  scriptName,
  type ScriptUses,
  WHOLE_USES,
} from "./hot_commands.ts";
import { writePackedFile } from "./packed_file.ts";
import { ElfProgram } from "./prelink.ts";

/** What a packed program runs and carries. */
export interface PackedContents {
  /** The whole program: a script, not a module; see `scripts/bundle_script.ts`. */
  script: Uint8Array<ArrayBuffer>;
  /** The part that is evaluated first; calls `wherryStartOver()` when it needs the whole. */
  hotScript: Uint8Array<ArrayBuffer>;
  /** `libwherry.so`; the script finds its descriptor in `WHERRY_LIBRARY_FD`. */
  library: Uint8Array<ArrayBuffer>;
  /** What deno's code cache begins with. @default {nothing} */
  codeCache?: Uint8Array<ArrayBuffer> | undefined;
  /** Where to write what V8 compiles, see `code_cache.ts`. @default {nowhere} */
  trainingDirectory?: string | undefined;
  /** Whether processes may be made of a snapshot: not where each start must be one. @default {false} */
  hasSnapshots?: boolean | undefined;
  /** `wherry-monitor`; the script finds its descriptor in `WHERRY_MONITOR_FD`. */
  monitor: Uint8Array<ArrayBuffer>;
}

/** Exit status for "wherry itself failed", as in `mod/cli/base/exit_code.ts`. */
const EXIT_FAILED = 125;

const LAUNCHER = `${PROJECT_ROOT}native/build/wherry-launcher`;

/** Evaluates a script; V8 may find it in deno's code cache. */
const EVALUATE = `
  const [, error] = core.evalContext(text, name);
  if (error) throw error.thrown;`;

/**
 * Evaluates a script and, when the program ends, writes down what V8 has compiled of it in all trainings so far. What a
 * monitor calls does not: it runs beside the next lesson, and would take back what that one has written.
 */
function formatTrainingEvaluate(directory: string): string {
  return `
  const path = ${JSON.stringify(directory)} + name.slice(name.lastIndexOf("/"));
  let cachedData;
  try {
    cachedData = process.getBuiltinModule("buffer").Buffer.from(Deno.readFileSync(path));
  } catch {}
  const { Script } = process.getBuiltinModule("vm");
  const script = new Script(text, { filename: name, cachedData });
  const exit = Deno.exit;
  Deno.exit = (code) => {
    if (!Deno.args.includes("__cleanup")) Deno.writeFileSync(path, script.createCachedData());
    exit(code);
  };
  script.runInThisContext();`;
}

/**
 * The module that deno runs.
 *
 * Scripts are evaluated and not imported, because deno parses each module it
 * imports once more to find its dependencies (40 ms for 7,000 lines), unless
 * its cache directory remembers. `wherryStartOver` is what the hot script
 * calls when it lacks something: the whole script begins again from the start.
 * The first word that means a use of one of them says which is evaluated.
 */
function mainModule(hotSize: number, wholeSize: number, evaluate: string): string {
  return `const { core } = Deno[Deno.internal];
function evaluate(start, size, name) {
  const file = Deno.openSync("/proc/self/fd/" + Deno.env.get("WHERRY_BUNDLE_FD"));
  const bytes = new Uint8Array(size);
  file.seekSync(Number(Deno.env.get("WHERRY_BUNDLE_OFFSET")) + start, 0);
  for (let at = 0, count; at < size; at += count) {
    count = file.readSync(bytes.subarray(at));
    if (count === null) {
      console.error("wherry: Cannot start wherry: its file is damaged: the bundle ends too early");
      Deno.exit(${EXIT_FAILED});
    }
  }
  file.close();
  const text = core.decode(bytes);${evaluate}
}
const hot = ${formatNames(HOT_USES)};
const whole = ${formatNames(WHOLE_USES)};
const word = Deno.args.find((word) => Object.hasOwn(hot, word) || Object.hasOwn(whole, word));
function evaluateWhole() {
  evaluate(${hotSize}, ${wholeSize}, "file:///" + (whole[word] ?? "${
    scriptName(WHOLE_USES, ANY)
  }"));
  return new Promise(() => {});
}
globalThis.wherryStartOver = evaluateWhole;
const isIsolated = hot[word] === "${scriptName(HOT_USES, "run")}" &&
  /--net(work)?[= ](none|host)( |$)/.test(Deno.args.join(" "));
const name = isIsolated ? "${scriptName(HOT_USES, ISOLATED)}" : hot[word];
if (name === undefined) evaluateWhole();
else evaluate(0, ${hotSize}, "file:///" + name);
`;
}

/** A script's name by each word that means a use of it, as JavaScript. */
function formatNames(uses: ScriptUses): string {
  const names = Object.entries(uses.words).flatMap(([use, words]) =>
    words.map((word) => [word, scriptName(uses, use)])
  );
  return JSON.stringify(Object.fromEntries(names));
}

/** Both scripts, one after the other. */
function joinScripts({ hotScript, script }: PackedContents): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(hotScript.length + script.length);
  joined.set(hotScript);
  joined.set(script, hotScript.length);
  return joined;
}

/** First of the addresses at which deno can be placed; far from what the kernel and V8 choose. */
const LOWEST_BASE = 0x5a00_0000_0000n;

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/** Reads the libraries that `deno` needs from where this process has them. */
async function readLibraries(deno: ElfProgram): Promise<Uint8Array[]> {
  const maps = await Deno.readTextFile("/proc/self/maps");
  const directories = new Set(maps.match(/\/.*(?=\/[^/]*\.so)/gm));
  const loader = deno.interpreter.slice(deno.interpreter.lastIndexOf("/") + 1);
  const names = deno.neededLibraries.filter((name) => name !== loader);
  return await Promise.all(names.map((name) => readLibrary(name, directories)));
}

async function readLibrary(name: string, directories: Iterable<string>): Promise<Uint8Array> {
  for (const directory of directories) {
    try {
      return await Deno.readFile(`${directory}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot carry "${name}": it is in none of ${[...directories].join(", ")}`);
}

/**
 * Writes an executable file that runs `contents.hotScript`; `native/` must have been compiled.
 *
 * @param output Where to; an existing file is overwritten.
 * @throws {Error} If a library that deno needs cannot be found.
 */
export async function packProgram(output: string, contents: PackedContents): Promise<void> {
  const deno = new ElfProgram(await Deno.readFile(Deno.execPath()));
  const { hotScript, script, codeCache = new Uint8Array(), trainingDirectory } = contents;
  const evaluate = trainingDirectory === undefined
    ? EVALUATE
    : formatTrainingEvaluate(trainingDirectory);
  const main = mainModule(hotScript.length, script.length, evaluate);
  const parts = {
    launcher: await Deno.readFile(LAUNCHER),
    mainModule: new TextEncoder().encode(main),
    bundle: joinScripts(contents),
    library: contents.library,
    monitor: contents.monitor,
    loader: await Deno.readFile(deno.interpreter),
    libraries: await readLibraries(deno),
  };
  // The code cache too: the launcher keeps one for each build
  const identity = await Promise.all(
    [parts.launcher, parts.bundle, parts.library, parts.monitor, codeCache].map(sha256),
  );
  const build = (await sha256(
    new TextEncoder().encode([Deno.version.deno, main, ...identity].join("\n")),
  )).slice(0, 16);
  const base = LOWEST_BASE + (BigInt(`0x${build.slice(0, 6)}`) << 16n);
  const { relocations, count } = deno.prelink(base);
  await writePackedFile(output, {
    ...parts,
    codeCache,
    deno: deno.bytes,
    base,
    relocations,
    relocationCount: count,
    hasSnapshots: contents.hasSnapshots ?? false,
    build,
  });
}
