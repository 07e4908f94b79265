import { strictEqual, throws } from "node:assert/strict";
import { adaptHotScript, adaptScript } from "./bundle_script.ts";

const INJECTED = `(() => {
  import { createRequire as __deno_internal_createRequire } from "node:module";
var __require = __deno_internal_createRequire(import.meta.url);

  globalThis.result = __require("node:path").sep;
})();`;

/** What a script leaves in `globalThis.result`. */
function evaluate(script: string): unknown {
  const indirectEval = eval;
  indirectEval(script);
  return Reflect.get(globalThis, "result");
}

Deno.test("adaptScript() gives a bundle node's modules when deno would import them", () => {
  strictEqual(evaluate(adaptScript(INJECTED)), "/");
});

Deno.test("adaptScript() makes the script strict", () => {
  strictEqual(evaluate(adaptScript("result = (function () { return this; })();")), undefined);
});

Deno.test("adaptScript() refuses a bundle that still imports", () => {
  throws(() => adaptScript('import "node:fs";'), SyntaxError);
});

Deno.test("adaptScript() keeps what characters beyond ASCII mean, and is in ASCII", () => {
  const script = adaptScript('result = ["Größe …", /[…😀]/u.exec("x😀")[0], `ß${1}`].join("|");');
  strictEqual(evaluate(script), "Größe …|😀|ß1");
  strictEqual(/^[\x20-\x7e\n]*$/.test(script), true);
});

Deno.test("adaptScript() refuses characters beyond ASCII where an escape means something else", () => {
  throws(() => adaptScript(String.raw`result = "\ß";`), SyntaxError);
  throws(() => adaptScript(String.raw`result = /\\\ß/.test("ß");`), SyntaxError);
  throws(() => adaptScript("result = String.raw`a\nß`;"), SyntaxError);
});

Deno.test("adaptScript() takes characters beyond ASCII after an escaped backslash", () => {
  strictEqual(evaluate(adaptScript(String.raw`result = "\\ß" + /\\ß/.exec("\\ß")[0];`)), "\\ß\\ß");
});

Deno.test("adaptHotScript() begins again in place of each module that it leaves out", () => {
  const bundle = `globalThis.wherryStartOver = () => "over";
globalThis.result = [import("./cold.ts"), import('../a/cold.ts')].join();`;
  strictEqual(evaluate(adaptHotScript(bundle, ["./cold.ts", "../a/cold.ts"])), "over,over");
});

Deno.test("adaptHotScript() refuses a bundle that lacks what it was not to", () => {
  throws(() => adaptHotScript('import("./hot.ts");', ["./cold.ts"]), SyntaxError);
});
