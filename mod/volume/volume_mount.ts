/** What mount(2) is told to make a volume's content appear. @module */

import { parseIpAddress } from "../kernel/ip.ts";
import { MS, splitMountOptions } from "../kernel/mount.ts";
import type { MountCall } from "../kernel/mounting.ts";
import type { Volume } from "./volume.ts";
import { isBind, splitOptions, withoutBind } from "./volume_backing.ts";

/** Options by name. */
type Options = Volume["options"];

/** Types whose kernel part needs the address of the server, which mount(8) has programs of their own to find. */
const NETWORK_TYPES = ["nfs", "nfs4", "cifs", "smb3"];

/**
 * The server that has a volume's content.
 *
 * @returns Its name or address, from `o=addr=` or else from the device; `undefined` if there is none.
 */
export function serverOf(options: Options): string | undefined {
  if (!NETWORK_TYPES.includes(options["type"] ?? "")) return undefined;
  const [, given] = splitOptions(options).map((word) => /^(?:addr|ip)=(.+)$/.exec(word))
    .find((match) => match !== null) ?? [];
  if (given !== undefined) return given;
  const device = options["device"] ?? "";
  // nfs(5): host:/path, with an IPv6 address in brackets; mount.cifs(8): //host/share
  const [, address, name, share] =
    /^(?:\[([^\]]+)\]:|([^:/[]+):|[/\\]{2}([^/\\]+)[/\\])/.exec(device) ?? [];
  return address ?? name ?? share;
}

/** Whether a server needs no looking up. */
export function isAddress(server: string): boolean {
  // A link-local address has its link behind it
  return parseIpAddress(server.replace(/%.*$/, "")) !== undefined;
}

/** What the kernel is told to make a volume's content appear. */
export interface VolumeMountPlan {
  /** The mount itself, and what belongs to it; the first may take as long as a server does. */
  calls: readonly MountCall[];
  /** Changes the options of the new mount, for a bind mount, which takes none when it is made. */
  remount?: (current: readonly string[]) => MountCall;
}

/** Where a volume is mounted, and where its content is. */
export interface VolumePlace {
  /** An existing directory. */
  target: string;
  /** Of its server, if it has one. */
  address?: string | undefined;
}

/** Plans the mount of a volume. */
export function planVolumeMount(
  options: Options,
  { target, address }: VolumePlace,
): VolumeMountPlan {
  const words = splitOptions(options);
  const device = options["device"] ?? "";
  if (isBind(words)) return planBind(words, { source: device, target });
  const { flags, data } = splitMountOptions(withAddress(words, address).join(","));
  return { calls: [{ source: device, target, type: options["type"] ?? "", flags, data }] };
}

function planBind(
  words: readonly string[],
  place: Pick<MountCall, "source" | "target">,
): VolumeMountPlan {
  const { target } = place;
  const recursion = words.includes("rbind") ? MS.REC : 0;
  return {
    calls: [
      { ...place, type: "", flags: MS.BIND | recursion, data: "" },
      // Or unmounting it would unmount on the host what is mounted below the directory
      { source: "", target, type: "", flags: MS.REC | MS.PRIVATE, data: "" },
    ],
    // What is not asked for stays as it is where the directory comes from
    remount: (current) => ({
      source: "",
      target,
      type: "",
      flags: MS.REMOUNT | MS.BIND | splitMountOptions([...current, withoutBind(words)].join(","))
        .flags,
      data: "",
    }),
  };
}

function withAddress(words: readonly string[], address: string | undefined): readonly string[] {
  if (address === undefined) return words;
  const option = `addr=${address}`;
  const at = words.findIndex((word) => /^(?:addr|ip)=/.test(word));
  return at < 0 ? [...words, option] : words.with(at, option);
}
