/**
 * Checks that what the documentation names is there: paths, tasks, symbols and plan words.
 *
 * Run by `deno task docs`.
 *
 * @module
 */

import { STEP_ARGUMENTS } from "../mod/container/launch/plan.ts";

/** What stands at the top of the checkout and may be the beginning of a path in a text. */
const TOP_LEVEL = [
  ".ci",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "deno.json",
  "docs",
  "ffi",
  "main.ts",
  "mod",
  "native",
  "scripts",
  "tests",
] as const;

/** Paths that exist only after something has been built. */
const BUILT = /^(native\/build|dist)(\/|$)/;

const SOURCE_TREES = ["mod", "ffi", "scripts", "tests"] as const;

/** The text of a page without its fenced code blocks. */
function withoutCodeBlocks(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, "");
}

/** Whether `text` is meant as a path of a file or directory of this project. */
function isProjectPath(text: string): boolean {
  if (!/^[\w.\-/]+$/.test(text) || BUILT.test(text)) return false;
  const top = text.split("/", 1).at(0) ?? "";
  if (!TOP_LEVEL.some((name) => name === top)) return false;
  return text.includes("/") || text === top && text.includes(".");
}

/**
 * Lists the paths that a page names, in links and in backticks.
 *
 * @param markdown Text of the page.
 * @param directory Directory of the page from the project's root, `""` for the root itself.
 * @returns Paths from the project's root, in the order of the text, without anchors.
 */
export function listPaths(markdown: string, directory: string): string[] {
  const text = withoutCodeBlocks(markdown);
  const paths: string[] = [];
  for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    paths.push(new URL(target, `file:///${directory}/`).pathname.replace(/^\/+/, ""));
  }
  for (const [, code = ""] of text.matchAll(/`([^`\n]+)`/g)) {
    if (isProjectPath(code)) paths.push(code);
  }
  return paths;
}

/**
 * Lists the tasks that a page tells the reader to run.
 *
 * @param markdown Text of the page, code blocks included.
 * @returns Names in the order of the text, for example `["demo", "test"]`.
 */
export function listTasks(markdown: string): string[] {
  return [...markdown.matchAll(/\bdeno(?:@[\d.]+)? task ([a-z][\w:-]*)/g)]
    .map(([, name = ""]) => name);
}

/**
 * Lists the symbols that doc comments link to.
 *
 * @param source Text of a TypeScript file.
 * @returns The first part of each name: `WherryError` for `{@linkcode WherryError.kind}`.
 */
export function listLinkedSymbols(source: string): string[] {
  return [...source.matchAll(/\{@link(?:code|plain)? ([A-Za-z_$][\w$]*)(?![\w$:])[^}]*\}/g)]
    .map(([, name = ""]) => name);
}

/**
 * Lists the symbols that a file declares at its top level.
 *
 * @param source Text of a TypeScript file.
 */
export function listDeclaredSymbols(source: string): string[] {
  const declaration =
    /^(?:export )?(?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type|enum) ([\w$]+)/gm;
  return [...source.matchAll(declaration)].map(([, name = ""]) => name);
}

/**
 * Lists the step words of a launch plan that `docs/monitor.md` explains.
 *
 * They stand in backticks in the first column of the tables below "## Plan".
 *
 * @param markdown Text of `docs/monitor.md`.
 * @returns The words in alphabetical order.
 * @throws {SyntaxError} If the page has no section of that name.
 */
export function listPlanWords(markdown: string): string[] {
  const section = /^## Plan$(.*?)(?=^## |$(?![\s\S]))/ms.exec(markdown)?.[1];
  if (section === undefined) throw new SyntaxError('Cannot find plan words: no section "## Plan"');
  const words = new Set<string>();
  for (const [, cell = ""] of section.matchAll(/^\| (`[^|]*`) +\|/gm)) {
    for (const [, word = ""] of cell.matchAll(/`([a-z-]+)`/g)) words.add(word);
  }
  return [...words].toSorted();
}

/**
 * Says how two lists of names differ.
 *
 * @param documented Names that a page explains.
 * @param actual Names that the program knows.
 * @returns One sentence for each name that only one of them has.
 */
export function compareNames(documented: readonly string[], actual: readonly string[]): string[] {
  return [
    ...actual.filter((name) => !documented.includes(name)).map((name) => `"${name}" is missing`),
    ...documented.filter((name) => !actual.includes(name)).map((name) => `"${name}" is no word`),
  ];
}

/** Every file below `directory` with this ending, from the project's root. */
function* walk(root: string, directory: string, ending: string): Generator<string> {
  for (const entry of Deno.readDirSync(`${root}${directory}`)) {
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory && !BUILT.test(path)) yield* walk(root, path, ending);
    else if (entry.isFile && path.endsWith(ending)) yield path;
  }
}

function listPages(root: string): string[] {
  const atTop = [...Deno.readDirSync(root)].map(({ name }) => name);
  return [...atTop.filter((name) => name.endsWith(".md")), ...walk(root, "docs", ".md")].toSorted();
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** Faults of one page: paths that are missing and tasks that do not exist. */
async function checkPage(root: string, page: string, tasks: readonly string[]): Promise<string[]> {
  const text = await Deno.readTextFile(root + page);
  const faults: string[] = [];
  for (const path of listPaths(text, page.split("/").slice(0, -1).join("/"))) {
    if (!await isThere(root + path)) faults.push(`${page}: names "${path}", which does not exist`);
  }
  for (const task of listTasks(text)) {
    if (!tasks.includes(task)) {
      faults.push(`${page}: names the task "${task}", which deno.json lacks`);
    }
  }
  return faults;
}

/** Faults of all doc comments: links to symbols that nothing declares. */
async function checkSymbols(root: string): Promise<string[]> {
  const sources = new Map<string, string>();
  for (const tree of SOURCE_TREES) {
    for (const path of walk(root, tree, ".ts")) {
      sources.set(path, await Deno.readTextFile(root + path));
    }
  }
  const declared = new Set([...sources.values()].flatMap(listDeclaredSymbols));
  return [...sources]
    .filter(([path]) => !path.endsWith("_test.ts"))
    .flatMap(([path, source]) =>
      listLinkedSymbols(source)
        .filter((name) => !declared.has(name))
        .map((name) => `${path}: links to "${name}", which nothing declares`)
    );
}

/** Faults of `docs/monitor.md`: step words that it and the planner do not share. */
async function checkPlanWords(root: string): Promise<string[]> {
  const documented = listPlanWords(await Deno.readTextFile(`${root}docs/monitor.md`));
  return compareNames(documented, Object.keys(STEP_ARGUMENTS))
    .map((fault) => `docs/monitor.md: ${fault}`);
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url).pathname;
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const pages = listPages(root);
  const faults = (await Promise.all(pages.map((page) => checkPage(root, page, Object.keys(tasks)))))
    .flat()
    .concat(await checkSymbols(root), await checkPlanWords(root));
  for (const fault of faults) console.error(fault);
  console.log(`docs: ${pages.length} pages checked, ${faults.length} faults`);
  if (faults.length > 0) Deno.exit(1);
}
