import { deepStrictEqual } from "node:assert/strict";
import plugin from "./lint_plugin.ts";

const PROJECT_ROOT = new URL("../", import.meta.url).pathname;

/** Names of the rules that `source` breaks when it stands in the project's file `path`. */
function brokenRules(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, PROJECT_ROOT + path, source).map(({ id }) => id);
}

Deno.test("ffi-only reports Deno.dlopen when it is called outside ffi/", () => {
  deepStrictEqual(brokenRules("mod/kernel/mount.ts", `Deno.dlopen("x", {});`), ["wherry/ffi-only"]);
});

Deno.test("ffi-only reports Deno.UnsafePointer when it is used outside ffi/", () => {
  const source = `export const p = Deno.UnsafePointer.of(new Uint8Array(1));`;

  deepStrictEqual(brokenRules("mod/kernel/mount.ts", source), ["wherry/ffi-only"]);
});

Deno.test("ffi-only reports a member named by a string", () => {
  deepStrictEqual(brokenRules("mod/store/lock.ts", `Deno["dlopen"]("x", {});`), [
    "wherry/ffi-only",
  ]);
});

Deno.test("ffi-only accepts Deno.dlopen in ffi/", () => {
  deepStrictEqual(brokenRules("ffi/library.ts", `Deno.dlopen("x", {});`), []);
});

Deno.test("exit-only-in-main reports Deno.exit in a room", () => {
  deepStrictEqual(brokenRules("mod/cli/run.ts", `Deno.exit(1);`), ["wherry/exit-only-in-main"]);
});

Deno.test("exit-only-in-main reports Deno.exitCode in a room", () => {
  deepStrictEqual(brokenRules("mod/cli/run.ts", `Deno.exitCode = 1;`), [
    "wherry/exit-only-in-main",
  ]);
});

Deno.test("exit-only-in-main accepts Deno.exit in main.ts", () => {
  deepStrictEqual(brokenRules("main.ts", `Deno.exit(1);`), []);
});

Deno.test("exit-only-in-main accepts Deno.exit in a script", () => {
  deepStrictEqual(brokenRules("scripts/demo.ts", `Deno.exit(1);`), []);
});

Deno.test("no-stale-state reports what deno looked up when it started", () => {
  for (const source of ["Deno.pid;", "Deno.noColor;", "navigator.hardwareConcurrency;"]) {
    deepStrictEqual(brokenRules("mod/engine/run.ts", source), ["wherry/no-stale-state"]);
  }
});

Deno.test("no-stale-state accepts what deno looks up when it is asked", () => {
  deepStrictEqual(brokenRules("mod/engine/run.ts", "Deno.ppid; navigator.userAgent;"), []);
});

Deno.test("no-stale-state accepts Deno.args where a snapshot is written", () => {
  deepStrictEqual(brokenRules("mod/cli/snapshot.ts", "Deno.args;"), []);
});

Deno.test("print-only-in-cli reports console in a room", () => {
  deepStrictEqual(brokenRules("mod/engine/run.ts", `console.warn("x");`), [
    "wherry/print-only-in-cli",
  ]);
});

Deno.test("print-only-in-cli reports a write to Deno.stderr in a room", () => {
  const source = `Deno.stderr.writeSync(new Uint8Array(1));`;

  deepStrictEqual(brokenRules("mod/engine/run.ts", source), ["wherry/print-only-in-cli"]);
});

Deno.test("print-only-in-cli accepts a question about the terminal", () => {
  deepStrictEqual(brokenRules("mod/engine/run.ts", `Deno.stdout.isTerminal();`), []);
});

Deno.test("print-only-in-cli accepts console in mod/cli/base/output.ts", () => {
  deepStrictEqual(brokenRules("mod/cli/base/output.ts", `console.log("x");`), []);
});

Deno.test("error-grammar reports a full stop at the end of a literal", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `throw new TypeError("Cannot do it.");`), [
    "wherry/error-grammar",
  ]);
});

Deno.test("error-grammar reports a full stop at the end of a template", () => {
  const source = 'throw new WherryError("not_found", `Cannot find "${name}".`);';

  deepStrictEqual(brokenRules("mod/a.ts", source), ["wherry/error-grammar"]);
});

Deno.test("error-grammar reports a lower-case start of a template", () => {
  const source = 'throw new WherryError("not_found", `cannot find "${name}"`);';

  deepStrictEqual(brokenRules("mod/a.ts", source), ["wherry/error-grammar"]);
});

Deno.test("error-grammar reports a lower-case start of a joined message", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `throw new RangeError("too big: " + size);`), [
    "wherry/error-grammar",
  ]);
});

Deno.test("error-grammar accepts a message in the project's form", () => {
  const source = 'throw new WherryError("not_found", `Cannot find "${name}": no such container`);';

  deepStrictEqual(brokenRules("mod/a.ts", source), []);
});

Deno.test("error-grammar accepts a message that is computed", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `throw new TypeError(explain(value));`), []);
});

Deno.test("error-grammar passes over classes that compose their message", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `throw new SystemError("openat2", path, errno);`), []);
});

Deno.test("error-grammar reads the second argument of AggregateError", () => {
  const source = `throw new AggregateError([a, b], "cannot remove all");`;

  deepStrictEqual(brokenRules("mod/a.ts", source), ["wherry/error-grammar"]);
});

Deno.test("max-arguments reports the fourth parameter of an exported function", () => {
  const source = `export function f(a: 1, b: 2, c: 3, d: 4): void {}`;

  deepStrictEqual(brokenRules("mod/image/tar.ts", source), ["wherry/max-arguments"]);
});

Deno.test("max-arguments accepts three parameters", () => {
  const source = `export function f(a: 1, b: 2, options: 3): void {}`;

  deepStrictEqual(brokenRules("mod/image/tar.ts", source), []);
});

Deno.test("max-arguments accepts a system call's own arguments in mod/kernel", () => {
  const source = `export function mount(a: 1, b: 2, c: 3, d: 4, e: 5): void {}`;

  deepStrictEqual(brokenRules("mod/kernel/mount.ts", source), []);
});

Deno.test("no-empty-catch reports a block that holds only a comment", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `try { f(); } catch { /* fine */ }`), [
    "wherry/no-empty-catch",
  ]);
});

Deno.test("no-empty-catch accepts a block that looks at the error", () => {
  const source = `try { f(); } catch (error) { if (!isMissing(error)) throw error; }`;

  deepStrictEqual(brokenRules("mod/a.ts", source), []);
});

Deno.test("no-boolean-argument reports a bare boolean in a call", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `remove(path, true);`), ["wherry/no-boolean-argument"]);
});

Deno.test("no-boolean-argument accepts a boolean with a name", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `remove(path, { recursive: true });`), []);
});

Deno.test("no-boolean-argument accepts the byte order of a DataView", () => {
  deepStrictEqual(brokenRules("mod/a.ts", `view.setBigUint64(8, size, true);`), []);
});

Deno.test("no-boolean-argument accepts an expected value in a test", () => {
  deepStrictEqual(brokenRules("mod/a_test.ts", `strictEqual(isEmpty(x), true);`), []);
});
