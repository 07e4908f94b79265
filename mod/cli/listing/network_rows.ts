/** Networks as the lines of `network ls`. @module */

import { driverWord, type NetworkConfig } from "../../network/network.ts";
import { shortId } from "../../store/id.ts";
import type { Row, RowLayout } from "./rows.ts";

/** The fields of docker's `network ls`, and the subnets. */
export const NETWORK_LAYOUT: RowLayout = {
  typeName: "*network.networkContext",
  columns: [
    { field: "ID", header: "NETWORK ID" },
    { field: "Name", header: "NAME" },
    { field: "Driver", header: "DRIVER" },
    { field: "Scope", header: "SCOPE" },
    { field: "IPv4", header: "IPV4", isExtra: true },
    { field: "IPv6", header: "IPV6", isExtra: true },
    { field: "Internal", header: "INTERNAL", isExtra: true },
    { field: "Labels", header: "LABELS", isExtra: true },
    { field: "CreatedAt", header: "CREATED AT", isExtra: true },
    { field: "Subnet", header: "SUBNET", isExtra: true },
  ],
};

/** One network's fields. */
export function networkRow(network: NetworkConfig, { isWhole }: { isWhole: boolean }): Row {
  const { id, labels } = network;
  return {
    ID: isWhole ? id : shortId(id),
    Name: network.name,
    Driver: driverWord(network.driver),
    Scope: "local",
    IPv4: String(network.hasIpv4),
    IPv6: String(network.hasIpv6),
    Internal: String(network.isInternal),
    Labels: Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(","),
    Label: (name: string): string => Object.hasOwn(labels, name) ? labels[name] ?? "" : "",
    CreatedAt: formatGoTime(network.createdAt),
    Subnet: network.pools.map(({ subnet }) => subnet).join(","),
  };
}

/** As Go's `time.Time` prints; zeros at the end of a fraction are left out. */
function formatGoTime(time: string): string {
  const [, date, clock, fraction = ""] = /^(.{10})T(.{8})(\.\d*?)?0*Z$/.exec(time) ?? [];
  return `${date} ${clock}${fraction === "." ? "" : fraction} +0000 UTC`;
}
