/** What it means when a step that makes cgroups or sets limits fails. @module */

import { errnoText } from "../../../ffi/errno.ts";
import type { Step } from "../../container/launch/plan.ts";
import { WherryError } from "../../errors.ts";
import { withoutSwap } from "./limits.ts";

const ENOENT = 2;
const EBUSY = 16;

/** What the user has typed the values of files as. */
const FLAGS: Readonly<Record<string, string>> = {
  "memory.max": "--memory",
  "memory.limit_in_bytes": "--memory",
  "memory.low": "--memory-reservation",
  "memory.soft_limit_in_bytes": "--memory-reservation",
  "memory.swap.max": "--memory-swap",
  "memory.memsw.limit_in_bytes": "--memory-swap",
  "memory.swappiness": "--memory-swappiness",
  "memory.oom_control": "--oom-kill-disable",
  "cpu.max": "--cpus, --cpu-quota or --cpu-period",
  "cpu.cfs_quota_us": "--cpus or --cpu-quota",
  "cpu.cfs_period_us": "--cpus or --cpu-period",
  "cpu.weight": "--cpu-shares",
  "cpu.shares": "--cpu-shares",
  "cpuset.cpus": "--cpuset-cpus",
  "cpuset.mems": "--cpuset-mems",
  "pids.max": "--pids-limit",
  "io.max": "--device-read-bps and the like",
  "blkio.throttle.read_bps_device": "--device-read-bps",
  "blkio.throttle.write_bps_device": "--device-write-bps",
  "blkio.throttle.read_iops_device": "--device-read-iops",
  "blkio.throttle.write_iops_device": "--device-write-iops",
  "io.bfq.weight": "--blkio-weight",
  "io.weight": "--blkio-weight",
  "blkio.weight": "--blkio-weight",
  "blkio.bfq.weight": "--blkio-weight",
  "blkio.weight_device": "--blkio-weight-device",
  "blkio.bfq.weight_device": "--blkio-weight-device",
};

/**
 * Words the failure of a step of the launch plan.
 *
 * @returns `undefined` if the step has nothing to do with cgroups.
 */
export function limitError([word, ...args]: Step, errno: number): WherryError | undefined {
  const [path = "", value = ""] = args;
  switch (word) {
    case "control":
    case "control-if-present":
      return refusedValue(path, value, errno);
    case "delegate":
      return notDelegated(args, errno);
    case "cgroup":
    case "controller":
    case "inherit":
      return new WherryError(
        "unsupported",
        `Cannot make the cgroup "${path}": ${errnoText(errno)}`,
      );
    default:
      return undefined;
  }
}

/** The error of a value that the kernel does not take. */
export function refusedValue(path: string, value: string, errno: number): WherryError {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const isWeightOfDevice = /weight$/.test(file) && value.includes(":");
  const flag = isWeightOfDevice ? "--blkio-weight-device" : FLAGS[file] ?? file;
  if (errno !== ENOENT) {
    return new WherryError(
      "invalid_argument",
      `Cannot use ${flag}: the kernel refuses "${value}" for ${file}: ${errnoText(errno)}`,
    );
  }
  if (flag === "--memory-swap") return withoutSwap();
  return new WherryError("unsupported", `Cannot use ${flag}: this kernel has no ${file}`);
}

function notDelegated([, controllers = "", ...directories]: string[], errno: number): WherryError {
  const [top = ""] = directories;
  return new WherryError(
    "unsupported",
    `Cannot enable ${controllers} in the cgroup "${top}" and below: ${errnoText(errno)}`,
    errno === EBUSY
      ? { hint: `Processes are in "${top}" itself: move them into a cgroup below it first` }
      : {},
  );
}
