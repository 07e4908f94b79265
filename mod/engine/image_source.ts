/** What a container takes from its image. @module */

import type { RootSource } from "../container/config.ts";
import type { Engine } from "./engine.ts";

/** What an image says about how to run it. */
export interface ImageDefaults {
  entrypoint: string[];
  command: string[];
  /** `NAME=value`. */
  env: string[];
  /** Empty for `/`. */
  workingDirectory: string;
  /** Empty for root. */
  user: string;
  labels: Record<string, string>;
  /** Empty for SIGTERM. */
  stopSignal: string;
}

/** What a bare directory says: nothing. */
export const NO_DEFAULTS: ImageDefaults = {
  entrypoint: [],
  command: [],
  env: [],
  workingDirectory: "",
  user: "",
  labels: {},
  stopSignal: "",
};

// deno-lint-ignore require-await
export async function resolveImage(
  _engine: Engine,
  _reference: string,
): Promise<{ root: RootSource; defaults: ImageDefaults }> {
  throw new Error("not yet");
}
