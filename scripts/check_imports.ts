/**
 * Checks who imports whom: rooms, directions, cycles, outside modules and the hot path.
 *
 * Run by `deno task lint`. The module graph is Deno's own (`deno info --json`),
 * so type imports, re-exports and dynamic imports are all seen as Deno sees them.
 *
 * @module
 */

import { COMMANDS_DIRECTORY, HOT_COMMANDS } from "./hot_commands.ts";

/** One import of one file. */
export interface ImportEdge {
  /** The specifier as written. */
  specifier: string;
  /** Path of the imported file from the project's root, or the specifier of a module outside it. */
  target: string;
  /** Written as `await import(…)`. */
  isDynamic: boolean;
  /** Only types are imported; nothing is loaded at run time. */
  isTypeOnly: boolean;
}

/** What each file imports, by its path from the project's root. */
export type ImportGraph = ReadonlyMap<string, readonly ImportEdge[]>;

/**
 * The rooms from top to bottom. A room imports rooms further down only; rooms
 * on one line do not import each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["mod/mod.ts"],
  ["mod/cli"],
  ["mod/api"],
  ["mod/compose"],
  ["mod/engine"],
  ["mod/image", "mod/container", "mod/network", "mod/volume"],
  ["mod/store"],
  ["mod/kernel"],
  ["ffi"],
];

/** The rooms within a large room, from top to bottom in the same way. */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "mod/cli": [
    ["snapshot.ts"],
    ["main.ts"],
    ["table"],
    ["commands"],
    ["listing", "request"],
    ["terminal"],
    ["definitions", "template"],
    ["base"],
  ],
  "mod/engine": [
    ["system"],
    ["doctor", "files", "inspect", "volume"],
    ["lifecycle"],
    ["mount", "resource"],
    ["security"],
    ["image", "network"],
    ["record"],
    ["base"],
  ],
  "mod/container": [["launch", "log"], ["record"], ["resource", "security"]],
  "mod/image": [["archive", "registry"], ["layer"], ["store"], ["spec"], ["compression"], ["tar"]],
};

/** May be imported by every file in `mod/` and by `main.ts`; imports nothing of `mod/`. */
const ERRORS = "mod/errors.ts";

/** Trees that are not part of the program: they may import anything, nothing imports them. */
const TOOLING = ["scripts", "tests", "native"] as const;

/** Modules outside the project that a room may import, and how. Start-up time is the reason for `dynamic`. */
const OUTSIDE: Readonly<Record<string, { static: readonly string[]; dynamic: readonly string[] }>> =
  {
    "mod/engine": { static: [], dynamic: ["node:dns/promises"] },
    "mod/image": {
      static: [],
      dynamic: ["node:crypto", "node:http", "node:https", "node:tls", "node:zlib", "xz-decompress"],
    },
  };

/** Where commands that must start fast begin. What they import statically is the hot path. */
const HOT_ENTRIES = [
  "main.ts",
  ...HOT_COMMANDS.map((name) => `${COMMANDS_DIRECTORY}/${name}.ts`),
];

/** Directories that hold what is built or downloaded. */
const IGNORED_DIRECTORIES: ReadonlySet<string> = new Set(["build", "dist", "node_modules"]);

/** Room of a file of the program: a directory, or the file itself when it stands alone. */
function roomOf(path: string): string | undefined {
  return FLOORS.flat().find((room) => path === room || path.startsWith(`${room}/`));
}

function floorOf(room: string, floors = FLOORS): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}

/** Name of the inner room that a file of `room` is in; `undefined` in a room without any. */
function innerRoomOf(path: string, room: string): string | undefined {
  if (INNER_FLOORS[room] === undefined) return undefined;
  return path.slice(room.length + 1).split("/", 1)[0];
}

function isTest(path: string): boolean {
  return path.endsWith("_test.ts");
}

function isTooling(path: string): boolean {
  return TOOLING.some((tree) => path.startsWith(`${tree}/`));
}

/** A module that is no file of the project, such as `node:zlib`. */
function isOutside(target: string): boolean {
  return /^[a-z]+:/.test(target);
}

/**
 * Finds files that belong to no room, and imports against the direction of the rooms.
 *
 * @param graph What each file imports.
 * @returns One sentence for each fault.
 */
export function findWrongDirections(graph: ImportGraph): string[] {
  const faults: string[] = [];
  for (const [path, edges] of graph) {
    if (isTooling(path)) continue;
    if (path !== ERRORS && !isInRoom(path)) {
      faults.push(`${path}: is in no room of ARCHITECTURE.md`);
      continue;
    }
    for (const { target } of edges) {
      const reason = isOutside(target) ? undefined : refusal(path, target);
      if (reason !== undefined) faults.push(`${path}: must not import ${target}: ${reason}`);
    }
  }
  return faults;
}

function isInRoom(path: string): boolean {
  const room = roomOf(path);
  const inner = room === undefined ? undefined : innerRoomOf(path, room);
  return room !== undefined &&
    (inner === undefined || floorOf(inner, INNER_FLOORS[room]) >= 0);
}

/** Why the program's file `path` must not import the project's file `target`. */
function refusal(path: string, target: string): string | undefined {
  if (isTooling(target)) {
    return isTest(path) ? undefined : "scripts and tests are no part of the program";
  }
  if (isTest(target)) return "it is a test";
  if (path === ERRORS) return `${ERRORS} stands alone`;
  const from = roomOf(path);
  if (target === ERRORS) return from === "ffi" ? "ffi imports nothing of mod" : undefined;
  const to = roomOf(target);
  if (from === undefined || to === undefined) return undefined;
  if (from !== to) return compareFloors(floorOf(from), floorOf(to));
  const inner = innerRoomOf(path, from);
  const other = innerRoomOf(target, from);
  // A test may make what it looks at by whatever the large room has
  if (inner === undefined || other === undefined || inner === other || isTest(path)) {
    return undefined;
  }
  const floors = INNER_FLOORS[from];
  return compareFloors(floorOf(inner, floors), floorOf(other, floors));
}

function compareFloors(from: number, to: number): string | undefined {
  if (from === to) return "rooms on one floor do not import each other";
  return from > to ? "imports go down only" : undefined;
}

/**
 * Finds imports of modules outside the project that the importing room has no leave for.
 *
 * Tests, scripts and whole-program tests may use all of `node:`.
 *
 * @param graph What each file imports.
 * @returns One sentence for each fault.
 */
export function findOutsideImports(graph: ImportGraph): string[] {
  const faults: string[] = [];
  for (const [path, edges] of graph) {
    const isFree = isTest(path) || isTooling(path);
    const allowed = OUTSIDE[roomOf(path) ?? ""] ?? { static: [], dynamic: [] };
    for (const { specifier, target, isDynamic } of edges) {
      if (!isOutside(target) || (isFree && target.startsWith("node:"))) continue;
      // Packages go by the names that the import map of deno.json gives them
      if (allowed.static.includes(specifier)) continue;
      if (!allowed.dynamic.includes(specifier)) {
        faults.push(`${path}: must not import ${specifier}: it is not on its room's list`);
      } else if (!isDynamic) {
        faults.push(`${path}: must not import ${specifier} statically: use await import()`);
      }
    }
  }
  return faults;
}

/**
 * Finds files that import each other in a circle, type imports included.
 *
 * @param graph What each file imports.
 * @returns One sentence for each circle, which starts at its first file in alphabetical order.
 */
export function findCycles(graph: ImportGraph): string[] {
  const circles = new Set<string>();
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      circles.add(formatCircle(trail.slice(start)));
      return;
    }
    if (finished.has(path)) return;
    for (const { target } of graph.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return [...circles].map((circle) => `import cycle: ${circle}`);
}

/** Writes a circle from its alphabetically first file, so that each circle has one spelling. */
function formatCircle(files: readonly string[]): string {
  const first = files.toSorted().at(0) ?? "";
  const start = files.indexOf(first);
  return [...files.slice(start), ...files.slice(0, start), first].join(" -> ");
}

/**
 * Finds `node:` modules that are loaded before the first line of a hot command runs.
 *
 * Each costs 3 to 25 ms of start-up.
 *
 * @param graph What each file imports.
 * @param entries Files at which hot commands begin; one that does not exist is a fault too.
 * @returns One sentence for each fault, with the chain of imports that leads to it.
 */
export function findHotNodeImports(
  graph: ImportGraph,
  entries: readonly string[] = HOT_ENTRIES,
): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { target, isDynamic, isTypeOnly } of graph.get(path) ?? []) {
      if (isDynamic || isTypeOnly) continue;
      const chain = [...trail, path];
      if (target.startsWith("node:")) {
        faults.push(`${path}: loads ${target} on the hot path: ${[...chain, target].join(" -> ")}`);
      } else visit(target, chain);
    }
  };
  for (const entry of entries) {
    if (graph.has(entry)) visit(entry, []);
    else faults.push(`${entry}: is on the list of hot commands, but does not exist`);
  }
  return faults;
}

/** The part of `deno info --json` that is read here. */
interface DenoInfo {
  modules: readonly {
    specifier: string;
    error?: string;
    dependencies?: readonly {
      specifier: string;
      code?: { specifier?: string; error?: string };
      type?: { specifier?: string; error?: string };
      isDynamic?: boolean;
    }[];
  }[];
}

/**
 * Turns the output of `deno info --json` into a graph of the project's files.
 *
 * @param info The parsed output.
 * @param rootUrl URL of the project's root, with a slash at its end.
 * @throws {SyntaxError} If a file does not parse or an import cannot be resolved.
 */
export function parseGraph(info: DenoInfo, rootUrl: string): ImportGraph {
  const relative = (url: string): string =>
    url.startsWith(rootUrl) ? url.slice(rootUrl.length) : url;
  const graph = new Map<string, ImportEdge[]>();
  for (const { specifier, error, dependencies } of info.modules) {
    if (error !== undefined) {
      throw new SyntaxError(`Cannot read "${relative(specifier)}": ${error}`);
    }
    if (!specifier.startsWith(rootUrl)) continue;
    const edges: ImportEdge[] = [];
    for (const { specifier: written, code, type, isDynamic } of dependencies ?? []) {
      const target = code?.specifier ?? type?.specifier;
      if (target === undefined) {
        const reason = code?.error ?? type?.error ?? "it cannot be resolved";
        throw new SyntaxError(`Cannot follow "${written}" of "${relative(specifier)}": ${reason}`);
      }
      edges.push({
        specifier: written,
        target: relative(target),
        isDynamic: isDynamic ?? false,
        isTypeOnly: code === undefined,
      });
    }
    graph.set(relative(specifier), edges);
  }
  return graph;
}

/** Every TypeScript file below `directory`, as paths that start with it. */
function* walkSources(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory && !IGNORED_DIRECTORIES.has(entry.name) && !entry.name.startsWith(".")) {
      yield* walkSources(path);
    } else if (entry.isFile && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts")) {
      yield path;
    }
  }
}

/** Asks Deno for the graph of every source file below `root`, through one file that imports them all. */
async function readGraph(root: string): Promise<ImportGraph> {
  const entry = await Deno.makeTempFile({ prefix: "wherry-imports-", suffix: ".ts" });
  try {
    const lines = [...walkSources(root)].map((path) =>
      `import ${JSON.stringify(`file://${path}`)};`
    );
    await Deno.writeTextFile(entry, lines.join("\n"));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", `${root}/deno.json`, entry],
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`Cannot read the module graph: ${decoder.decode(stderr)}`);
    return parseGraph(JSON.parse(decoder.decode(stdout)), `file://${root}/`);
  } finally {
    await Deno.remove(entry);
  }
}

if (import.meta.main) {
  const graph = await readGraph(new URL("..", import.meta.url).pathname.replace(/\/$/, ""));
  const faults = [
    ...findWrongDirections(graph),
    ...findOutsideImports(graph),
    ...findCycles(graph),
    ...findHotNodeImports(graph),
  ];
  for (const fault of faults) console.error(fault);
  console.log(`imports: ${graph.size} files checked, ${faults.length} faults`);
  if (faults.length > 0) Deno.exit(1);
}
