import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type CommandTable, defineCommand, findCommand } from "../base/command.ts";
import { COMMAND_TABLE } from "./command_table.ts";
import { EXAMPLES } from "../definitions/examples.ts";
import { formatHelp } from "./help.ts";

const unused = (): Promise<never> => Promise.reject(new Error("Not loaded in this test"));

const PS = defineCommand({
  paths: ["list", "container ls"],
  summary: "List containers",
  usage: "[OPTIONS]",
  topic: "Common Commands",
  flags: [
    { name: "last", short: "n", type: "number", help: "Show n last created containers" },
    { name: "all", short: "a", type: "boolean", help: "Show all containers, also stopped ones" },
    { name: "format", type: "string", value: "template", help: "Print with a Go template" },
    { name: "sig-proxy", type: "boolean", default: true, help: "Proxy signals" },
    { name: "secret", type: "string", help: "Not shown", hidden: true },
  ],
  load: unused,
});
const RMI = defineCommand({
  paths: ["rmi"],
  summary: "Remove images",
  usage: "IMAGE...",
  flags: [],
  load: unused,
});
const TABLE: CommandTable = {
  program: "wherry",
  summary: "A container engine in one file",
  globalFlags: [{ name: "root", type: "string", help: "Data directory" }],
  groups: [{ path: "container", summary: "Manage containers" }],
  commands: [RMI, PS, { ...RMI, paths: ["__init"], hidden: true }],
};

function helpOf(words: readonly string[], width: number): string {
  return formatHelp(TABLE, findCommand(TABLE, words).target, width);
}

Deno.test("formatHelp() lists a program's commands by topic", () => {
  strictEqual(
    helpOf([], 80),
    `Usage:  wherry [OPTIONS] COMMAND

A container engine in one file

Common Commands:
  list        List containers

Management Commands:
  container   Manage containers

Commands:
  rmi         Remove images

Global Options:
      --root string   Data directory

Run 'wherry COMMAND --help' for more information on a command.
`,
  );
});

Deno.test("formatHelp() lists a group's commands", () => {
  strictEqual(
    helpOf(["container"], 80),
    `Usage:  wherry container COMMAND

Manage containers

Commands:
  ls   List containers

Run 'wherry container COMMAND --help' for more information on a command.
`,
  );
});

Deno.test("formatHelp() shows a command's aliases and sorted flags", () => {
  strictEqual(
    helpOf(["list"], 80),
    `Usage:  wherry list [OPTIONS]

List containers

Aliases:
  wherry list, wherry container ls

Options:
  -a, --all               Show all containers, also stopped ones
      --format template   Print with a Go template
  -n, --last int          Show n last created containers
      --sig-proxy         Proxy signals (default true)
`,
  );
});

Deno.test("formatHelp() shows a command's examples", () => {
  const command = { ...RMI, paths: ["restart"] as const };

  const help = formatHelp(TABLE, { kind: "command", command, path: "restart" }, 80);

  const [{ line, explanation } = { line: "", explanation: "" }] = EXAMPLES["restart"] ?? [];
  match(
    help,
    new RegExp(`\n\nExamples:\n  # ${RegExp.escape(explanation)}\n  ${RegExp.escape(line)}\n`),
  );
});

Deno.test("all examples are a command's", () => {
  const paths = COMMAND_TABLE.commands.map(({ paths: [first] }) => first);

  deepStrictEqual(Object.keys(EXAMPLES).filter((path) => !paths.includes(path)), []);
});

Deno.test("formatHelp() wraps flag texts below each other on a narrow terminal", () => {
  const lines = helpOf(["list"], 50).split("\n");

  strictEqual(lines[8], "  -a, --all               Show all containers,");
  strictEqual(lines[9], "                          also stopped ones");
});

Deno.test("formatHelp() does not wrap where there is no room to", () => {
  const lines = helpOf(["list"], 45).split("\n");

  strictEqual(lines[8], "  -a, --all               Show all containers, also stopped ones");
});

Deno.test("formatHelp() aligns several forms of usage", () => {
  const command = { ...RMI, usage: "[OPTIONS] A\n[OPTIONS] B" };

  const help = formatHelp(TABLE, { kind: "command", command, path: "cp" }, 80);

  strictEqual(
    help.split("\n\n")[0],
    "Usage:  wherry cp [OPTIONS] A\n        wherry cp [OPTIONS] B",
  );
});

Deno.test("formatHelp() says what a command does before it goes into details", () => {
  const command = { ...RMI, description: "Names go first.\nLayers go last." };

  const help = formatHelp(TABLE, { kind: "command", command, path: "rmi" }, 80);

  strictEqual(
    help,
    "Usage:  wherry rmi IMAGE...\n\nRemove images\n\nNames go first.\nLayers go last.\n",
  );
});
