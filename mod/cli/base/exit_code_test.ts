import { strictEqual } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { EXIT_ENGINE_FAILURE, EXIT_NOT_FOUND, exitCodeOf, exitCodeOfSignal } from "./exit_code.ts";
import { OutputClosedError } from "./output.ts";

const NOT_FOUND = new WherryError("not_found", "No", { exitCode: EXIT_NOT_FOUND });

const CODES: [description: string, error: unknown, code: number][] = [
  ["the error's own code", NOT_FOUND, 127],
  ["the fallback for an error without one", new WherryError("conflict", "No"), 125],
  ["the fallback for an unexpected error", new TypeError("No"), 125],
  ["the fallback for what is no error", "text", 125],
  ["the original failure's when an undo failed", new SuppressedError("undo", NOT_FOUND), 127],
  ["the fallback for several errors", new AggregateError([NOT_FOUND]), 125],
  ["SIGPIPE's when standard output was closed", new OutputClosedError("closed"), 141],
];

for (const [description, error, code] of CODES) {
  Deno.test(`exitCodeOf() gives ${description}`, () => {
    strictEqual(exitCodeOf(error, EXIT_ENGINE_FAILURE), code);
  });
}

Deno.test("exitCodeOfSignal() adds 128", () => {
  strictEqual(exitCodeOfSignal(9), 137);
});
