import { strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import {
  formatError,
  type LogLevel,
  Output,
  OutputClosedError,
  type OutputTarget,
} from "./output.ts";

/** Takes at most `chunkSize` bytes at once, after failing once with each of `failures`. */
class FakeTarget implements OutputTarget {
  readonly #decoder = new TextDecoder();
  text = "";

  constructor(
    readonly options: { chunkSize?: number; failures?: Error[]; isTerminal?: boolean } = {},
  ) {}

  writeSync(bytes: Uint8Array): number {
    const failure = this.options.failures?.shift();
    if (failure !== undefined) throw failure;
    const taken = bytes.subarray(0, this.options.chunkSize ?? bytes.length);
    this.text += this.#decoder.decode(taken, { stream: true });
    return taken.length;
  }

  isTerminal(): boolean {
    return this.options.isTerminal ?? false;
  }
}

Deno.test("Output.write() carries on after partial writes", () => {
  const stdout = new FakeTarget({ chunkSize: 3 });

  new Output(stdout, new FakeTarget()).write("héllo wörld");

  strictEqual(stdout.text, "héllo wörld");
});

Deno.test("Output.write() tries again when the descriptor is non-blocking and full", () => {
  const stdout = new FakeTarget({ failures: [new Deno.errors.WouldBlock("full")] });

  new Output(stdout, new FakeTarget()).writeLine("a");

  strictEqual(stdout.text, "a\n");
});

Deno.test("Output.write() throws OutputClosedError when nobody reads", () => {
  const stdout = new FakeTarget({ failures: [new Deno.errors.BrokenPipe("gone")] });
  const output = new Output(stdout, new FakeTarget());

  throws(() => output.write("a"), OutputClosedError);
});

Deno.test("Output.write() says what else went wrong", () => {
  const cause = new Error("No space left on device (os error 28)");
  const output = new Output(new FakeTarget({ failures: [cause] }), new FakeTarget());

  throws(() => output.write("a"), {
    kind: "unavailable",
    message: "Cannot write to standard output: No space left on device",
    cause,
  });
});

Deno.test("Output.writeDiagnostic() goes on when standard error is closed", () => {
  const stderr = new FakeTarget({ failures: [new Deno.errors.BrokenPipe("gone")] });

  new Output(new FakeTarget(), stderr).writeDiagnostic("a");

  strictEqual(stderr.text, "");
});

Deno.test("Output.mayColour is true only on a terminal and without NO_COLOR", () => {
  const terminal = new FakeTarget({ isTerminal: true });
  const pipe = new FakeTarget();

  strictEqual(new Output(terminal, pipe, { noColor: false }).mayColour, true);
  strictEqual(new Output(terminal, pipe, { noColor: true }).mayColour, false);
  strictEqual(new Output(pipe, pipe, { noColor: false }).mayColour, false);
});

Deno.test("Output.width is 80 when standard output is no terminal", () => {
  strictEqual(new Output(new FakeTarget(), new FakeTarget()).width, 80);
});

Deno.test("Output.renderError() colours the label on a terminal", () => {
  const stderr = new FakeTarget({ isTerminal: true });

  new Output(new FakeTarget(), stderr, { noColor: false })
    .renderError(new WherryError("conflict", "No"), { debug: false });

  strictEqual(stderr.text, "\u001b[31mwherry:\u001b[0m No\n");
});

Deno.test("Output.warn() prints one line on standard error, control characters escaped", () => {
  const stderr = new FakeTarget();

  new Output(new FakeTarget(), stderr).warn("a\u001b[2J\nb");

  strictEqual(stderr.text, "WARNING: a\\x1b[2J\\nb\n");
});

const QUIET = { debug: false };

Deno.test("formatError() gives the message and the hint", () => {
  const error = new WherryError("not_found", 'Cannot find image "x": no such image', {
    hint: "See 'wherry images'",
  });

  strictEqual(
    formatError(error, QUIET),
    "wherry: Cannot find image \"x\": no such image\nSee 'wherry images'\n",
  );
});

Deno.test("formatError() escapes control characters of the message", () => {
  const error = new WherryError("not_found", "A\u001b[31m\nb");

  strictEqual(formatError(error, QUIET), "wherry: A\\x1b[31m\\nb\n");
});

Deno.test("formatError() gives the original failure before the failed undo", () => {
  const error = new SuppressedError(
    new WherryError("internal", "Undo"),
    new WherryError("conflict", "Original"),
  );

  strictEqual(formatError(error, QUIET), "wherry: Original\nwherry: Undo\n");
});

Deno.test("formatError() gives each error of an AggregateError its own line", () => {
  const error = new AggregateError([
    new WherryError("not_found", "A"),
    new SuppressedError(new WherryError("internal", "C"), new WherryError("conflict", "B")),
  ]);

  strictEqual(formatError(error, QUIET), "wherry: A\nwherry: B\nwherry: C\n");
});

Deno.test("formatError() ends when an AggregateError contains itself", () => {
  const error = new AggregateError([], "Loop");
  error.errors.push(error);

  strictEqual(formatError(error, QUIET), "wherry: Loop\n");
});

Deno.test("formatError() gives the message alone for errors of the system", () => {
  strictEqual(
    formatError(new Deno.errors.NotFound("no such file"), QUIET),
    "wherry: no such file\n",
  );
});

Deno.test("formatError() calls a programming mistake an internal error", () => {
  strictEqual(
    formatError(new TypeError("X is undefined"), QUIET),
    "wherry: internal error: TypeError: X is undefined\n" +
      "This is a defect of wherry: run it again with --debug, and report what it prints\n",
  );
});

Deno.test("formatError() gives the chain of causes when debugging", () => {
  const cause = new Deno.errors.NotFound("no such file");
  cause.stack = "NotFound: no such file\n    at open (file.ts:1:1)";
  const error = new WherryError("corrupt", "Cannot read", { cause });
  error.stack = "";

  strictEqual(
    formatError(error, { debug: true }),
    "wherry: Cannot read\n  caused by: NotFound: no such file\n    at open (file.ts:1:1)\n",
  );
});

Deno.test("formatError() gives nothing when standard output was closed", () => {
  strictEqual(formatError(new OutputClosedError("closed"), QUIET), "");
});

Deno.test("formatError() words what is no Error", () => {
  strictEqual(formatError("text", QUIET).split("\n")[0], "wherry: internal error: text");
});

const SAID: readonly [level: LogLevel, expected: string][] = [
  ["debug", "wherry: note\nWARNING: warning\nwherry: No\n"],
  ["info", "wherry: note\nWARNING: warning\nwherry: No\n"],
  ["warn", "WARNING: warning\nwherry: No\n"],
  ["error", "wherry: No\n"],
  ["fatal", "wherry: No\n"],
];

for (const [level, expected] of SAID) {
  Deno.test(`Output.level ${level} leaves out what is below it, and never an error`, () => {
    const stderr = new FakeTarget();
    const output = new Output(new FakeTarget(), stderr);
    output.level = level;

    output.note("note");
    output.warn("warning");
    output.renderError(new WherryError("conflict", "No"), { debug: false });

    strictEqual(stderr.text, expected);
  });
}
