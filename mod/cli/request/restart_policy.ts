/** The words of `--restart`. @module */

import { NO_RESTART, type RestartPolicy } from "../../container/record/config.ts";
import { argumentError, flagError } from "../base/argument_error.ts";

const NAMES = ["no", "always", "on-failure", "unless-stopped"] as const;

/**
 * Reads a restart policy: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:TIMES`.
 *
 * @param text As typed; empty for none.
 * @throws {WherryError} `invalid_argument` in docker's words.
 * @see {@link https://github.com/docker/cli/blob/v28.2.2/opts/parse.go} `ParseRestartPolicy`
 */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "") return NO_RESTART;
  const [word = "", ...rest] = text.split(":");
  if (word === "") {
    throw flagError("invalid restart policy format: no policy provided before colon");
  }
  const name = NAMES.find((known) => known === word);
  const maximumRetries = parseRetries(rest.join(":"));
  if (name === undefined) {
    throw argumentError(
      `invalid restart policy: unknown policy '${word}'; ` +
        "use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    );
  }
  checkRetries(name, maximumRetries);
  return { name, maximumRetries };
}

function parseRetries(text: string): number {
  if (text === "") return 0;
  const retries = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(retries)) return retries;
  throw flagError("invalid restart policy format: maximum retry count must be an integer");
}

/** Of moby's `ValidateRestartPolicy`. */
function checkRetries(name: RestartPolicy["name"], retries: number): void {
  if (name !== "on-failure" && retries !== 0) {
    const negative = retries < 0 ? " and cannot be negative" : "";
    throw argumentError(
      "invalid restart policy: maximum retry count can only be used with 'on-failure'" + negative,
    );
  }
  if (retries < 0) {
    throw argumentError("invalid restart policy: maximum retry count cannot be negative");
  }
}
