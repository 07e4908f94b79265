/** Which commands must start fast. @module */

/** Directory of the commands' files, from the project's root. */
export const COMMANDS_DIRECTORY = "mod/cli/commands";

/**
 * Commands that somebody waits for, in a script a hundred times over, and the `cleanup` of a monitor: the hot script
 * has them, and nothing of `node:` may be loaded before their first line. All other commands are cold.
 */
export const HOT_COMMANDS = [
  "cleanup",
  "create",
  "exec",
  "kill",
  "ps",
  "rm",
  "run",
  "start",
  "stop",
  "wait",
] as const;

/**
 * Which words on a command line mean which use of a script. Deno finds a code cache by the script's name, and V8 reads
 * all of it before anything runs: so each use has a name and a cache of its own, without what only others need.
 */
export interface ScriptUses {
  /** What all names of the script begin with. */
  prefix: string;
  /** Words, by the use that they mean. */
  words: Readonly<Record<string, readonly string[]>>;
}

/** Of the hot script. A `run` without a network is a use of its own, {@linkcode ISOLATED}. */
export const HOT_USES: ScriptUses = {
  prefix: "wherry_hot_",
  words: {
    exec: ["exec"],
    run: ["run", "create", "start", "__cleanup"],
    other: ["kill", "list", "ls", "ps", "remove", "rm", "stop", "wait"],
  },
};

/** Of the hot script: a `run` that makes no network. */
export const ISOLATED = "isolated";

/** Of the whole program; a command line without any of the words is {@linkcode ANY}. */
export const WHOLE_USES: ScriptUses = {
  prefix: "wherry_",
  words: {
    archives: ["import", "load", "pull", "push", "save"],
    containers: ["commit", "cp", "diff", "export", "inspect", "logs", "port", "stats", "top"],
    images: ["history", "image", "images", "rmi", "tag"],
    networks: ["network", "volume"],
    run: ["run", "create", "start"],
  },
};

/** Of the whole program: everything else. */
export const ANY = "any";

/** What a script is called when it is used for something. */
export function scriptName({ prefix }: ScriptUses, use: string): string {
  return `${prefix}${use}.js`;
}

/** Every name that a code cache may be found by. */
export function listScriptNames(): string[] {
  return [
    ...[...Object.keys(HOT_USES.words), ISOLATED].map((use) => scriptName(HOT_USES, use)),
    ...[...Object.keys(WHOLE_USES.words), ANY].map((use) => scriptName(WHOLE_USES, use)),
  ];
}
