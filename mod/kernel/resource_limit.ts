/** Limits of single processes. @see getrlimit(2) @module */

/** Names without `RLIMIT_`, in the order of their numbers. */
const NAMES = [
  "cpu",
  "fsize",
  "data",
  "stack",
  "core",
  "rss",
  "nproc",
  "nofile",
  "memlock",
  "as",
  "locks",
  "sigpending",
  "msgqueue",
  "nice",
  "rtprio",
  "rttime",
];

/**
 * The number of a limit.
 *
 * @param name For example `"nofile"`.
 * @returns `undefined` if there is no such limit.
 */
export function limitNumber(name: string): number | undefined {
  const number = NAMES.indexOf(name);
  return number < 0 ? undefined : number;
}

/**
 * How far this process may raise each limit, by number; -1 for any height.
 *
 * @see proc_pid_limits(5)
 */
export function readHardLimits(): bigint[] {
  const [, ...lines] = Deno.readTextFileSync("/proc/self/limits").trimEnd().split("\n");
  return lines.map((line) => {
    const [, hard = "unlimited"] = /\s(?:\d+|unlimited)\s+(\d+|unlimited)\s/.exec(`${line} `) ?? [];
    return hard === "unlimited" ? -1n : BigInt(hard);
  });
}
