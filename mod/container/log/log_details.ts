/** What `logs --details` says of a container's output: pure. @module */

import type { ContainerConfig } from "../record/config.ts";

/** By name. */
type Texts = Readonly<Record<string, string>>;

/** Which names are wanted: a list with commas, and a regular expression. */
interface Choice {
  list: string | undefined;
  pattern: string | undefined;
}

/**
 * The labels and variables that the log options `labels`, `labels-regex`, `env` and `env-regex` ask for.
 *
 * @returns `NAME=value`, sorted and joined by commas, each part as in the query of a URL; empty if there are none.
 * @throws {SyntaxError} If one of the regular expressions is none.
 * @see {@link https://github.com/moby/moby/blob/v28.2.2/daemon/logger/loginfo.go} `ExtraAttributes`
 */
export function formatLogDetails(
  { log: { options = {} }, labels, env }: Pick<ContainerConfig, "log" | "labels" | "env">,
): string {
  const details = {
    ...choose(labels, { list: options["labels"], pattern: options["labels-regex"] }),
    ...choose(readVariables(env), { list: options["env"], pattern: options["env-regex"] }),
  };
  return Object.entries(details).toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([name, value]) => `${escapeQuery(name)}=${escapeQuery(value)}`).join(",");
}

function choose(texts: Texts, { list = "", pattern = "" }: Choice): Texts {
  const names = list.split(",");
  const expression = pattern === "" ? undefined : RegExp(pattern, "u");
  return Object.fromEntries(
    Object.entries(texts).filter(([name]) => names.includes(name) || expression?.test(name)),
  );
}

function readVariables(env: readonly string[]): Texts {
  return Object.fromEntries(env.map((entry) => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)];
  }));
}

/** As `url.QueryEscape` of Go: letters, digits, `-`, `_`, `.` and `~` stay, and a blank is `+`. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
