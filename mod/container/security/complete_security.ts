/** Completing and checking what somebody asks for concerning what a container may do. @module */

import { dockerError, WherryError } from "../../errors.ts";
import { limitNumber } from "../../kernel/resource_limit.ts";
import { completeCapabilities } from "./capabilities.ts";
import { DEFAULT_SECURITY, type Security, type UlimitRequest } from "./security.ts";
import { checkSysctls } from "./sysctls.ts";

/** Mode bits that a umask can have. */
const MAX_UMASK = 0o7777;

/**
 * Completes what somebody asks for, with capabilities by their full names.
 *
 * @param request What is left out is as in {@linkcode DEFAULT_SECURITY}.
 * @throws {WherryError} `invalid_argument` for what cannot be on any host.
 */
export function completeSecurity(request: Partial<Security>): Security {
  const security = { ...DEFAULT_SECURITY, ...request };
  const { oomScoreAdj, shmSize, umask } = security;
  for (const limit of security.ulimits) checkUlimit(limit);
  checkSysctls(security.sysctls);
  if (oomScoreAdj !== null && !isIntegerBetween(oomScoreAdj, -1000, 1000)) {
    throw dockerError(
      "invalid_argument",
      `Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`,
    );
  }
  if (!isIntegerBetween(shmSize, 1, Number.MAX_SAFE_INTEGER)) {
    throw new WherryError(
      "invalid_argument",
      `Cannot make /dev/shm of ${shmSize} bytes: it takes at least 1`,
      { hint: "Without --shm-size it has 64m" },
    );
  }
  if (!isIntegerBetween(umask, -1, MAX_UMASK)) {
    throw new WherryError("invalid_argument", `Cannot use the umask ${umask}: it is 0 to 07777`);
  }
  return {
    ...security,
    addedCapabilities: completeCapabilities(security.addedCapabilities, "CapAdd"),
    droppedCapabilities: completeCapabilities(security.droppedCapabilities, "CapDrop"),
  };
}

/** For any height. */
const UNLIMITED = -1;

/**
 * Checks a limit.
 *
 * @throws {WherryError} `invalid_argument`, in docker's words.
 */
export function checkUlimit({ name, soft, hard }: UlimitRequest): void {
  if (limitNumber(name) === undefined) {
    throw dockerError("invalid_argument", `invalid ulimit type: ${name}`);
  }
  const wrong = [soft, hard].find((value) =>
    !isIntegerBetween(value, UNLIMITED, Number.MAX_SAFE_INTEGER)
  );
  if (wrong !== undefined) {
    throw new WherryError(
      "invalid_argument",
      `Cannot limit ${name} to ${wrong}: limits are 0 to ${Number.MAX_SAFE_INTEGER}, or -1 for none`,
    );
  }
  if (hard === UNLIMITED || (soft !== UNLIMITED && soft <= hard)) return;
  throw dockerError(
    "invalid_argument",
    "ulimit soft limit must be less than or equal to hard limit: " +
      (soft === UNLIMITED ? `soft: -1 (unlimited), hard: ${hard}` : `${soft} > ${hard}`),
  );
}

function isIntegerBetween(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
