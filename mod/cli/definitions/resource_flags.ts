/** Flags that say how much of the host a container may use. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Limits that can be changed while a container runs, too. */
export const LIMIT_FLAGS = [
  {
    name: "blkio-weight",
    type: "number",
    help: "Share of block I/O beside others, 10 to 1000 (default 0: as others)",
  },
  {
    name: "blkio-weight-device",
    type: "list",
    value: "device:weight",
    help: "The same for one block device",
  },
  {
    name: "cpu",
    type: "string",
    value: "cpus|percent%|microseconds",
    help:
      "Processors, a percentage of one as in 50%, or from 1000 on microseconds of a tenth of a second",
  },
  {
    name: "cpu-period",
    type: "number",
    value: "microseconds",
    help: "Length of the periods that --cpu-quota is for (default 100000)",
  },
  {
    name: "cpu-quota",
    type: "number",
    value: "microseconds",
    help: "Processor time in each period",
  },
  {
    name: "cpu-rt-period",
    type: "number",
    value: "microseconds",
    help: "Not offered: no container gets real-time scheduling",
    hidden: true,
  },
  {
    name: "cpu-rt-runtime",
    type: "number",
    value: "microseconds",
    help: "Not offered: no container gets real-time scheduling",
    hidden: true,
  },
  {
    name: "cpu-shares",
    aliases: ["cpushare"],
    short: "c",
    type: "number",
    help: "Share of processor time beside others, where none has 1024",
  },
  { name: "cpus", type: "decimal", help: "Processors, for example 1.5" },
  {
    name: "cpuset-cpus",
    aliases: ["cpuset"],
    type: "string",
    value: "list",
    help: "Processors that it may run on, for example 0-2,7",
  },
  {
    name: "cpuset-mems",
    type: "string",
    value: "list",
    help: "Memory nodes that it may use, for example 0",
  },
  {
    name: "device-read-bps",
    type: "list",
    value: "device:rate",
    help: "Most bytes read from a block device in a second, for example /dev/sda:1mb",
  },
  {
    name: "device-read-iops",
    type: "list",
    value: "device:rate",
    help: "Most reads from a block device in a second",
  },
  {
    name: "device-write-bps",
    type: "list",
    value: "device:rate",
    help: "Most bytes written to a block device in a second",
  },
  {
    name: "device-write-iops",
    type: "list",
    value: "device:rate",
    help: "Most writes to a block device in a second",
  },
  {
    name: "kernel-memory",
    type: "size",
    help: "Not offered: --memory counts the kernel's memory too",
    hidden: true,
  },
  { name: "memory", aliases: ["mem"], short: "m", type: "size", help: "Memory, for example 100m" },
  {
    name: "memory-reservation",
    type: "size",
    help: "Memory that it keeps when the host is short of it",
  },
  {
    name: "memory-swap",
    type: "string",
    value: "size",
    help: "Memory and swap together; -1 for all swap there is (default twice the memory)",
  },
  {
    name: "pids-limit",
    type: "number",
    help: "Most processes and threads; -1 for no limit",
  },
] as const satisfies readonly FlagSpec[];

/** Of every command that makes a container. */
export const RESOURCE_FLAGS = [
  ...LIMIT_FLAGS,
  {
    name: "cgroup-parent",
    type: "string",
    value: "path",
    help: "Cgroup that the container's own is made in",
  },
  {
    name: "memory-swappiness",
    type: "number",
    help: "How readily its memory is swapped out, 0 to 100; with cgroup v1 alone",
  },
  {
    name: "oom-kill-disable",
    type: "boolean",
    help: "Have processes wait for memory where one would be killed; with cgroup v1 alone",
  },
] as const satisfies readonly FlagSpec[];
