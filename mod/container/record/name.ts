/** Names of containers. @module */

import { WherryError } from "../../errors.ts";

// deno-fmt-ignore: a word list is read in rows
const ADJECTIVES = [
  "amber", "brave", "brisk", "calm", "clever", "crisp", "daring", "eager", "fair", "fleet", "gentle",
  "glad", "golden", "hardy", "honest", "jolly", "keen", "kind", "lively", "lucid", "merry", "nimble",
  "noble", "patient", "placid", "plucky", "proud", "quick", "quiet", "ready", "sharp", "silver",
  "smooth", "steady", "sturdy", "sunny", "swift", "tidy", "trim", "warm", "wise", "witty",
];
// deno-fmt-ignore: a word list is read in rows
const BOATS = [
  "barge", "bark", "brig", "canoe", "caravel", "catboat", "clipper", "cog", "coracle", "corvette",
  "cutter", "dhow", "dinghy", "dory", "felucca", "ferry", "frigate", "galleon", "galley", "gig",
  "gondola", "hoy", "junk", "kayak", "keelboat", "ketch", "launch", "lighter", "lugger", "packet",
  "pinnace", "pirogue", "punt", "raft", "sampan", "schooner", "scow", "skiff", "sloop", "tender",
  "trawler", "trireme", "tug", "whaler", "xebec", "yawl",
];

/** A name for a container that was given none, for example `"brisk_ketch"`. */
export function randomName(): string {
  return `${pick(ADJECTIVES)}_${pick(BOATS)}`;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? "";
}

/**
 * Checks a name that somebody chose.
 *
 * @param name A leading `/` is ignored, as docker does.
 * @returns The name without it.
 * @throws {WherryError} `invalid_argument` if docker would not take it either.
 */
export function checkName(name: string): string {
  const bare = name.replace(/^\//, "");
  if (!isName(bare)) {
    throw new WherryError(
      "invalid_argument",
      `Cannot use the container name "${name}": Invalid container name, only two or more of [a-zA-Z0-9_.-] ` +
        "with a letter or digit first are allowed",
      { hint: "Choose another --name" },
    );
  }
  return bare;
}

/** Whether a container can be called so; no such name leads to another directory. */
export function isName(name: string): boolean {
  return name.length <= 255 && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name);
}
