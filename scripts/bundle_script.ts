/**
 * Turns what `deno bundle --format=iife` writes into a script that can be evaluated.
 *
 * @module
 */

/** What deno puts into each bundle that uses a `node:` module; an `import` cannot stand in a script. */
const REQUIRE_FROM_MODULE =
  /import ?\{ ?createRequire as (?<name>[\w$]+) ?\} ?from ?"node:module";\s*var (?<require>[\w$]+) ?= ?\k<name>\(import\.meta\.url\);/;

/** The same for a script. Loads node's part of deno (30 ms) when it is first called, not before. */
const REQUIRE = "var $<require> = (name) => process.getBuiltinModule(name);";

/** Where an escape would not mean the same: after a backslash that is not escaped itself, and where nothing is. */
const NOT_ESCAPABLE = /(?<!\\)(?:\\\\)*\\[\u0080-\uffff]|\bString\.raw\s*`[^`]*[\u0080-\uffff]/;

/**
 * Spells characters beyond ASCII as escapes, which mean the same wherever else they can stand in a bundle. With a single
 * one of them V8 needs two bytes for each character of the script, and 4 ms more to decode it.
 */
function escapeBeyondAscii(script: string): string {
  const [unclear] = script.match(NOT_ESCAPABLE) ?? [];
  if (unclear !== undefined) {
    throw new SyntaxError(`Cannot write the program in ASCII: an escape would change ${unclear}`);
  }
  return script.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Makes a bundle a strict script without imports, in ASCII.
 *
 * @param bundle Output of `deno bundle --format=iife`.
 * @returns The script.
 * @throws {SyntaxError} If it still contains what no script can have, such as `import`, or cannot be spelled in ASCII.
 */
export function adaptScript(bundle: string): string {
  const script = escapeBeyondAscii(
    `"use strict";\n${bundle.replace(REQUIRE_FROM_MODULE, REQUIRE)}`,
  );
  // Compiled, not run: this finds what no script can have.
  new Function(script);
  return script;
}

/** A module of the program that is not in the bundle. */
const RELATIVE_IMPORT = /\bimport\((["'])(?<name>\.[^"']*)\1\)/g;

/**
 * Makes a bundle without its cold parts a script that begins again with the whole program when it needs one.
 *
 * @param bundle Output of `deno bundle --format=iife` with `coldImports` as `--external`.
 * @param coldImports The modules left out, as the program's `import()` calls name them.
 * @returns The script; calls `wherryStartOver()`.
 * @throws {SyntaxError} If the bundle imports anything else.
 */
export function adaptHotScript(bundle: string, coldImports: readonly string[]): string {
  return adaptScript(bundle.replace(RELATIVE_IMPORT, (_call, _quote, name) => {
    if (coldImports.includes(name)) return "wherryStartOver()";
    throw new SyntaxError(`Cannot split the program: it imports "${name}", which it lacks`);
  }));
}
