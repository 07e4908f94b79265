/** Images in whole-program tests. @module */

import { match, strictEqual } from "node:assert/strict";
import { listNames, type TestEngine } from "./harness.ts";

/** What `import` prints. */
export const WHOLE_ID = /^sha256:[0-9a-f]{64}\n$/;
/** Digits of an id that lists show. */
export const SHORT_ID_LENGTH = 12;

/** Imports the busybox tar, as `reference` if one is given; returns the id without `sha256:`. */
export async function importBusybox(
  wherry: TestEngine,
  reference?: string,
  flags: readonly string[] = [],
): Promise<string> {
  const name = reference === undefined ? [] : [reference];
  const result = await wherry.run(["import", ...flags, await wherry.imageTar(), ...name]);
  strictEqual(result.stderr, "");
  strictEqual(result.code, 0);
  match(result.stdout, WHOLE_ID);
  return result.stdout.trim().slice("sha256:".length);
}

/** Names of all images, sorted. */
export async function imageNames(wherry: TestEngine): Promise<string[]> {
  const result = await wherry.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
  strictEqual(result.stderr, "");
  return result.stdout.split("\n").filter((line) => line !== "").toSorted();
}

/** How many layers and blobs the store holds, and how much unfinished work. */
export function countStored(
  wherry: TestEngine,
): { layers: number; blobs: number; staging: number } {
  const count = (place: string): number => listNames(`${wherry.root}/${place}`).length;
  return { layers: count("layers"), blobs: count("blobs/sha256"), staging: count("staging") };
}
