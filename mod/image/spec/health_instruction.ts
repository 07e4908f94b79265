/** The instruction HEALTHCHECK of a Dockerfile. @module */

/** How to check a container's health, in docker's spelling; times are in nanoseconds, 0 or missing is the default. */
export interface HealthcheckConfig {
  /** `["NONE"]`, or `CMD` and the arguments, or `CMD-SHELL` and a text. */
  "Test"?: string[];
  "Interval"?: number;
  "Timeout"?: number;
  "StartPeriod"?: number;
  "StartInterval"?: number;
  /** Failures in a row. */
  "Retries"?: number;
}

/** Options with a time, and the field each one sets. */
const TIME_OPTIONS: Readonly<
  Record<string, "Interval" | "Timeout" | "StartPeriod" | "StartInterval">
> = {
  "interval": "Interval",
  "timeout": "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
};

const OPTION = /^--([a-z-]+)=(\S+)\s+/;
const COMMAND = /^CMD\s+(\S.*)$/is;

/**
 * Reads what follows the word HEALTHCHECK: `NONE`, or `[OPTIONS] CMD command`.
 *
 * @param parseList Reads a JSON list of strings; `undefined` if it is none.
 * @returns `undefined` if it is not understood.
 * @see {@link https://docs.docker.com/reference/dockerfile/#healthcheck}
 */
export function parseHealthInstruction(
  text: string,
  parseList: (text: string) => string[] | undefined,
): HealthcheckConfig | undefined {
  if (/^NONE$/i.test(text)) return { "Test": ["NONE"] };
  const check: HealthcheckConfig = {};
  let rest = text;
  for (let match = OPTION.exec(rest); match !== null; match = OPTION.exec(rest)) {
    const [whole, name = "", value = ""] = match;
    if (!setOption(check, name, value)) return undefined;
    rest = rest.slice(whole.length);
  }
  const command = COMMAND.exec(rest)?.[1];
  if (command === undefined) return undefined;
  const list = parseList(command);
  check["Test"] = list === undefined ? ["CMD-SHELL", command] : ["CMD", ...list];
  return check;
}

function setOption(check: HealthcheckConfig, name: string, value: string): boolean {
  const field = Object.hasOwn(TIME_OPTIONS, name) ? TIME_OPTIONS[name] : undefined;
  if (field === undefined) {
    check["Retries"] = Number(value);
    return name === "retries" && /^\d{1,9}$/.test(value);
  }
  const nanoseconds = parseDuration(value);
  if (nanoseconds === undefined) return false;
  check[field] = nanoseconds;
  return true;
}

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g;
const MIN_DURATION = 1e6;

/** @returns Nanoseconds; `undefined` if it is no duration as Go writes them, or shorter than docker takes. */
function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (text === "" || text.replace(DURATION_PART, "") !== "") return undefined;
  const total = Array.from(
    text.matchAll(DURATION_PART),
    ([, value = "", unit = ""]) => Number(value) * (NANOSECONDS[unit] ?? 0),
  ).reduce((sum, part) => sum + part, 0);
  const isPossible = total === 0 || total >= MIN_DURATION && Number.isSafeInteger(total);
  return isPossible ? total : undefined;
}
