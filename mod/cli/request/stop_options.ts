/** The flags of `stop` and `restart`. @module */

import type { StopOptions } from "../../engine/lifecycle/stop.ts";
import type { STOP_FLAGS } from "../definitions/container_flags.ts";
import type { FlagValues } from "../base/flags.ts";
import { parseSignalFlag } from "./signal_flag.ts";

/**
 * How to end a container, as the flags say.
 *
 * @throws {WherryError} `invalid_argument` if there is no such signal.
 */
export function stopOptions({ signal, timeout }: FlagValues<typeof STOP_FLAGS>): StopOptions {
  return {
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(signal === undefined ? {} : { signal: parseSignalFlag(signal) }),
  };
}
