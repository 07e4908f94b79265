/** Flags that say what a container's network is, and its names there. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const CONNECTION_FLAGS = [
  {
    name: "add-host",
    type: "list",
    value: "name:address",
    help: "Add a line to the container's /etc/hosts; host-gateway stands for the host's address",
  },
  { name: "dns", type: "list", value: "address", help: "Set custom name servers" },
  {
    name: "dns-option",
    aliases: ["dns-opt"],
    type: "list",
    value: "option",
    help: "Set options of the resolver, as in resolv.conf",
  },
  { name: "dns-search", type: "list", value: "domain", help: "Set custom search domains" },
  { name: "domainname", type: "string", help: "Container NIS domain name" },
  {
    name: "expose",
    type: "list",
    value: "port[/protocol]",
    help: "Expose a port or a range of ports, which --publish-all publishes",
  },
  {
    name: "gateway",
    type: "string",
    value: "address",
    help: "Router of the LAN, with --network static",
  },
  { name: "hostname", short: "h", type: "string", help: "Container host name" },
  {
    name: "ip",
    type: "string",
    value: "address",
    singleDashValue: /^\d+(\.\d+){3}(\/\d+)?$/,
    help: "IPv4 address on the first network",
  },
  { name: "ip6", type: "string", value: "address", help: "IPv6 address on the first network" },
  {
    name: "link",
    type: "list",
    value: "container:alias",
    help: "Refused: containers on one network find each other by name",
    hidden: true,
  },
  {
    name: "mac-address",
    type: "string",
    value: "address",
    help: "Hardware address on the first network",
  },
  {
    name: "network",
    aliases: ["net"],
    type: "list",
    value: "network",
    help: "Connect to a network: a name with options such as NAME:ip=ADDRESS,alias=NAME, host, " +
      "none, container:ID, or dhcp and static with --parent (default bridge)",
  },
  {
    name: "network-alias",
    aliases: ["net-alias"],
    type: "list",
    value: "name",
    help: "Add a name by which others on the first network find the container",
  },
  {
    name: "parent",
    type: "string",
    value: "link",
    help: "Link of the host whose LAN the container joins, with --network dhcp or static",
  },
  {
    name: "publish",
    short: "p",
    type: "list",
    value: "[[ip:]host:]container[/protocol]",
    help: "Publish a port or a range of ports of the container on the host; " +
      "a range for one port takes the first that is free",
  },
  {
    name: "publish-all",
    short: "P",
    type: "boolean",
    help: "Publish all exposed ports on free ports of the host",
  },
] as const satisfies readonly FlagSpec[];
