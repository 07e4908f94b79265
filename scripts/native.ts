/**
 * Compiles `native/` into `native/build/` with gcc and nothing else.
 *
 * `libwherry.so`, `wherry-monitor` and `wherry-launcher` are freestanding: they use the kernel's
 * headers and no C library. The monitor is also built as an ordinary program
 * under AddressSanitizer and UndefinedBehaviorSanitizer, for the tests.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url).pathname;
const SOURCE_DIRECTORY = `${ROOT}native`;
const BUILD_DIRECTORY = `${SOURCE_DIRECTORY}/build`;

/** Sources of `libwherry.so`. */
const LIBRARY_SOURCES = [
  "library.c",
  "file.c",
  "members.c",
  "remove.c",
  "sha256.c",
  "snapshot.c",
  "snapshot_memory.c",
  "spawn.c",
  "message.c",
  "text.c",
  "memory.c",
] as const;
/** Sources of `wherry-launcher`. */
const LAUNCHER_SOURCES = [
  "launcher.c",
  "launcher_image.c",
  "launcher_stack.c",
  "resume.c",
  "text.c",
  "memory.c",
] as const;
/** Sources that are no part of the monitor. */
const OTHER_SOURCES: readonly string[] = [
  "library.c",
  "file.c",
  "members.c",
  "remove.c",
  "sha256.c",
  "snapshot.c",
  "snapshot_memory.c",
  "spawn.c",
  "launcher.c",
  "launcher_image.c",
  "launcher_stack.c",
  "resume.c",
];

const WARNINGS = [
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wconversion",
  "-Wshadow",
  "-Wmissing-prototypes",
] as const;

const FREESTANDING = [
  "-Os",
  "-ffreestanding",
  "-nostdlib",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  // gcc would turn the loops of text.c and memory.c into calls of the functions they implement
  "-fno-tree-loop-distribute-patterns",
  "-ffunction-sections",
  "-Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code",
  "-s",
] as const;

/** For what is in memory once for each container. */
const SMALLEST = ["-Oz", "-flto", "-fno-inline-functions-called-once"] as const;

const SANITIZED = [
  "-DWHERRY_SANITIZED",
  "-ffreestanding",
  "-fanalyzer",
  "-O1",
  "-g",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-fno-omit-frame-pointer",
] as const;

/** A file to make in `native/build/`. */
interface Output {
  name: string;
  sources: readonly string[];
  flags: readonly string[];
}

/** What {@linkcode buildNative} makes. */
export interface BuildNativeOptions {
  /** Also `wherry-monitor-asan`, which the native tests run. @default {false} */
  withSanitizers?: boolean;
}

/**
 * Compiles what is older than any of its sources, this file included.
 *
 * @param options What to make besides the library and the monitor.
 * @returns Paths of the outputs that were made; empty when all were up to date.
 * @throws {Error} If the compiler is missing or fails.
 */
export async function buildNative(options: BuildNativeOptions = {}): Promise<string[]> {
  const newestSource = findNewestSource();
  const stale = planOutputs(options).filter(({ name }) =>
    modifiedAt(`${BUILD_DIRECTORY}/${name}`) < newestSource
  );
  await Deno.mkdir(BUILD_DIRECTORY, { recursive: true });
  return await Promise.all(stale.map(compile));
}

function listSources(): string[] {
  return [...Deno.readDirSync(SOURCE_DIRECTORY)].map(({ name }) => name)
    .filter((name) => /\.[ch]$/.test(name)).sort();
}

function planOutputs(options: BuildNativeOptions): Output[] {
  const monitorSources = listSources()
    .filter((name) => name.endsWith(".c") && !OTHER_SOURCES.includes(name));
  const outputs: Output[] = [
    {
      name: "libwherry.so",
      sources: LIBRARY_SOURCES,
      flags: [...FREESTANDING, "-shared", "-fPIC", "-fvisibility=hidden"],
    },
    {
      name: "wherry-monitor",
      sources: monitorSources,
      flags: [...FREESTANDING, ...SMALLEST, "-static", "-fno-pie", "-no-pie"],
    },
    {
      name: "wherry-launcher",
      sources: LAUNCHER_SOURCES,
      flags: [...FREESTANDING, "-static", "-fno-pie", "-no-pie"],
    },
  ];
  if (options.withSanitizers === true) {
    outputs.push({
      name: "wherry-monitor-asan",
      // the C library brings memcpy and its kin, which the sanitizer watches
      sources: monitorSources.filter((name) => name !== "memory.c"),
      flags: SANITIZED,
    });
  }
  return outputs;
}

function findNewestSource(): number {
  const sources = listSources().map((name) => modifiedAt(`${SOURCE_DIRECTORY}/${name}`));
  return Math.max(modifiedAt(new URL(import.meta.url).pathname), ...sources);
}

/** Time of the last change in milliseconds since the epoch; 0 for a file that does not exist. */
function modifiedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Compiles to a temporary name first, so that a running program is replaced and not overwritten. */
async function compile({ name, sources, flags }: Output): Promise<string> {
  const output = `${BUILD_DIRECTORY}/${name}`;
  const temporary = `${output}.${crypto.randomUUID()}`;
  const paths = sources.map((source) => `${SOURCE_DIRECTORY}/${source}`);
  await runCompiler(["-std=gnu17", ...WARNINGS, ...flags, "-o", temporary, ...paths]);
  await Deno.rename(temporary, output);
  return output;
}

async function runCompiler(args: readonly string[]): Promise<void> {
  const compiler = Deno.env.get("CC") || "gcc";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(compiler, { args: [...args], stdin: "null" }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(
      `Cannot compile native/: there is no "${compiler}": install it with ` +
        `"apt-get install gcc libc6-dev linux-libc-dev", or name a compiler in CC`,
      { cause },
    );
  }
  const { success } = await child.status;
  if (!success) throw new Error(`Cannot compile native/: "${compiler}" failed`);
}

if (import.meta.main) {
  try {
    const made = await buildNative({ withSanitizers: Deno.args.includes("--asan") });
    for (const path of made) console.log(`made ${path} (${Deno.statSync(path).size} bytes)`);
    if (made.length === 0) console.log("native/build is up to date");
  } catch (error) {
    console.error(`native: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
