/** Flags that say what a container sees of the host's files, and of volumes. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const MOUNT_FLAGS = [
  {
    name: "mount",
    type: "list",
    value: "key=value,...",
    help: "Mount a directory or file of the host, a volume, a tmpfs or an image, as in " +
      "type=bind,source=/srv,target=/srv,readonly",
  },
  {
    name: "read-only",
    type: "boolean",
    help: "Mount the container's root file system read-only",
  },
  {
    name: "tmpfs",
    type: "list",
    value: "path[:options]",
    help: "Mount a tmpfs directory",
  },
  {
    name: "volume",
    short: "v",
    type: "list",
    value: "[source:]target[:options]",
    help: "Mount a volume, or a directory or file of the host where the source is a path",
  },
  {
    name: "volume-driver",
    type: "string",
    value: "local",
    help: "What keeps new volumes",
  },
  {
    name: "volumes-from",
    type: "list",
    value: "container[:ro|rw]",
    help: "Mount what another container has mounted of the host, and its volumes",
  },
] as const satisfies readonly FlagSpec[];
