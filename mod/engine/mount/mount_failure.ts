/** What it means that a step of a mount has failed. @module */

import { errnoText } from "../../../ffi/errno.ts";
import type { ContainerMount } from "../../container/record/mounts.ts";
import type { Step } from "../../container/launch/plan.ts";
import { TREE_IS_ID_MAPPED } from "../../container/launch/plan_ids.ts";
import { TREE_TOP_IS_IN_GROUP } from "../../container/launch/plan_requested_mounts.ts";
import { WherryError, type WherryErrorOptions } from "../../errors.ts";
import { parseMountInfo } from "../../kernel/mount.ts";

/** Numbers of errno(3). */
const E = {
  PERM: 1,
  NOENT: 2,
  BADF: 9,
  ACCES: 13,
  BUSY: 16,
  EXIST: 17,
  XDEV: 18,
  NOTDIR: 20,
  ISDIR: 21,
  INVAL: 22,
  MFILE: 24,
  NOSPC: 28,
  ROFS: 30,
  NOSYS: 38,
  REMOTE: 66,
  OPNOTSUPP: 95,
} as const;

/** What the kernel says of a file system that cannot have ids mapped, or of one where they are already. */
const CANNOT_MAP: readonly number[] = [E.INVAL, E.PERM, E.NOSYS, E.OPNOTSUPP];

/** What is wrong, and what can be done about it. */
type Diagnosis = [why: string, options?: WherryErrorOptions];

/**
 * Puts the failure of a mount into words.
 *
 * @param steps The whole plan.
 * @param mounts What was asked for.
 * @returns `undefined` if the step is another one.
 */
export function mountFailure(
  steps: readonly Step[],
  { stepIndex, errno }: { stepIndex: number; errno: number },
  mounts: readonly ContainerMount[],
): WherryError | undefined {
  const [word, ...args] = steps[stepIndex] ?? [];
  const describe = (target: string): string => describeMount(mounts, target);
  switch (word) {
    case "take-tree": {
      const target = findTarget(steps.slice(stepIndex), args[0]);
      return failure(describe(target), target, diagnoseSource(args, errno));
    }
    case "attach-taken":
    case "mount-at": {
      const [, target = ""] = args;
      return failure(describe(target), target, diagnoseTarget(target, errno));
    }
    case "attach-tree": {
      const [source = "", target = "", flags] = args;
      const isMapped = hasFlag(flags, TREE_IS_ID_MAPPED) && CANNOT_MAP.includes(errno);
      const diagnosis = isMapped ? diagnoseMapping(source, errno) : diagnoseTarget(target, errno);
      return failure(`"${source}"`, target, diagnosis);
    }
    default:
      return undefined;
  }
}

/** That a mount cannot have its target because one of them is a directory and the other none. */
export function kindFailure(mount: ContainerMount, isDirectory: boolean): WherryError {
  const diagnosis = diagnoseTarget(mount.target, isDirectory ? E.EXIST : E.ISDIR);
  return failure(describeMount([mount], mount.target), mount.target, diagnosis);
}

function failure(what: string, target: string, [why, options]: Diagnosis): WherryError {
  return new WherryError(
    "invalid_argument",
    `Cannot mount ${what} on "${target}": ${why}`,
    options,
  );
}

/** Where the tree of this number is attached next. */
function findTarget(steps: readonly Step[], number: string | undefined): string {
  const step = steps.find(([word, other]) => word === "attach-taken" && other === number);
  return step?.[2] ?? "";
}

/** What somebody asked to have mounted on `target`, in his words. */
function describeMount(mounts: readonly ContainerMount[], target: string): string {
  const mount = mounts.find((mount) => mount.target === target);
  switch (mount?.type) {
    case "bind":
      return `"${mount.source}"`;
    case "volume":
      return `volume "${mount.name}"`;
    case "image":
      return `image "${mount.reference}"`;
    case "tmpfs":
    case undefined:
      return "a tmpfs";
  }
}

function hasFlag(flags: string | undefined, flag: number): boolean {
  return (Number(flags) & flag) !== 0;
}

/** Of `take-tree`. */
function diagnoseSource(
  [, source = "", subpath = "", flags]: readonly string[],
  errno: number,
): Diagnosis {
  if (errno === E.NOSPC) {
    return ["the host has too many mounts", { hint: 'Raise "sysctl fs.mount-max"' }];
  }
  if (errno === E.MFILE || errno === E.BADF) {
    return ["it takes more open files than there may be", { hint: 'Raise "ulimit -n"' }];
  }
  if (subpath !== "" && errno === E.XDEV) return [`its subpath "${subpath}" leads out of it`];
  if (subpath !== "" && errno === E.NOENT) return [`it has no "${subpath}"`];
  if (subpath !== "" && errno === E.NOTDIR) return [`a part of its subpath "${subpath}" is a file`];
  if (errno === E.NOENT) {
    return ["it is gone", {
      hint: "Make it again, or make the container anew without it",
    }];
  }
  if (hasFlag(flags, TREE_IS_ID_MAPPED) && CANNOT_MAP.includes(errno)) {
    return diagnoseMapping(source, errno);
  }
  if (hasFlag(flags, TREE_TOP_IS_IN_GROUP) && CANNOT_MAP.includes(errno)) {
    return [`Linux ${Deno.osRelease()} cannot have the topmost mount alone propagate`, {
      hint: "That takes Linux 5.15; use rshared or rslave",
    }];
  }
  if (errno === E.INVAL) {
    return ["it is in no file system of the host", {
      hint:
        "What belongs to a process, such as /dev/stdin, cannot be mounted, nor what is unbindable",
    }];
  }
  return [errnoText(errno)];
}

/** The kernel says no more than EINVAL of a file system that cannot do it. */
function diagnoseMapping(source: string, errno: number): Diagnosis {
  return [
    `with ids of the container's own it cannot be: ${errnoText(errno)}, for ${
      describeTypes(source)
    }`,
    {
      hint:
        "That takes Linux 5.12 and ext4, xfs or btrfs, or Linux 6.3 for tmpfs: keep wherry's --root and what is " +
        "mounted with idmap there, or leave out --userns",
    },
  ];
}

/** The file systems that are seen at `source` and below. */
function describeTypes(source: string): string {
  const mounts = parseMountInfo(Deno.readTextFileSync("/proc/self/mountinfo"));
  const above = mounts.filter(({ mountPoint }) =>
    mountPoint === "/" || `${source}/`.startsWith(`${mountPoint}/`)
  ).reduce((found, mount) => mount.mountPoint.length >= found.mountPoint.length ? mount : found);
  const below = mounts.filter(({ mountPoint }) => mountPoint.startsWith(`${source}/`));
  return [above, ...below].map(({ type, mountPoint }) => `${type} on "${mountPoint}"`).join(", ");
}

/** Of what attaches something. */
function diagnoseTarget(target: string, errno: number): Diagnosis {
  switch (errno) {
    case E.ISDIR:
      return ["it is a file, and the target a directory", SAME_KIND];
    case E.EXIST:
      return ["it is a directory, and the target a file", SAME_KIND];
    case E.NOTDIR:
      return ["a part of the target's path is a file"];
    case E.BUSY:
      return ["links in the container lead from there to its root"];
    case E.XDEV:
      return ["links in the container lead from there into /proc or /sys"];
    case E.REMOTE:
      return ["links in the container lead from there into what is shared with the host"];
    case E.ROFS:
      return ["the target would have to be made, and what it is in is read-only", {
        hint: "Make it before, in the image or in what is mounted above it",
      }];
    case E.NOSYS:
      return [`Linux ${Deno.osRelease()} cannot make read-only what is mounted below it`, {
        hint: "That takes Linux 5.12; use bind-recursive=writable or disabled",
      }];
    case E.NOENT:
    case E.PERM:
    case E.ACCES:
      if (/^\/(proc|sys)\//.test(target)) return ["there is no such file, and none can be made"];
      return [errnoText(errno)];
    default:
      return [errnoText(errno)];
  }
}

const SAME_KIND = { hint: "Mount a directory on a directory, and a file on a file" };
