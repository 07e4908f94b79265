/** Sandboxes of containers, also where their record is damaged. @module */

import { WherryError } from "../../errors.ts";
import type { Sandbox } from "../../network/sandbox.ts";
import { readSandbox } from "../../network/sandbox_record.ts";
import { shortId } from "../../store/id.ts";
import type { Engine } from "../base/engine.ts";

/**
 * Reads the record of a container's sandbox for whoever can do without. That it is damaged is told at the end of the
 * command, see {@linkcode Engine.notices}.
 *
 * @returns `undefined` if there is none, or it is damaged.
 */
export function readSandboxIfSound({ paths, notices }: Engine, id: string): Sandbox | undefined {
  try {
    return readSandbox(paths.container(id).network);
  } catch (error) {
    if (!(error instanceof WherryError) || error.kind !== "corrupt") throw error;
    notices.add(
      `the record of the network of container ${
        shortId(id)
      } is damaged: what it has is looked for when it ends`,
    );
    return undefined;
  }
}
