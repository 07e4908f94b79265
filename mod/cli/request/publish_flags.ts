/** From `--publish` and `--expose` to ports. @module */

import type { PublishedPort } from "../../container/record/config.ts";
import { formatIpAddress, parseIpAddress } from "../../kernel/ip.ts";
import { flagError } from "../base/argument_error.ts";

const MAX_PORT = 65535;
const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

/** Ports in a row. */
interface PortRange {
  first: number;
  last: number;
}

/**
 * Reads `--publish` flags: `[[ip:][host]:]container[/protocol]`, where each port may be a range, or the long form
 * `published=8080,target=80,protocol=tcp`.
 *
 * @throws {WherryError} `invalid_argument` for one that makes no sense, in docker's words.
 */
export function parsePublishFlags(texts: readonly string[]): PublishedPort[] {
  return texts.map((text) => parsePublish(text.includes("=") ? shorten(text) : text));
}

/** The long form in the words of the short one, as docker reads it. */
function shorten(text: string): string {
  const fields = { published: "", target: "", protocol: "tcp", mode: "host" };
  for (const field of text.split(",")) {
    const [key = "", ...rest] = field.split("=");
    if (key === "" || rest.length === 0) {
      throw flagError(
        `invalid publish opts format (should be name=value but got '${field}')`,
      );
    }
    if (!isFieldOf(key, fields)) throw flagError(`invalid field key: ${key}`);
    fields[key] = rest.join("=");
  }
  const { published, target, protocol, mode } = fields;
  // There is no swarm, and so nothing but the host to publish on; docker's `run` takes either word
  if (mode !== "host" && mode !== "ingress") {
    throw flagError(`invalid publish mode value (${mode}): must be either 'ingress' or 'host'`);
  }
  return `${published}:${target}/${protocol}`;
}

function isFieldOf<T extends object>(key: string, fields: T): key is Extract<keyof T, string> {
  return Object.hasOwn(fields, key);
}

function parsePublish(text: string): PublishedPort {
  const words = text.split(":");
  const { port: container, protocol } = splitProtocol(words.pop() ?? "");
  const host = words.pop() ?? "";
  const hostAddress = parseHostAddress(words);
  if (container === "") throw flagError(`no port specified: ${text}<empty>`);
  const inside = parseContainerPorts(container);
  const outside = host === "" ? { first: 0, last: 0 } : parseHostPorts(host);
  const count = inside.last - inside.first + 1;
  if (host !== "" && count > 1 && outside.last - outside.first + 1 !== count) {
    throw flagError(
      `invalid ranges specified for container and host Ports: ${container} and ${host}`,
    );
  }
  return {
    protocol: checkProtocol(protocol),
    containerPort: inside.first,
    hostAddress,
    hostPort: outside.first,
    hostPortEnd: outside.last,
    count,
  };
}

function splitProtocol(text: string): { port: string; protocol: string } {
  const [port = "", ...rest] = text.split("/");
  return { port, protocol: rest.join("/") || "tcp" };
}

function checkProtocol(name: string): PublishedPort["protocol"] {
  const protocol = PROTOCOLS.find((known) => known === name.toLowerCase());
  if (protocol !== undefined) return protocol;
  throw flagError(`invalid proto: ${name}`, { hint: "Protocols are tcp, udp and sctp" });
}

/** An IPv6 address may stand without brackets, as docker reads it: what follows is behind the last two colons. */
function parseHostAddress(words: readonly string[]): string {
  const text = words.join(":");
  if (text === "") return "";
  const address = parseIpAddress(text.replace(/^\[(.*)\]$/, "$1"));
  if (address !== undefined) return formatIpAddress(address.bytes);
  throw flagError(`invalid IP address: ${text}`);
}

function parseContainerPorts(text: string): PortRange {
  const range = parseRange(text);
  // docker takes 0, and publishes a port that nobody can wait at
  if (range !== undefined && range.first > 0) return range;
  throw flagError(`invalid containerPort: ${text}`, { hint: PORTS_HINT });
}

/** 0 leaves the choice to wherry, as with docker. */
function parseHostPorts(text: string): PortRange {
  const range = parseRange(text);
  if (range !== undefined && (range.first > 0 || range.last === 0)) return range;
  throw flagError(`invalid hostPort: ${text}`, { hint: PORTS_HINT });
}

const PORTS_HINT = `Ports are 1 to ${MAX_PORT}`;

/** @returns `undefined` unless it is a port from 0 on, or a range of ports that goes up. */
function parseRange(text: string): PortRange | undefined {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(from), last: Number(to) };
  return range.first <= range.last && range.last <= MAX_PORT ? range : undefined;
}

/**
 * Reads `--expose` flags: a port or a range, with or without a protocol.
 *
 * @returns `port/protocol` for each port.
 * @throws {WherryError} `invalid_argument` for one that makes no sense, in docker's words.
 */
export function parseExposeFlags(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    if (text.includes(":")) throw flagError(`invalid port format for --expose: ${text}`);
    const { port, protocol } = splitProtocol(text);
    const range = parseRange(port);
    if (range === undefined || range.first === 0) {
      throw flagError(`invalid range format for --expose: ${text}`, { hint: PORTS_HINT });
    }
    const name = checkProtocol(protocol);
    return Array.from(
      { length: range.last - range.first + 1 },
      (_, index) => `${range.first + index}/${name}`,
    );
  });
}
