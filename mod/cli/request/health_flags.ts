/** The flags about health checks: pure. @module */

import type { HealthCheckRequest } from "../../engine/image/health_check.ts";
import type { WherryError } from "../../errors.ts";
import { argumentError, flagError } from "../base/argument_error.ts";

/** Values of the flags, as they were parsed: durations in milliseconds. */
export interface HealthFlags {
  readonly "health-cmd": string | undefined;
  readonly "health-interval": number | undefined;
  readonly "health-on-failure": string | undefined;
  readonly "health-retries": number | undefined;
  readonly "health-start-interval": number | undefined;
  readonly "health-start-period": number | undefined;
  readonly "health-timeout": number | undefined;
  readonly "no-healthcheck": boolean;
}

/** Flags with a number, the field each one sets, and what docker's daemon calls it. */
const NUMBERS = [
  ["health-interval", "intervalMs", "Interval"],
  ["health-timeout", "timeoutMs", "Timeout"],
  ["health-retries", "retries", "Retries"],
  ["health-start-period", "startPeriodMs", "StartPeriod"],
  ["health-start-interval", "startIntervalMs", "StartInterval"],
] as const;

const ACTIONS = ["none", "restart", "stop", "kill"] as const;

/**
 * What is asked for about health checks.
 *
 * @returns `null` for no checks, `undefined` if nothing was asked for.
 * @throws {WherryError} `invalid_argument`, in docker's words.
 */
export function parseHealthFlags(flags: HealthFlags): HealthCheckRequest | null | undefined {
  const command = flags["health-cmd"] ?? "";
  const action = flags["health-on-failure"];
  const request: HealthCheckRequest = {
    ...(command === "" ? {} : { test: ["CMD-SHELL", command] }),
    ...parseNumbers(flags),
    ...(action === undefined ? {} : { onFailure: parseAction(action) }),
  };
  const isAsked = Object.keys(request).length > 0;
  if (!flags["no-healthcheck"]) return isAsked ? request : undefined;
  if (isAsked) throw flagError("--no-healthcheck conflicts with --health-* options");
  return null;
}

/** A number of 0 is one that was not given, as docker has it. */
function parseNumbers(flags: HealthFlags): HealthCheckRequest {
  return Object.fromEntries(NUMBERS.flatMap(([flag, field, name]) => {
    const value = flags[flag] ?? 0;
    if (value < 0) throw flagError(`--${flag} cannot be negative`);
    if (value > 0 && value < 1) throw tooShort(name);
    return value === 0 ? [] : [[field, Math.round(value)]];
  }));
}

function tooShort(name: string): WherryError {
  return argumentError(`${name} in Healthcheck cannot be less than 1ms`);
}

function parseAction(text: string): typeof ACTIONS[number] {
  const action = ACTIONS.find((one) => one === text);
  if (action !== undefined) return action;
  throw flagError(`invalid value "${text}" for --health-on-failure`, {
    hint: `Give ${ACTIONS.join(", ")}`,
  });
}
