/** Which limits make sense: pure, in docker's words where it has any. @module */

import { WherryError } from "../../errors.ts";
import { CPU_SHARES, DEFAULT_CPU_PERIOD_US } from "./limits.ts";
import type { Resources } from "./resources.ts";

/** What a host has that containers share. */
export interface SharedHost {
  /** Its processors, as cpuset(7) lists them, for example `"0-3"`. */
  cpus: string;
  /** Its memory nodes. */
  mems: string;
}

const MEBIBYTE = 1024 * 1024;
/** Docker's. */
const LEAST_MEMORY = 6 * MEBIBYTE;
/** A number below it is hardly meant as bytes. */
const MOST_MEBIBYTES = 64 * 1024;

const LEAST_QUOTA_US = 1000;
const MOST_PERIOD_US = 1_000_000;

/**
 * Checks limits against each other, and against what the host has.
 *
 * @throws {WherryError} `invalid_argument`, naming the value and what it may be.
 */
export function checkResources(resources: Resources, host: SharedHost): void {
  checkMemory(resources);
  checkCpu(resources, parseCpuList(host.cpus)?.size ?? 1);
  checkSet(resources.cpusetCpus, { name: "cpus", things: "CPUs", available: host.cpus });
  checkSet(resources.cpusetMems, { name: "mems", things: "memory nodes", available: host.mems });
  checkBlockIo(resources);
}

function refuse(message: string, hint?: string): never {
  throw new WherryError("invalid_argument", message, hint === undefined ? {} : { hint });
}

function checkMemory(resources: Resources): void {
  const { memory, memorySwap, memoryReservation, memorySwappiness } = resources;
  if (memory !== 0 && memory < LEAST_MEMORY) {
    refuse("Minimum memory limit allowed is 6MB", hintOfUnit(memory));
  }
  if (memory > 0 && memorySwap > 0 && memorySwap < memory) {
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memory === 0 && memorySwap > 0) {
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (memorySwappiness < -1 || memorySwappiness > 100) {
    refuse(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (memoryReservation !== 0 && memoryReservation < LEAST_MEMORY) {
    refuse("Minimum memory reservation allowed is 6MB", hintOfUnit(memoryReservation));
  }
  if (memory > 0 && memoryReservation > memory) {
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (resources.isOomKillDisabled && memory === 0) {
    refuse(
      "Cannot disable the OOM killer: no memory limit is set",
      "Without a limit the container could use up the host's memory: give --memory, too",
    );
  }
}

/** What is a whole number of kibibytes may have been written as one. */
function hintOfUnit(bytes: number): string | undefined {
  if (bytes <= 0 || bytes >= MOST_MEBIBYTES) return undefined;
  return bytes % 1024 === 0
    ? "A number without a unit means bytes: mebibytes are written as in 100m"
    : `A number without a unit means bytes: did you mean ${bytes}m?`;
}

function checkCpu(resources: Resources, cpuCount: number): void {
  const { nanoCpus, cpuPeriod, cpuQuota, cpuShares } = resources;
  if (nanoCpus > 0 && cpuPeriod > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (nanoCpus > 0 && cpuQuota > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  const quota = Math.round(nanoCpus * DEFAULT_CPU_PERIOD_US / 1e9);
  if (nanoCpus !== 0 && (quota < LEAST_QUOTA_US || nanoCpus > cpuCount * 1e9)) {
    refuse(
      `Range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`,
    );
  }
  if (cpuPeriod !== 0 && (cpuPeriod < LEAST_QUOTA_US || cpuPeriod > MOST_PERIOD_US)) {
    refuse(
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (cpuQuota > 0 && cpuQuota < LEAST_QUOTA_US) {
    refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (cpuShares !== 0 && cpuShares < CPU_SHARES.least) {
    refuse(`The minimum allowed cpu-shares is ${CPU_SHARES.least}`);
  }
  if (cpuShares > CPU_SHARES.most) refuse(`The maximum allowed cpu-shares is ${CPU_SHARES.most}`);
}

interface WantedSet {
  name: string;
  things: string;
  available: string;
}

function checkSet(wanted: string, { name, things, available }: WantedSet): void {
  if (wanted === "") return;
  const numbers = parseCpuList(wanted);
  if (numbers === undefined) refuse(`Invalid value ${wanted} for cpuset ${name}`);
  const there = parseCpuList(available) ?? new Set();
  if ([...numbers].every((number) => there.has(number))) return;
  refuse(`Requested ${things} are not available - requested ${wanted}, available: ${available}`);
}

/** The most processors that any Linux counts. */
const MOST_CPUS = 8192;

/**
 * Takes a list of numbers apart.
 *
 * @param text For example `"0-2,7"`.
 * @returns `undefined` if it is none, or empty.
 * @see cpuset(7), "List format"
 */
export function parseCpuList(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.trim().split(",")) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(first) > Number(last) || Number(last) >= MOST_CPUS) {
      return undefined;
    }
    for (let number = Number(first); number <= Number(last); number++) numbers.add(number);
  }
  return numbers;
}

function checkBlockIo({ blkioWeight }: Resources): void {
  if (blkioWeight !== 0 && (blkioWeight < 10 || blkioWeight > 1000)) {
    refuse("Range of blkio weight is from 10 to 1000");
  }
}
