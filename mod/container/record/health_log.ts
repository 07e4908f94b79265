/** The last health checks of a container, as its monitor wrote them down. @module */

import { errnoText } from "../../../ffi/errno.ts";
import { readTextIfPresent } from "../../store/record.ts";
import type { HealthCheck } from "./config.ts";
import { formatNanoseconds } from "./state.ts";

/** What came of one health check. */
export interface HealthCheckResult {
  /** RFC 3339 with nanoseconds. */
  startedAt: string;
  /** The same. */
  endedAt: string;
  /** Exit status, or 128 + signal; -1 if it took too long or could not be started. */
  exitCode: number;
  /** What it wrote, 4,096 bytes at most, or why there is nothing. */
  output: string;
}

/**
 * Reads the file of the last checks; one that is not there has none.
 *
 * @param check How the checks are done, for the messages.
 * @returns The oldest first; lines that were damaged are left out.
 */
export function readHealthLog(path: string, check: HealthCheck): HealthCheckResult[] {
  return (readTextIfPresent(path) ?? "").split("\n").flatMap((line) =>
    parseResult(line, check) ?? []
  );
}

const LINE = /^(\d+) (\d+) (\d+|timeout|[a-z-]+:\d+) ((?:[\da-f]{2})*)$/;

function parseResult(line: string, check: HealthCheck): HealthCheckResult | undefined {
  const [whole, startedAt = "", endedAt = "", code = "", hex = ""] = LINE.exec(line) ?? [];
  if (whole === undefined) return undefined;
  const written = new TextDecoder().decode(Uint8Array.fromHex(hex));
  return {
    startedAt: formatNanoseconds(startedAt),
    endedAt: formatNanoseconds(endedAt),
    ...describeEnd(code, written, check),
  };
}

function describeEnd(
  code: string,
  written: string,
  { timeoutMs }: HealthCheck,
): Pick<HealthCheckResult, "exitCode" | "output"> {
  if (code === "timeout") {
    const text = `Health check exceeded timeout (${formatGoDuration(timeoutMs)})`;
    return { exitCode: -1, output: written === "" ? text : `${text}: ${written}` };
  }
  const [word = "", errno] = code.split(":");
  if (errno === undefined) return { exitCode: Number(code), output: written };
  return {
    exitCode: -1,
    output: `Cannot start the check: ${word}: ${errnoText(Number(errno))}`,
  };
}

/** As Go prints it: `1m30s`, `1.5s`, `500ms`. */
function formatGoDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = `${(milliseconds % 60_000) / 1000}s`;
  if (minutes === 0) return seconds;
  return minutes < 60
    ? `${minutes}m${seconds}`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
