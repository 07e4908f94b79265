/** The values of flags that say what a container may do. @module */

import { checkUlimit, completeSecurity } from "../../container/security/complete_security.ts";
import {
  DEFAULT_SECURITY,
  type Security,
  type UlimitRequest,
} from "../../container/security/security.ts";
import { sysctlNamespace } from "../../container/security/sysctls.ts";
import { WherryError } from "../../errors.ts";
import { flagError } from "../base/argument_error.ts";
import type { SECURITY_FLAGS } from "../definitions/security_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseSecurityOptions } from "./security_options.ts";

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planSecurity(flags: ParsedFlags<typeof SECURITY_FLAGS>["flags"]): Security {
  const { privileged, umask } = flags;
  const options = parseSecurityOptions(flags["security-opt"]);
  if (privileged && options.hasWritableCgroups === false) {
    throw flagError(
      "conflicting options: --privileged makes cgroups writable, and writable-cgroups=false does not",
    );
  }
  return completeSecurity({
    isPrivileged: privileged,
    addedCapabilities: flags["cap-add"],
    droppedCapabilities: flags["cap-drop"],
    groups: flags["group-add"],
    oomScoreAdj: flags["oom-score-adj"] ?? null,
    shmSize: flags["shm-size"] ?? DEFAULT_SECURITY.shmSize,
    sysctls: Object.fromEntries(flags.sysctl.map(parseSysctl)),
    ulimits: parseUlimits(flags.ulimit),
    umask: umask === undefined ? DEFAULT_SECURITY.umask : parseUmask(umask),
    ...options,
  });
}

function parseSysctl(text: string): [name: string, value: string] {
  const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (sysctlNamespace(name) !== undefined) return [name, value];
  throw flagError(
    `invalid argument "${text}" for "--sysctl" flag: sysctl '${text}' is not allowed`,
    { hint: "Containers have their own net.*, fs.mqueue.*, kernel.shm*, msg* and sem" },
  );
}

/** By name, as docker has them; the last of each name counts. */
function parseUlimits(texts: readonly string[]): UlimitRequest[] {
  const limits = texts.map(parseUlimit);
  return [...new Map(limits.map((limit) => [limit.name, limit])).values()]
    .toSorted((a, b) => a.name < b.name ? -1 : 1);
}

function parseUlimit(text: string): UlimitRequest {
  try {
    return readUlimit(text);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    const { message, hint } = cause;
    throw flagError(
      `invalid argument "${text}" for "--ulimit" flag: ${message}`,
      { cause, ...(hint === undefined ? {} : { hint }) },
    );
  }
}

function readUlimit(text: string): UlimitRequest {
  const at = text.indexOf("=");
  if (at < 0) {
    throw flagError(`invalid ulimit argument: ${text}`, { hint: "Write name=soft[:hard]" });
  }
  const name = text.slice(0, at);
  const values = text.slice(at + 1);
  const [soft = "", hard = soft, ...rest] = values.split(":");
  if (rest.length > 0) {
    throw flagError(
      `too many limit value arguments - ${values}, can only have up to two, \`soft[:hard]\``,
    );
  }
  // Its name is what docker complains of first
  checkUlimit({ name, soft: 0, hard: 0 });
  const limit = { name, hard: parseLimit(hard), soft: parseLimit(soft) };
  checkUlimit(limit);
  return limit;
}

function parseLimit(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw flagError(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw flagError(`strconv.ParseInt: parsing "${text}": value out of range`, {
    hint: "Use -1 for no limit",
  });
}

function parseUmask(text: string): number {
  if (/^[0-7]{1,4}$/.test(text)) return parseInt(text, 8);
  throw flagError(`invalid umask string ${text}: invalid argument`, {
    hint: "Write up to four octal digits, for example 0027",
  });
}
