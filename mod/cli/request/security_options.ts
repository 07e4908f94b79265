/** The words of `--security-opt`. @module */

import type { Security } from "../../container/security/security.ts";
import { systemPathsOf } from "../../container/launch/system_paths.ts";
import { WherryError } from "../../errors.ts";
import { argumentError, flagError } from "../base/argument_error.ts";
import { parseBoolean } from "../base/flags.ts";
import { readSeccompOption } from "./seccomp_option.ts";

/** What the options say; what none of them mentions is missing. */
export type SecurityOptions = Partial<
  Pick<
    Security,
    | "apparmorProfile"
    | "hasNoNewPrivileges"
    | "hasWritableCgroups"
    | "maskedPaths"
    | "options"
    | "readonlyPaths"
    | "seccomp"
  >
>;

/**
 * Reads all `--security-opt` of a command; the last of several that contradict each other counts, as with docker.
 *
 * @throws {WherryError} `invalid_argument` for an option that does not exist, `unsupported` for what wherry cannot do.
 */
export function parseSecurityOptions(texts: readonly string[]): SecurityOptions {
  return texts.reduce<SecurityOptions>((before, text) => {
    const option = parseOption(text, before);
    return {
      ...before,
      ...option,
      options: [...before.options ?? [], describeOption(text, option)],
    };
  }, {});
}

/** As docker's client hands it on: with a profile in the place of the name of its file. */
function describeOption(text: string, { seccomp }: SecurityOptions): string {
  return seccomp?.type === "profile" ? `seccomp=${seccomp.json}` : text;
}

function parseOption(text: string, before: SecurityOptions): SecurityOptions {
  const [, name = "", value] = /^([^=:]*)(?:[=:](.*))?$/s.exec(text) ?? [];
  if (value === undefined || value === "") return parseWord(text, value === undefined);
  switch (name) {
    case "no-new-privileges":
      return { hasNoNewPrivileges: parseSwitch(text, value) };
    case "writable-cgroups":
      return { hasWritableCgroups: parseSwitch(text, value) };
    case "apparmor":
      return { apparmorProfile: value };
    case "seccomp":
      return { seccomp: readSeccompOption(value) };
    case "label":
      return parseLabel(value);
    case "systempaths":
      return value === "unconfined" ? NOTHING_HIDDEN : refuse(text);
    case "mask":
      return hide(value, before);
    case "unmask":
      return show(value, before);
    default:
      return refuse(text);
  }
}

/** What is said by the name alone. */
function parseWord(text: string, isWord: boolean): SecurityOptions {
  if (isWord && text === "no-new-privileges") return { hasNoNewPrivileges: true };
  if (isWord && text === "writable-cgroups") return { hasWritableCgroups: true };
  throw flagError(`Invalid --security-opt: "${text}"`, { hint: "Write name=value" });
}

/** What docker's daemon refuses, and not its client. */
function refuse(text: string): never {
  throw argumentError(`invalid --security-opt 2: "${text}"`, {
    hint: "See 'wherry run --help' for the options there are",
  });
}

function parseSwitch(text: string, value: string): boolean {
  try {
    return parseBoolean(value);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    return refuse(text);
  }
}

function parseLabel(value: string): SecurityOptions {
  if (value === "disable") return {};
  throw new WherryError(
    "unsupported",
    `Cannot give the container the SELinux label "${value}": wherry sets no labels`,
    { hint: "Leave it out, or use --security-opt label=disable" },
  );
}

const NOTHING_HIDDEN: SecurityOptions = { maskedPaths: [], readonlyPaths: [] };

/** The paths so far, those of every container to begin with. */
function pathsOf(
  { maskedPaths = null, readonlyPaths = null }: SecurityOptions,
): { masked: readonly string[]; readOnly: readonly string[] } {
  return systemPathsOf({ isPrivileged: false, maskedPaths, readonlyPaths });
}

function hide(value: string, before: SecurityOptions): SecurityOptions {
  const { masked } = pathsOf(before);
  return { maskedPaths: [...new Set([...masked, ...parsePaths("mask", value)])] };
}

function show(value: string, before: SecurityOptions): SecurityOptions {
  if (value === "ALL") return NOTHING_HIDDEN;
  const { masked, readOnly } = pathsOf(before);
  const shown = parsePaths("unmask", value);
  const unknown = shown.find((path) => !masked.includes(path) && !readOnly.includes(path));
  if (unknown !== undefined) {
    throw argumentError(
      `Cannot use --security-opt unmask: "${unknown}" is neither hidden nor read-only`,
    );
  }
  return {
    maskedPaths: masked.filter((path) => !shown.includes(path)),
    readonlyPaths: readOnly.filter((path) => !shown.includes(path)),
  };
}

function parsePaths(name: string, value: string): string[] {
  const paths = value.split(":");
  const wrong = paths.find((path) => !path.startsWith("/") || path.includes("\0"));
  if (wrong === undefined) return paths;
  throw argumentError(`Cannot use --security-opt ${name}: "${wrong}" is not an absolute path`);
}
