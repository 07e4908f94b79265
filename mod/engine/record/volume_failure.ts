/** What it means that a volume cannot be mounted. @module */

import { SystemError } from "../../../ffi/errno.ts";
import { WherryError } from "../../errors.ts";
import { explainRefusal, type MountCall } from "../../kernel/mounting.ts";
import type { Volume } from "../../volume/volume.ts";
import { serverOf } from "../../volume/volume_mount.ts";

/** Of a file system that the kernel does not have. */
const NO_SUCH_TYPE = "ENODEV";

/** What the kernel says when a server does not answer, or not as hoped. */
const SERVER_ERRORS = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPROTONOSUPPORT",
  "ETIMEDOUT",
];

/**
 * Puts the failure of a volume's mount into docker's words, with what can be done about it.
 *
 * @param call The first call of the plan.
 * @returns `cause` itself if it is no failure of a system call.
 */
export function mountFailure(
  volume: Volume,
  call: MountCall | undefined,
  cause: unknown,
): unknown {
  if (!(cause instanceof SystemError) || call === undefined) return cause;
  const hint = hintOf(volume, call, cause);
  return new WherryError(
    cause.code === NO_SUCH_TYPE ? "unsupported" : "unavailable",
    `Cannot mount volume "${volume.name}": failed to mount local volume: ${
      describeCall(call, cause)
    }`,
    { cause, ...(hint === undefined ? {} : { hint }) },
  );
}

/** As moby/sys/mount does it. */
function describeCall(
  { source, target, flags, data }: MountCall,
  { message }: SystemError,
): string {
  const [, reason = message] = /: ([^:]*) \(\w+\)$/.exec(message) ?? [];
  return [
    `mount ${source}:${target}`,
    ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
    ...(data === "" ? [] : [`data: ${hideSecrets(data)}`]),
  ].join(", ") + `: ${reason}`;
}

/** Passwords of mount.cifs(8) are nobody's business. */
function hideSecrets(data: string): string {
  return data.replace(/\b(pass(?:word2?)?)=[^,]*/g, "$1=********");
}

function hintOf(
  { options }: Volume,
  { source, type, data }: MountCall,
  { code }: SystemError,
): string | undefined {
  const server = serverOf(options);
  if (code === NO_SUCH_TYPE && type !== "") {
    return `The kernel has no file system "${type}": load its module with "modprobe ${type}", and see /proc/filesystems`;
  }
  if (server !== undefined && SERVER_ERRORS.includes(code)) {
    return `See that the server ${server} runs, and that it can be reached from this host`;
  }
  switch (code) {
    case "ENOENT":
      return server === undefined
        ? `See that there is "${source}"`
        : `See that the server ${server} offers "${source}"`;
    case "ENOTBLK":
      return `"${source}" is no block device: attach a file to one with "losetup --find --show FILE"`;
    case "EACCES":
    case "EPERM":
      return server === undefined
        ? undefined
        : `See that the server ${server} lets this host and this user have "${source}"`;
    case "EBUSY":
      return `"${source}" is mounted already, with other options: see /proc/self/mountinfo`;
    case "EINVAL":
      return explainRefusal(type, data) ??
        `Either "${source}" holds no file system "${type}", or it does not take those options`;
    default:
      return undefined;
  }
}
