import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type CommandTable, defineCommand, findCommand, parseCommandArgs } from "./command.ts";

const unused = (): Promise<never> => Promise.reject(new Error("Not loaded in this test"));

const RUN = defineCommand({
  paths: ["run", "container run"],
  summary: "Create and run a new container from an image",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  flags: [{ name: "rm", type: "boolean", help: "Remove it" }],
  interspersed: false,
  minArgs: 1,
  load: unused,
});
const PS = defineCommand({
  paths: ["ps", "container ls", "container ps"],
  summary: "List containers",
  usage: "[OPTIONS]",
  flags: [],
  maxArgs: 0,
  load: unused,
});
const INIT = defineCommand({
  paths: ["__init"],
  summary: "Internal",
  usage: "",
  flags: [],
  hidden: true,
  load: unused,
});
const CONTAINER = { path: "container", summary: "Manage containers" };
const TABLE: CommandTable = {
  program: "wherry",
  summary: "A container engine",
  globalFlags: [],
  groups: [CONTAINER],
  commands: [RUN, PS, INIT],
};

Deno.test("findCommand() finds a command by its first path", () => {
  deepStrictEqual(findCommand(TABLE, ["run", "--rm", "img"]), {
    target: { kind: "command", command: RUN, path: "run" },
    args: ["--rm", "img"],
    isHelp: false,
  });
});

Deno.test("findCommand() finds a command in a group, and tells the words that were used", () => {
  const { target, args } = findCommand(TABLE, ["container", "ls", "-a"]);

  deepStrictEqual(target, { kind: "command", command: PS, path: "container ls" });
  deepStrictEqual(args, ["-a"]);
});

Deno.test("findCommand() finds a hidden command", () => {
  strictEqual(findCommand(TABLE, ["__init"]).target.kind, "command");
});

Deno.test("findCommand() asks for help when no command is named", () => {
  deepStrictEqual(findCommand(TABLE, []), {
    target: { kind: "program" },
    args: [],
    isHelp: true,
  });
});

for (const words of [["container"], ["container", "--help"], ["help", "container"]]) {
  Deno.test(`findCommand() asks for the group's help for "${words.join(" ")}"`, () => {
    const { target, isHelp } = findCommand(TABLE, words);

    deepStrictEqual(target, { kind: "group", group: CONTAINER });
    strictEqual(isHelp, true);
  });
}

Deno.test('findCommand() asks for the command\'s help for "help run"', () => {
  const { target, isHelp } = findCommand(TABLE, ["help", "run"]);

  deepStrictEqual(target, { kind: "command", command: RUN, path: "run" });
  strictEqual(isHelp, true);
});

const UNKNOWN: [words: string[], message: string, hint: string][] = [
  [["foo"], "unknown command: wherry foo", "See 'wherry --help'"],
  [["rnu"], "unknown command: wherry rnu", "Did you mean 'wherry run'? See 'wherry --help'"],
  [["help", "foo"], "unknown command: wherry foo", "See 'wherry --help'"],
  [["__ini"], "unknown command: wherry __ini", "See 'wherry --help'"],
  [
    ["container", "lz"],
    "unknown command: wherry container lz",
    "Did you mean 'wherry container ls'? See 'wherry container --help'",
  ],
];

for (const [words, message, hint] of UNKNOWN) {
  Deno.test(`findCommand() refuses "${words.join(" ")}"`, () => {
    throws(() => findCommand(TABLE, words), {
      kind: "invalid_argument",
      exitCode: 1,
      message,
      hint,
    });
  });
}

Deno.test("findCommand() refuses a flag of a group with exit code 125", () => {
  throws(() => findCommand(TABLE, ["container", "--foo"]), {
    exitCode: 125,
    message: "unknown flag: --foo",
    hint: "See 'wherry container --help'",
  });
});

Deno.test("findCommand() answers at once for a word of a million letters", () => {
  throws(() => findCommand(TABLE, ["r".repeat(1_000_000)]), { kind: "invalid_argument" });
});

Deno.test("parseCommandArgs() types the flags and keeps the command's own arguments", () => {
  const { flags, positionals } = parseCommandArgs(RUN, ["--rm", "img", "ls", "-l"], "wherry run");

  strictEqual(flags.rm, true);
  deepStrictEqual(positionals, ["img", "ls", "-l"]);
});

Deno.test("parseCommandArgs() does not count arguments when help is asked for", () => {
  strictEqual(parseCommandArgs(RUN, ["--help"], "wherry run").isHelp, true);
});

const WRONG_COUNTS: [minArgs: number, maxArgs: number, args: string[], message: string][] = [
  [1, Infinity, [], "'wherry x' requires at least 1 argument"],
  [2, Infinity, ["a"], "'wherry x' requires at least 2 arguments"],
  [0, 0, ["a"], "'wherry x' accepts no arguments"],
  [1, 1, ["a", "b"], "'wherry x' requires 1 argument"],
  [2, 2, ["a"], "'wherry x' requires 2 arguments"],
  [0, 1, ["a", "b"], "'wherry x' requires at most 1 argument"],
  [1, 2, [], "'wherry x' requires at least 1 and at most 2 arguments"],
];

for (const [minArgs, maxArgs, args, message] of WRONG_COUNTS) {
  Deno.test(`parseCommandArgs() says "${message}"`, () => {
    const command = { ...PS, flags: [], usage: "A B", minArgs, maxArgs };

    throws(() => parseCommandArgs(command, args, "wherry x"), {
      kind: "invalid_argument",
      exitCode: 1,
      message,
      hint: "Usage: wherry x A B",
    });
  });
}
