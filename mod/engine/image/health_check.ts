/** How a container's health is checked: what is asked for on top of what its image says; pure. @module */

import type { HealthCheck } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";

/** What somebody asks for, as far as they do; `test` may be `["NONE"]`. */
export type HealthCheckRequest = Partial<Omit<HealthCheck, "shell">>;

/** Of what nobody asks for; 0 stands for docker's defaults, whose place is where the checks are planned. */
const NOTHING_ASKED = {
  intervalMs: 0,
  timeoutMs: 0,
  startPeriodMs: 0,
  startIntervalMs: 0,
  retries: 0,
  onFailure: "none",
} as const satisfies HealthCheckRequest;

const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** What the monitor counts in: 49 days in milliseconds. */
const MAX_NUMBER = 2 ** 32 - 1;

/** What an image says. */
export interface HealthCheckSource {
  readonly healthCheck: HealthCheckRequest;
  /** What runs the text of `CMD-SHELL`; empty for `/bin/sh -c`. */
  readonly shell: readonly string[];
}

/**
 * Joins a request with the image's own health check, field by field.
 *
 * @param request `null` for no check, `undefined` for the image's.
 * @returns `null` if nobody speaks of it.
 * @throws {WherryError} `invalid_argument` if there is no command, or a number is too large.
 */
export function planHealthCheck(
  request: HealthCheckRequest | null | undefined,
  { healthCheck, shell }: HealthCheckSource,
): HealthCheck | null {
  if (request === null) return { ...NOTHING_ASKED, test: ["NONE"], shell: [] };
  const { test, ...numbers } = { ...NOTHING_ASKED, ...healthCheck, ...request };
  if (test === undefined && request !== undefined) {
    throw new WherryError("invalid_argument", "Cannot check the health: there is no command", {
      hint: "The image has no health check: give --health-cmd",
    });
  }
  if (test === undefined) return null;
  checkTest(test);
  checkNumbers(numbers);
  return { test: [...test], shell: shell.length === 0 ? DEFAULT_SHELL : [...shell], ...numbers };
}

function checkTest([kind = "", ...words]: readonly string[]): void {
  const isCommand = (kind === "CMD" || kind === "CMD-SHELL") && words.length > 0;
  if (isCommand || kind === "NONE") return;
  throw new WherryError(
    "invalid_argument",
    `Cannot check the health with "${
      [kind, ...words].join(" ")
    }": not CMD or CMD-SHELL with a command`,
  );
}

function checkNumbers(numbers: Omit<HealthCheck, "test" | "shell">): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value === "number" && value > MAX_NUMBER) {
      throw new WherryError(
        "invalid_argument",
        `Cannot check the health with ${name} ${value}: more than ${MAX_NUMBER}`,
      );
    }
  }
}
