/** Flags of the commands for networks. @module */

import type { FlagSpec } from "../base/flags.ts";
import {
  FORMAT,
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  PRUNE_FILTER,
  PRUNE_FORCE,
  QUIET,
} from "./shared_flags.ts";

/** Of `wherry network create`. */
export const NETWORK_CREATE_FLAGS = [
  { name: "attachable", type: "boolean", help: "Enable manual container attachment" },
  {
    name: "aux-address",
    type: "list",
    value: "name=address",
    help: "An address of the subnet that no container is given",
  },
  {
    name: "driver",
    short: "d",
    aliases: ["type"],
    type: "string",
    value: "bridge|macvlan|ipvlan|host|none",
    help: "How containers are connected (default bridge)",
  },
  {
    name: "gateway",
    type: "list",
    value: "address",
    help: "IPv4 or IPv6 gateway for a subnet (default its first address)",
  },
  { name: "internal", type: "boolean", help: "Restrict external access to the network" },
  {
    name: "ip-range",
    type: "list",
    value: "cidr",
    help: "Allocate container addresses from a part of a subnet",
  },
  {
    name: "ipam-driver",
    type: "string",
    value: "default|dhcp|none",
    help: "Who gives addresses: wherry, a DHCP server on the parent's LAN, or nobody",
  },
  {
    name: "ipam-opt",
    type: "list",
    value: "name=value",
    help: "Set IPAM driver specific options",
  },
  {
    name: "ipv4",
    type: "boolean",
    default: true,
    help: "Enable or disable IPv4 address assignment",
  },
  {
    name: "ipv6",
    type: "boolean",
    help: "Enable or disable IPv6 address assignment (default: bridges have it if the host has)",
  },
  { name: "label", type: "list", value: "name=value", help: "Set metadata on a network" },
  {
    name: "opt",
    short: "o",
    type: "list",
    value: "name=value",
    help: "Set driver specific options: parent, mode, mtu, icc, name, masquerade, host_binding, " +
      "and docker's long names",
  },
  {
    name: "subnet",
    type: "list",
    value: "cidr",
    help: "Subnet in CIDR format; one for IPv4 and one for IPv6 (default one that nobody uses)",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry network ls`. */
export const NETWORK_LS_FLAGS = [
  {
    name: "filter",
    short: "f",
    type: "list",
    value: "name=value",
    help: "Only show what matches: dangling, driver, id, label, name, scope, type",
  },
  FORMAT_LONG_ONLY,
  NO_TRUNC,
  QUIET,
] as const satisfies readonly FlagSpec[];

/** Of `wherry network inspect`. */
export const NETWORK_INSPECT_FLAGS = [
  FORMAT,
  { name: "verbose", short: "v", type: "boolean", help: "Tell of services, too: there are none" },
] as const satisfies readonly FlagSpec[];

/** Of `wherry network rm`. */
export const NETWORK_RM_FLAGS = [
  {
    name: "force",
    short: "f",
    type: "boolean",
    help: "Do not error if the network does not exist",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry network connect`. */
export const NETWORK_CONNECT_FLAGS = [
  {
    name: "alias",
    type: "list",
    value: "name",
    help: "One more name by which others on the network find the container",
  },
  {
    name: "driver-opt",
    type: "list",
    value: "name=value",
    help: "Option for the network's driver",
  },
  {
    name: "gw-priority",
    type: "number",
    help: "The network with the highest priority leads to everything else (default 0)",
  },
  {
    name: "ip",
    type: "string",
    value: "address",
    help: "IPv4 address, for example 172.30.100.104",
  },
  { name: "ip6", type: "string", value: "address", help: "IPv6 address, for example 2001:db8::33" },
  {
    name: "link",
    type: "list",
    value: "container",
    help: "Refused: containers on a network find each other by name",
  },
  {
    name: "link-local-ip",
    type: "list",
    value: "address",
    help: "Refused: the kernel gives link-local addresses itself",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry network disconnect`. */
export const NETWORK_DISCONNECT_FLAGS = [
  {
    name: "force",
    short: "f",
    type: "boolean",
    help: "Disconnect the container even if the network is gone",
  },
] as const satisfies readonly FlagSpec[];

/** Of `wherry network prune`. */
export const NETWORK_PRUNE_FLAGS = [
  PRUNE_FILTER,
  PRUNE_FORCE,
] as const satisfies readonly FlagSpec[];
