/** Flags of mounts and namespaces. @see mount(2), mount_setattr(2), clone(2) @module */

/** Most bytes of a file system's options that mount(2) takes; it cuts off silently what is longer: a page less a NUL. */
export const MAX_MOUNT_DATA_BYTES = 4095;

/** Flags of mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  REC: 16384,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  STRICTATIME: 1 << 24,
} as const;

/** Attributes of mount_setattr(2). */
export const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

/** Kinds of namespace, as clone(2) and setns(2) name them. */
export const CLONE_NEW = {
  NS: 0x00020000,
  CGROUP: 0x02000000,
  UTS: 0x04000000,
  IPC: 0x08000000,
  PID: 0x20000000,
  NET: 0x40000000,
} as const;

/** One mount of this process's mount namespace. */
export interface MountInfo {
  /** Where it is mounted. */
  mountPoint: string;
  /** Device number of the file system, for example `"0:26"`: the same for all mounts of one. */
  device: string;
  /** Options of this mount, for example `["ro", "nosuid"]`. */
  options: string[];
  /** What propagates to and from it, for example `["shared:3", "master:1"]`; see mount_namespaces(7). */
  groups: string[];
  /** File system type, for example `"cgroup2"`. */
  type: string;
  /** Options of the file system itself, for example `["rw", "memory"]`. */
  superOptions: string[];
}

/**
 * Takes `/proc/self/mountinfo` apart.
 *
 * @param text Its content.
 * @see proc_pid_mountinfo(5)
 */
export function parseMountInfo(text: string): MountInfo[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [type = "", , superOptions = ""] = right.split(" ");
    const [, , device = "", , mountPoint = "", options = "", ...groups] = left.split(" ");
    return {
      mountPoint: unescapeOctal(mountPoint),
      device,
      options: options.split(","),
      groups,
      type,
      superOptions: superOptions.split(","),
    };
  });
}

/**
 * Where something is mounted in a directory or on it; what was mounted last comes first, as it has to be unmounted.
 *
 * @param directory Absolute, without symbolic links.
 * @param text Content of `/proc/self/mountinfo`.
 */
export function mountPointsBelow(directory: string, text: string): string[] {
  return parseMountInfo(text).map(({ mountPoint }) => mountPoint)
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toReversed();
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** Words of mount(8) that are flags, with what they set and clear. */
const FLAG_WORDS: Readonly<Record<string, { set: number; clear: number }>> = {
  defaults: { set: 0, clear: 0 },
  ro: { set: MS.RDONLY, clear: 0 },
  rw: { set: 0, clear: MS.RDONLY },
  nosuid: { set: MS.NOSUID, clear: 0 },
  suid: { set: 0, clear: MS.NOSUID },
  nodev: { set: MS.NODEV, clear: 0 },
  dev: { set: 0, clear: MS.NODEV },
  noexec: { set: MS.NOEXEC, clear: 0 },
  exec: { set: 0, clear: MS.NOEXEC },
  sync: { set: MS.SYNCHRONOUS, clear: 0 },
  async: { set: 0, clear: MS.SYNCHRONOUS },
  dirsync: { set: MS.DIRSYNC, clear: 0 },
  mand: { set: MS.MANDLOCK, clear: 0 },
  nomand: { set: 0, clear: MS.MANDLOCK },
  noatime: { set: MS.NOATIME, clear: 0 },
  atime: { set: 0, clear: MS.NOATIME },
  nodiratime: { set: MS.NODIRATIME, clear: 0 },
  diratime: { set: 0, clear: MS.NODIRATIME },
  relatime: { set: MS.RELATIME, clear: 0 },
  norelatime: { set: 0, clear: MS.RELATIME },
  strictatime: { set: MS.STRICTATIME, clear: MS.RELATIME },
  nostrictatime: { set: 0, clear: MS.STRICTATIME },
};

/**
 * Splits options as mount(8) writes them into what mount(2) takes.
 *
 * @param options Comma-separated words; those that are no flag go to the file system.
 * @param initialFlags `MS` bits to start from.
 */
export function splitMountOptions(
  options: string,
  initialFlags = 0,
): { flags: number; data: string } {
  let flags = initialFlags;
  const data: string[] = [];
  for (const word of options.split(",").filter((word) => word !== "")) {
    const meaning = Object.hasOwn(FLAG_WORDS, word) ? FLAG_WORDS[word] : undefined;
    if (meaning === undefined) data.push(word);
    else flags = (flags & ~meaning.clear) | meaning.set;
  }
  return { flags, data: data.join(",") };
}
