/** What the engine's directories are good for. @module */

import { freeBytes, tellsFileTypes } from "../../kernel/file_system.ts";
import { fileSystemOf, realPathOfExisting } from "../../kernel/host.ts";
import { canHoldUpper, hasTrustedAttributes } from "../../kernel/overlay.ts";
import { type Check, fatal, type Finding, limited, missing, ok } from "./doctor_finding.ts";
import type { HostFiles } from "../base/host_files.ts";
import type { Engine } from "../base/engine.ts";

/** What is known of a directory's file system. */
export interface StoragePlace {
  /** The directory that was asked for; need not exist. */
  path: string;
  /** Type of the file system that it is on, or would be. */
  type: string;
  /** Whether extended attributes of the class `trusted` can be kept. */
  hasTrustedAttributes: boolean;
  /** Whether directories tell what is in them (`d_type`). */
  tellsFileTypes: boolean;
}

/** All checks of this part; nothing is written. */
export function storageChecks(files: HostFiles, { paths: { root, runRoot } }: Engine): Check[] {
  const mountInfo = files.read("/proc/self/mountinfo") ?? "";
  const existing = realPathOfExisting(root);
  const place: StoragePlace = {
    path: root,
    type: fileSystemOf(root, mountInfo),
    hasTrustedAttributes: hasTrustedAttributes(existing),
    tellsFileTypes: tellsFileTypes(existing),
  };
  return [
    ["overlay", () => checkOverlay(files, place)],
    ["file system", () => checkFileSystem(place)],
    ["id-mapped mounts", () => checkIdMapping(place.type, Deno.osRelease())],
    ["copies", () => checkReflinks(place.type)],
    ["free space", () => checkSpace(root, freeBytes(existing))],
    ["run directory", () => checkRunRoot(runRoot, fileSystemOf(runRoot, mountInfo))],
  ];
}

const COPY_REMEDY = "wherry uses --storage-driver copy here by itself";

/** Whether containers can share the layers of their images. */
export function checkOverlay({ read, list }: HostFiles, place: StoragePlace): Finding {
  const consequence = "Each container gets a copy of its image, which takes time and room";
  if (!/\toverlay$/m.test(read("/proc/filesystems") ?? "")) {
    const release = read("/proc/sys/kernel/osrelease")?.trim() ?? "";
    const modules = read(`/lib/modules/${release}/modules.dep`) ?? "";
    if (/\/overlay\.ko/.test(modules)) return ok("overlay", "a module that is loaded when needed");
    return missing("overlay", {
      detail: list("/proc/sys/kernel").length > 0 ? "not in this kernel" : "/proc is not mounted",
      consequence,
      remedy: `modprobe overlay, if there is such a module; ${COPY_REMEDY}`,
    });
  }
  if (!canHoldUpper(place.type)) {
    return limited("overlay", {
      detail: `overlayfs cannot write to ${place.type}, which "${place.path}" is on`,
      consequence,
      remedy: `Give a --root on ext4, xfs, btrfs or tmpfs; ${COPY_REMEDY}`,
    });
  }
  const lacks = [
    ...(place.hasTrustedAttributes ? [] : ["trusted attributes"]),
    ...(place.tellsFileTypes ? [] : ["types of files in directories"]),
  ];
  if (lacks.length === 0) return ok("overlay", `works on ${place.type}`);
  return limited("overlay", {
    detail: `${place.type}, which "${place.path}" is on, keeps no ${lacks.join(" and no ")}`,
    consequence,
    remedy: `Give a --root on another file system; ${COPY_REMEDY}`,
  });
}

/** File systems that are on other machines, or cannot keep what images have. */
const REMOTE = /^(?:nfs4?|cifs|smb3|9p|ceph|afs|fuse\.sshfs)$/;
const POOR = /^(?:v?fat|exfat|ntfs3?|fuseblk|iso9660|squashfs)$/;

/** Whether the root's file system keeps all that images have. */
export function checkFileSystem({ path, type }: StoragePlace): Finding {
  if (POOR.test(type)) {
    return fatal("file system", {
      detail: `${type} at "${path}"`,
      consequence: "It keeps no owners, modes and links, so that no image can be unpacked",
      remedy: "Give a --root on another file system",
    });
  }
  if (REMOTE.test(type)) {
    return limited("file system", {
      detail: `${type} at "${path}"`,
      consequence: "Locks and links depend on a server, and two hosts must not share the directory",
      remedy: "Give a --root on a local disk",
    });
  }
  return ok("file system", `${type} at "${path}"`);
}

/** Since which kernel file systems can be mounted with their ids mapped. */
const ID_MAPPING_SINCE: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  ext4: [5, 12],
  xfs: [5, 12],
  vfat: [5, 12],
  btrfs: [5, 15],
  f2fs: [5, 18],
  erofs: [5, 19],
  tmpfs: [6, 3],
  bcachefs: [6, 7],
};

/**
 * Whether layers can be used under other ids without being copied.
 *
 * @param release Of the kernel.
 */
export function checkIdMapping(type: string, release: string): Finding {
  const since = ID_MAPPING_SINCE[type];
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part));
  const isThere = since !== undefined &&
    (major > since[0] || major === since[0] && minor >= since[1]);
  if (isThere) return ok("id-mapped mounts", `${type} since Linux ${since.join(".")}`);
  return limited("id-mapped mounts", {
    detail: since === undefined
      ? `not known of ${type}`
      : `${type} has them since Linux ${since.join(".")}`,
    consequence: "--userns auto is refused here, most likely",
    remedy: "Give a --root on ext4, xfs or btrfs, and use Linux 5.15 or newer",
  });
}

const WITH_REFLINKS = /^(?:btrfs|xfs|bcachefs|zfs|ocfs2)$/;

/** Whether copies of files can share their blocks; only those of the storage driver `copy` and of commits matter. */
export function checkReflinks(type: string): Finding {
  return ok(
    "copies",
    WITH_REFLINKS.test(type) ? `share blocks where ${type} was made so` : "take room of their own",
  );
}

const BYTES_PER_GIBIBYTE = 2 ** 30;
/** Less does not hold a handful of usual images. */
const LITTLE_SPACE = 2 * BYTES_PER_GIBIBYTE;

/** @param bytes What is free on the file system of `path`. */
export function checkSpace(path: string, bytes: number): Finding {
  const detail = `${(bytes / BYTES_PER_GIBIBYTE).toFixed(1)} GiB at "${path}"`;
  if (bytes >= LITTLE_SPACE) return ok("free space", detail);
  return limited("free space", {
    detail,
    consequence: "Larger images do not fit, and containers run into a full disk",
    remedy: "See what could go with wherry system df, and remove it with wherry system prune -a",
  });
}

/** Whether what a reboot may forget is forgotten by one. */
export function checkRunRoot(path: string, type: string): Finding {
  if (type === "tmpfs" || type === "ramfs") return ok("run directory", `${type} at "${path}"`);
  if (REMOTE.test(type)) {
    return limited("run directory", {
      detail: `${type} at "${path}"`,
      consequence: "Sockets and locks may not work there",
      remedy: "Give a --run-root on a local file system, usually /run/wherry on a tmpfs",
    });
  }
  return limited("run directory", {
    detail: `${type} at "${path}" survives a reboot`,
    consequence: "What a reboot has ended is only found out one container at a time",
    remedy: "Give a --run-root on a tmpfs, usually /run/wherry",
  });
}
