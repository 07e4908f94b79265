/**
 * Turns what `deno bundle --format=iife` writes into a script that can be evaluated.
 *
 * @module
 */

/** What deno puts into each bundle that uses a `node:` module; an `import` cannot stand in a script. */
const REQUIRE_FROM_MODULE =
  /^ *import \{ createRequire as (?<name>\w+) \} from "node:module";\nvar __require = \k<name>\(import\.meta\.url\);$/m;

/** The same for a script. Loads node's part of deno (30 ms) when it is first called, not before. */
const REQUIRE = "var __require = (name) => process.getBuiltinModule(name);";

/**
 * Makes a bundle a strict script without imports.
 *
 * @param bundle Output of `deno bundle --format=iife`.
 * @returns The script.
 * @throws {SyntaxError} If it still contains what no script can have, such as `import`.
 */
export function adaptScript(bundle: string): string {
  const script = `"use strict";\n${bundle.replace(REQUIRE_FROM_MODULE, REQUIRE)}`;
  // Compiled, not run: this finds what no script can have.
  new Function(script);
  return script;
}
