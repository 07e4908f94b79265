/** Volumes as the lines of `volume ls` and `system df -v`. @module */

import { labelsOf, type Volume } from "../../volume/volume.ts";
import type { Row, RowLayout } from "./rows.ts";
import { formatDecimalSize } from "../base/units.ts";

/** The fields of docker's `volume ls`. */
export const VOLUME_LAYOUT: RowLayout = {
  typeName: "*formatter.volumeContext",
  columns: [
    { field: "Driver", header: "DRIVER" },
    { field: "Name", header: "VOLUME NAME" },
    { field: "Scope", header: "SCOPE", isExtra: true },
    { field: "Mountpoint", header: "MOUNTPOINT", isExtra: true },
    { field: "Labels", header: "LABELS", isExtra: true },
    { field: "Links", header: "LINKS", isExtra: true },
    { field: "Size", header: "SIZE", isExtra: true },
    { field: "Availability", header: "AVAILABILITY", isExtra: true },
    { field: "Group", header: "GROUP", isExtra: true },
    { field: "Status", header: "STATUS", isExtra: true },
  ],
  raw: [["name", "Name"], ["driver", "Driver"]],
};

/** The same as `system df -v` shows them. */
export const VOLUME_USAGE_LAYOUT: RowLayout = {
  columns: [
    { field: "Name", header: "VOLUME NAME" },
    { field: "Links", header: "LINKS" },
    { field: "Size", header: "SIZE" },
  ],
};

/** What is known of a volume besides its record. */
export interface VolumeDetails {
  /** Where its files are on the host. */
  mountpoint: string;
  /** How many containers have it. @default {not known} */
  linkCount?: number;
  /** What its files take. @default {not known} */
  bytes?: number | undefined;
}

/** Docker's word for what it does not know. */
const UNKNOWN = "N/A";

/** One volume's fields. */
export function volumeRow(
  volume: Volume,
  { mountpoint, linkCount, bytes }: VolumeDetails,
): Row {
  const labels = labelsOf(volume);
  return {
    Driver: volume.driver,
    Name: volume.name,
    Scope: "local",
    Mountpoint: mountpoint,
    Labels: Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(","),
    Label: (name: string): string => Object.hasOwn(labels, name) ? labels[name] ?? "" : "",
    Links: linkCount === undefined ? UNKNOWN : String(linkCount),
    Size: bytes === undefined ? UNKNOWN : formatDecimalSize(bytes),
    // What only volumes of a cluster have
    Availability: UNKNOWN,
    Group: UNKNOWN,
    Status: UNKNOWN,
  };
}
