import { deepStrictEqual } from "node:assert/strict";
import { COMMAND_TABLE } from "../mod/cli/table/command_table.ts";
import { HOT_COMMANDS, HOT_USES, WHOLE_USES } from "./hot_commands.ts";

/** The words of each command, by the name of its file. */
const COMMANDS = COMMAND_TABLE.commands.map(({ paths, load }) => ({
  paths,
  name: /commands\/(\w+)\.ts/.exec(String(load))?.[1],
}));

function isHot(name: string | undefined): boolean {
  return HOT_COMMANDS.some((hot) => hot === name);
}

Deno.test("HOT_USES has a word for every way to call a hot command", () => {
  const words = new Set(Object.values(HOT_USES.words).flat());
  const hot = COMMANDS.filter(({ name }) => isHot(name));
  deepStrictEqual(hot.map(({ name }) => name).toSorted(), [...HOT_COMMANDS].toSorted());
  const paths = hot.flatMap((command) => command.paths);
  deepStrictEqual(paths.filter((path) => !path.split(" ").some((word) => words.has(word))), []);
});

Deno.test("HOT_USES and WHOLE_USES have no word that calls nothing", () => {
  const words = new Set(COMMANDS.flatMap(({ paths }) => paths).flatMap((path) => path.split(" ")));
  const uses = [HOT_USES, WHOLE_USES].flatMap((use) => Object.values(use.words).flat());
  deepStrictEqual(uses.filter((word) => !words.has(word)), []);
});

Deno.test("no word means two uses of a script", () => {
  for (const { words } of [HOT_USES, WHOLE_USES]) {
    const all = Object.values(words).flat();
    deepStrictEqual(all.toSorted(), [...new Set(all)].toSorted());
  }
});
