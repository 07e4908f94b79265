/** What all commands share. @module */

import type { Engine } from "../../engine/base/engine.ts";
import type { Output } from "./output.ts";

/** What every command's action gets. */
export interface Context {
  /** The engine of the chosen directories. */
  engine: Engine;
  /** Where words go. */
  output: Output;
  /** Whether causes and stacks are shown. */
  isDebug: boolean;
}
