/** How much of the host a container may use. @module */

/** A limit for one block device. */
export interface DeviceLimit {
  /** Absolute path of the device on the host. */
  path: string;
  /** Bytes or operations per second, or a weight. */
  value: number;
}

/** Limits of a container's processes together, in docker's words and units; 0 and `""` mean that nobody said anything. */
export interface Resources {
  /** Bytes of memory. */
  memory: number;
  /** Bytes of memory and swap together; -1 for no limit of swap, and 0 for twice the memory if that is limited. */
  memorySwap: number;
  /** Bytes that the kernel tries to bring it down to when memory is short. */
  memoryReservation: number;
  /** 0 to 100; -1 when nobody said anything. Only where memory is a controller of cgroup v1. */
  memorySwappiness: number;
  /** Billionths of a processor. */
  nanoCpus: number;
  /** Microseconds of processor time in each period; -1 for no limit. */
  cpuQuota: number;
  /** Microseconds. */
  cpuPeriod: number;
  /** Share of processor time beside others, 2 to 262144. */
  cpuShares: number;
  /** Processors, for example `"0-2,7"`. */
  cpusetCpus: string;
  /** Memory nodes. */
  cpusetMems: string;
  /** Most processes and threads; -1 for no limit. */
  pidsLimit: number;
  /** Share of block I/O beside others, 10 to 1000. */
  blkioWeight: number;
  /** The same for single devices. */
  blkioDeviceWeights: DeviceLimit[];
  /** Most bytes read in a second. */
  deviceReadBps: DeviceLimit[];
  /** Most bytes written in a second. */
  deviceWriteBps: DeviceLimit[];
  /** Most reads in a second. */
  deviceReadIops: DeviceLimit[];
  /** Most writes in a second. */
  deviceWriteIops: DeviceLimit[];
  /** Whether processes wait for memory where the kernel would end one. */
  isOomKillDisabled: boolean;
  /**
   * The cgroup that the container's own is made in: a path from the top, or one below what is ours if it does not begin
   * with a slash; empty for wherry's.
   */
  cgroupParent: string;
}

/** All there is. */
export const NO_LIMITS: Readonly<Resources> = {
  memory: 0,
  memorySwap: 0,
  memoryReservation: 0,
  memorySwappiness: -1,
  nanoCpus: 0,
  cpuQuota: 0,
  cpuPeriod: 0,
  cpuShares: 0,
  cpusetCpus: "",
  cpusetMems: "",
  pidsLimit: 0,
  blkioWeight: 0,
  blkioDeviceWeights: [],
  deviceReadBps: [],
  deviceWriteBps: [],
  deviceReadIops: [],
  deviceWriteIops: [],
  isOomKillDisabled: false,
  cgroupParent: "",
};
