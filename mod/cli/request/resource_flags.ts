/** The values of flags that say how much of the host a container may use: pure. @module */

import { DEFAULT_CPU_PERIOD_US } from "../../container/resource/limits.ts";
import { type DeviceLimit, NO_LIMITS, type Resources } from "../../container/resource/resources.ts";
import { WherryError } from "../../errors.ts";
import { flagError } from "../base/argument_error.ts";
import type { LIMIT_FLAGS, RESOURCE_FLAGS } from "../definitions/resource_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parseSize } from "../base/units.ts";

type LimitFlags = ParsedFlags<typeof LIMIT_FLAGS>["flags"];

/**
 * Reads the flags of a command that makes a container.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function planResources(flags: ParsedFlags<typeof RESOURCE_FLAGS>["flags"]): Resources {
  const swappiness = flags["memory-swappiness"] ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw flagError(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  return {
    ...NO_LIMITS,
    ...parseLimitFlags(flags),
    memorySwappiness: swappiness,
    isOomKillDisabled: flags["oom-kill-disable"],
    cgroupParent: flags["cgroup-parent"] ?? "",
  };
}

/**
 * Reads the flags of limits.
 *
 * @returns Only what was asked for; as with docker, 0 and an empty text ask for nothing.
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other.
 */
export function parseLimitFlags(flags: LimitFlags): Partial<Resources> {
  refuseUnoffered(flags);
  const limits: Partial<Resources> = {
    memory: flags.memory ?? 0,
    memorySwap: parseSwap(flags["memory-swap"]),
    memoryReservation: flags["memory-reservation"] ?? 0,
    nanoCpus: parseCpus(flags.cpus ?? 0),
    cpuPeriod: checkNotNegative("cpu-period", flags["cpu-period"] ?? 0),
    cpuQuota: Math.max(-1, flags["cpu-quota"] ?? 0),
    cpuShares: checkNotNegative("cpu-shares", flags["cpu-shares"] ?? 0),
    cpusetCpus: flags["cpuset-cpus"] ?? "",
    cpusetMems: flags["cpuset-mems"] ?? "",
    pidsLimit: parsePidsLimit(flags["pids-limit"]),
    blkioWeight: checkNotNegative("blkio-weight", flags["blkio-weight"] ?? 0),
    blkioDeviceWeights: flags["blkio-weight-device"].map(parseDeviceWeight),
    deviceReadBps: flags["device-read-bps"].map(parseDeviceRate),
    deviceWriteBps: flags["device-write-bps"].map(parseDeviceRate),
    deviceReadIops: flags["device-read-iops"].map(parseDeviceOperations),
    deviceWriteIops: flags["device-write-iops"].map(parseDeviceOperations),
    ...parseCpu(flags),
  };
  return Object.fromEntries(
    Object.entries(limits).filter(([, value]) =>
      value !== 0 && value !== "" && !(Array.isArray(value) && value.length === 0)
    ),
  );
}

function refuseUnoffered(flags: LimitFlags): void {
  if ((flags["cpu-rt-period"] ?? 0) !== 0 || (flags["cpu-rt-runtime"] ?? 0) !== 0) {
    throw new WherryError(
      "unsupported",
      "Cannot use --cpu-rt-period or --cpu-rt-runtime: containers get no real-time scheduling",
      { hint: "Reserve processors with --cpuset-cpus, or give a larger --cpu-shares" },
    );
  }
  if ((flags["kernel-memory"] ?? 0) !== 0) {
    throw new WherryError(
      "unsupported",
      "Cannot use --kernel-memory: Linux has taken that limit out",
      { hint: "Use --memory, which counts the kernel's memory of the container too" },
    );
  }
}

function checkNotNegative(flag: string, value: number): number {
  if (value >= 0) return value;
  throw flagError(`invalid argument "${value}" for "--${flag}" flag: it is below 0`);
}

/** Docker's `-1` for no limit of swap. */
function parseSwap(text: string | undefined): number {
  if (text === undefined || text === "-1") return text === undefined ? 0 : -1;
  try {
    return parseSize(text);
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    const { hint } = cause;
    throw flagError(`invalid argument "${text}" for "--memory-swap" flag: ${cause.message}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Billionths; a fraction of one is too fine, as docker has it. */
function parseCpus(cpus: number): number {
  const nanoCpus = Number((cpus * 1e9).toFixed(3));
  if (Number.isSafeInteger(nanoCpus)) return nanoCpus;
  throw flagError(`invalid argument "${cpus}" for "--cpus" flag: value is too precise`);
}

/** 0 and what is below it mean "no limit". */
/** `PID_MAX_LIMIT` of the kernel. */
const MOST_PIDS = 4_194_304;

function parsePidsLimit(limit: number | undefined): number {
  if (limit === undefined) return 0;
  if (limit > MOST_PIDS) {
    throw flagError(`invalid value: ${limit}. Valid pids limit range is 1-${MOST_PIDS}`, {
      hint: "Leave it out, or give -1, for no limit",
    });
  }
  return limit <= 0 ? -1 : limit;
}

/** At least so many microseconds a number is hardly of processors. */
const LEAST_MICROSECONDS = 1000;

/** What other programs call `--cpu`: processors, a percentage of one, or microseconds. */
function parseCpu(flags: LimitFlags): Partial<Resources> {
  const { cpu } = flags;
  if (cpu === undefined) return {};
  if (flags.cpus !== undefined || flags["cpu-quota"] !== undefined) {
    throw flagError("conflicting options: cannot specify both --cpu and --cpus or --cpu-quota");
  }
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(cpu) ?? [];
  const number = Number(digits);
  if (digits === undefined || number === 0) {
    throw flagError(`invalid argument "${cpu}" for "--cpu" flag`, {
      hint: "Give processors as in 1.5, a percentage of one as in 50%, or --cpus",
    });
  }
  if (percent === "%") return { nanoCpus: Math.round(number * 1e7) };
  if (number < LEAST_MICROSECONDS) return { nanoCpus: parseCpus(number) };
  return { cpuQuota: Math.round(number), cpuPeriod: flags["cpu-period"] ?? DEFAULT_CPU_PERIOD_US };
}

/** Splits `PATH:VALUE`, with docker's words for what is none. */
function splitDevice(text: string): { path: string; value: string } {
  const [path = "", value, ...others] = text.split(":");
  if (value === undefined || others.length > 0) throw flagError(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw flagError(`bad format for device path: ${text}`);
  return { path, value };
}

function parseDeviceWeight(text: string): DeviceLimit {
  const { path, value } = splitDevice(text);
  const weight = /^\d+$/.test(value) ? Number(value) : NaN;
  if (weight >= 10 && weight <= 1000) return { path, value: weight };
  throw flagError(`invalid weight for device: ${text}`);
}

function parseDeviceRate(text: string): DeviceLimit {
  const { path, value } = splitDevice(text);
  const rate = parseSizeOrNaN(value);
  if (rate > 0) return { path, value: rate };
  throw flagError(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. ` +
      "Number must be a positive integer. Unit is optional and can be kb, mb, or gb",
  );
}

function parseSizeOrNaN(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    if (error instanceof WherryError) return NaN;
    throw error;
  }
}

function parseDeviceOperations(text: string): DeviceLimit {
  const { path, value } = splitDevice(text);
  const rate = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (rate > 0) return { path, value: rate };
  throw flagError(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>. ` +
      "Number must be a positive integer",
  );
}
