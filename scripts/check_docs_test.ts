import { deepStrictEqual, throws } from "node:assert/strict";
import {
  compareNames,
  listDeclaredSymbols,
  listLinkedSymbols,
  listPaths,
  listPlanWords,
  listTasks,
} from "./check_docs.ts";

Deno.test("listPaths() finds a path in backticks", () => {
  deepStrictEqual(listPaths("See `mod/engine/run.ts` and `docs/`.", ""), [
    "mod/engine/run.ts",
    "docs/",
  ]);
});

Deno.test("listPaths() resolves a link from the directory of the page", () => {
  deepStrictEqual(listPaths("[adr](adr/0001-no-daemon.md) [top](../README.md#use)", "docs"), [
    "docs/adr/0001-no-daemon.md",
    "README.md",
  ]);
});

Deno.test("listPaths() passes over links to the web", () => {
  deepStrictEqual(listPaths("[spec](https://example.org/mod/a.ts)", ""), []);
});

Deno.test("listPaths() passes over code that is no project path", () => {
  deepStrictEqual(listPaths("`/etc/passwd`, `mod`, `docs/*.md`, `run --rm`, `a/b.ts`", ""), []);
});

Deno.test("listPaths() passes over what a build makes", () => {
  deepStrictEqual(listPaths("`native/build/libwherry.so` and `dist/wherry`", ""), []);
});

Deno.test("listPaths() passes over fenced code", () => {
  deepStrictEqual(listPaths("```\n`mod/gone.ts`\n```\n", ""), []);
});

Deno.test("listTasks() finds tasks with and without a version", () => {
  deepStrictEqual(listTasks("`deno task ok` or\n```sh\nnpx -y deno@2.9.6 task test:unit\n```\n"), [
    "ok",
    "test:unit",
  ]);
});

Deno.test("listLinkedSymbols() finds the name before a member", () => {
  const source = "/** {@linkcode Lock.release} and {@link parsePlan} */";

  deepStrictEqual(listLinkedSymbols(source), ["Lock", "parsePlan"]);
});

Deno.test("listLinkedSymbols() passes over links to the web", () => {
  deepStrictEqual(listLinkedSymbols("/** @see {@link https://example.org} */"), []);
});

Deno.test("listDeclaredSymbols() finds every kind of declaration", () => {
  const source =
    "export class A {}\nexport async function b() {}\ntype C = 1;\nexport const d = 1;";

  deepStrictEqual(listDeclaredSymbols(source), ["A", "b", "C", "d"]);
});

Deno.test("listPlanWords() finds the words of all tables below the heading", () => {
  const markdown = "| `not-this` | x |\n## Plan\n### Before\n| word | x |\n|---|---|\n" +
    "| `stdio` | `null` |\n| `clone` | x |\n### In\n| `sethostname`, `setdomainname` | NAME |\n" +
    "## Messages\n| `wait` | x |\n";

  deepStrictEqual(listPlanWords(markdown), ["clone", "setdomainname", "sethostname", "stdio"]);
});

Deno.test("listPlanWords() throws when the section is missing", () => {
  throws(() => listPlanWords("# Monitor\n"), { name: "SyntaxError" });
});

Deno.test("compareNames() reports what only one side has", () => {
  deepStrictEqual(compareNames(["mkdir", "old"], ["mkdir", "new"]), [
    '"new" is missing',
    '"old" is no word',
  ]);
});
