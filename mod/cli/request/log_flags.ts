/** `--log-driver` and `--log-opt`: pure. @module */

import { DEFAULT_LOG, type LogConfig } from "../../container/record/config.ts";
import type { WherryError } from "../../errors.ts";
import { argumentError, flagError } from "../base/argument_error.ts";
import { parseDecimalSize } from "../base/units.ts";

/** What was given; podman's `k8s-file` is the format that `local` has here. */
const DRIVERS: ReadonlyMap<string, LogConfig["driver"]> = new Map([
  ["local", "local"],
  ["k8s-file", "local"],
  ["json-file", "json-file"],
  ["none", "none"],
]);

/** How `--log-opt max-size` says that a log is never rotated. */
const UNLIMITED = "-1";

/**
 * How a container's output is to be kept.
 *
 * @param driver `undefined` for the default, `local`.
 * @param options `name=value` each; the last one of a name counts.
 * @returns `undefined` if nothing was asked for.
 * @throws {WherryError} `invalid_argument`, in docker's words.
 * @see {@link https://docs.docker.com/engine/logging/drivers/json-file/}
 */
export function parseLogFlags(
  driver: string | undefined,
  options: readonly string[],
): LogConfig | undefined {
  if (driver === undefined && options.length === 0) return undefined;
  const name = driver ?? DEFAULT_LOG.driver;
  const known = DRIVERS.get(name);
  if (known === undefined) {
    throw refuse(`logger: no log driver named '${name}' is registered`);
  }
  if (known === "none") {
    if (options.length > 0) throw flagError("invalid logging opts for driver none");
    return { driver: known, maxBytes: 0, maxFiles: 1 };
  }
  return { driver: known, ...parseOptions(name, options) };
}

/** Options that change nothing of a log but what `logs --details` says of it. */
const DETAIL_OPTIONS = ["labels", "labels-regex", "env", "env-regex"];

const KNOWN_OPTIONS = ["max-size", "max-file", ...DETAIL_OPTIONS];

function parseOptions(driver: string, options: readonly string[]): Omit<LogConfig, "driver"> {
  const given = splitOptions(options);
  const unknown = Object.keys(given).find((name) => !KNOWN_OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw refuse(
      `unknown log opt '${unknown}' for ${driver} log driver`,
      `Use ${KNOWN_OPTIONS.join(", ")}`,
    );
  }
  for (const name of DETAIL_OPTIONS) if (name.endsWith("-regex")) checkPattern(given[name] ?? "");
  return { ...parseLimits(given), ...(options.length === 0 ? {} : { options: given }) };
}

function checkPattern(text: string): void {
  try {
    RegExp(text, "u");
  } catch {
    // What the engine says of a bad pattern is no more than that it is one
    throw refuse(`error parsing regexp: ${text}`);
  }
}

function parseLimits(
  { "max-size": size, "max-file": count }: Record<string, string>,
): Pick<LogConfig, "maxBytes" | "maxFiles"> {
  const maxBytes = size === undefined ? DEFAULT_LOG.maxBytes : parseMaxSize(size);
  // Without a size there is never a second file
  const defaultFiles = maxBytes === 0 ? 1 : DEFAULT_LOG.maxFiles;
  const maxFiles = count === undefined ? defaultFiles : parseMaxFile(count);
  if (maxBytes === 0 && maxFiles > 1) {
    throw refuse(`max-file cannot be ${maxFiles} when max-size is not set`, "Give max-size too");
  }
  return { maxBytes, maxFiles };
}

function splitOptions(options: readonly string[]): Record<string, string> {
  return Object.fromEntries(options.map((option) => {
    const at = option.indexOf("=");
    if (at <= 0) throw refuse(`invalid logging option "${option}": it is not name=value`);
    return [option.slice(0, at), option.slice(at + 1)];
  }));
}

function parseMaxSize(text: string): number {
  if (text === UNLIMITED) return 0;
  const bytes = parseDecimalSize(text);
  if (bytes === 0) throw refuse("max-size must be a positive number");
  return bytes;
}

const MAX_FILES = 1000;

function parseMaxFile(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw refuse(`invalid value for max-file: ${text}`, "Give a number of files");
  }
  const count = Number(text);
  if (count < 1) throw refuse("max-file cannot be less than 1");
  if (count > MAX_FILES) throw refuse(`max-file cannot be more than ${MAX_FILES}`);
  return count;
}

function refuse(dockerWords: string, hint?: string): WherryError {
  return argumentError(dockerWords, hint === undefined ? {} : { hint });
}
