/** Limits of the host that all containers share. @module */

import { type Check, type Finding, limited, ok } from "./doctor_finding.ts";
import { type HostFiles, readNumber } from "../base/host_files.ts";

/** All checks of this part. */
export function limitChecks(files: HostFiles): Check[] {
  return [
    ...LIMITS.map((limit): Check => [limit.feature, () => checkLimit(files, limit)]),
    ["ids of containers", () => checkSubordinateIds(files)],
  ];
}

/** A number of the kernel that is used up by many containers. */
interface HostLimit {
  feature: string;
  /** Name of the setting, with slashes. */
  sysctl: string;
  /** Fewer are soon used up. */
  enough: number;
  /** What fails then. */
  consequence: string;
}

const LIMITS: readonly HostLimit[] = [
  {
    feature: "processes",
    sysctl: "kernel/pid_max",
    enough: 32_768,
    consequence: "Containers with many threads fail to start more",
  },
  {
    feature: "threads",
    sysctl: "kernel/threads-max",
    enough: 16_384,
    consequence: "Containers with many threads fail to start more",
  },
  {
    feature: "files",
    sysctl: "fs/file-max",
    enough: 65_536,
    consequence: "Programs fail to open files: too many open files in system",
  },
  {
    feature: "inotify instances",
    sysctl: "fs/inotify/max_user_instances",
    enough: 128,
    consequence: "Programs that watch files fail: too many open files",
  },
  {
    feature: "inotify watches",
    sysctl: "fs/inotify/max_user_watches",
    enough: 8192,
    consequence: "Programs that watch files fail: no space left on device",
  },
  {
    feature: "memory maps",
    sysctl: "vm/max_map_count",
    enough: 65_530,
    consequence: "Databases with many mapped files fail to start",
  },
];

/** Whether a limit is at least what the kernel has by default. */
export function checkLimit(
  files: HostFiles,
  { feature, sysctl, enough, consequence }: HostLimit,
): Finding {
  const name = sysctl.replaceAll("/", ".");
  const value = readNumber(files, `/proc/sys/${sysctl}`);
  if (value === undefined) return ok(feature, `no ${name} here`);
  const detail = `${name} is ${value}`;
  if (value >= enough) return ok(feature, detail);
  return limited(feature, { detail, consequence, remedy: `sysctl -w ${name}=${enough}` });
}

/** How many ids a container with ids of its own takes. */
const IDS_OF_CONTAINER = 65_536;
/** Whose lines count: wherry's own, or else podman's. */
const OWNERS = ["wherry", "containers"];

/** Whether somebody has set ids aside for `--userns auto`. */
export function checkSubordinateIds({ read }: HostFiles): Finding {
  const [users = "", groups = ""] = ["/etc/subuid", "/etc/subgid"].map(read);
  const owner = OWNERS.find((owner) => [users, groups].some((text) => hasOwner(text, owner)));
  if (owner === undefined) {
    return ok(
      "ids of containers",
      "a range of wherry's own: /etc/subuid names neither wherry nor containers",
    );
  }
  const count = Math.min(countIds(users, owner), countIds(groups, owner));
  const detail = `${count} set aside for "${owner}" in /etc/subuid and /etc/subgid`;
  if (count >= IDS_OF_CONTAINER) return ok("ids of containers", detail);
  return limited("ids of containers", {
    detail,
    consequence: "--userns auto is refused, unless it asks for fewer",
    remedy:
      `Give "${owner}" the same range of ${IDS_OF_CONTAINER} ids or more in both files, or none`,
  });
}

function hasOwner(text: string, owner: string): boolean {
  return text.split("\n").some((line) => line.startsWith(`${owner}:`));
}

/** @see subuid(5) */
function countIds(text: string, owner: string): number {
  return Array.from(text.matchAll(/^([^:]+):\d+:(\d+)$/gm))
    .filter(([, name]) => name === owner)
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}
