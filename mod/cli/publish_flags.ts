/** From `--publish` and `--expose` to ports. @module */

import type { PublishedPort } from "../container/config.ts";
import { argumentError } from "./argument_error.ts";

const MAX_PORT = 65535;
const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

/** Ports in a row. */
interface PortRange {
  first: number;
  last: number;
}

/**
 * Reads `--publish` flags: `[[ip:][host]:]container[/protocol]`, where each port may be a range.
 *
 * @throws {WherryError} `invalid_argument` for one that makes no sense, in docker's words.
 */
export function parsePublishFlags(texts: readonly string[]): PublishedPort[] {
  return texts.map(parsePublish);
}

function parsePublish(text: string): PublishedPort {
  const { rest, protocol } = splitProtocol(text);
  const [, bracketed, plain, host = "", container = ""] =
    /^(?:(?:\[([^\]]*)\]|([^:]*)):(?=[^:]*:))?(?:([^:]*):)?([^:]+)$/.exec(rest) ?? [];
  if (container === "") throw argumentError(`invalid containerPort: ${rest}`);
  const inside = parseRange(container, "containerPort", text);
  const outside = host === "" ? undefined : parseRange(host, "hostPort", text);
  const count = inside.last - inside.first + 1;
  if (outside !== undefined && count !== 1 && outside.last - outside.first + 1 !== count) {
    throw argumentError(
      `invalid ranges specified for container and host Ports: ${container} and ${host}`,
    );
  }
  return {
    protocol,
    containerPort: inside.first,
    hostAddress: checkHostAddress(bracketed ?? plain ?? ""),
    hostPort: outside?.first ?? 0,
    hostPortEnd: outside?.last ?? 0,
    count,
  };
}

function splitProtocol(text: string): { rest: string; protocol: PublishedPort["protocol"] } {
  const at = text.indexOf("/");
  if (at < 0) return { rest: text, protocol: "tcp" };
  const name = text.slice(at + 1).toLowerCase();
  const protocol = PROTOCOLS.find((known) => known === name);
  if (protocol === undefined) throw argumentError(`invalid proto: ${text.slice(at + 1)}`);
  return { rest: text.slice(0, at), protocol };
}

function parseRange(text: string, what: string, whole: string): PortRange {
  const [, from = "", to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(from), last: Number(to) };
  const isValid = from !== "" && range.first >= 1 && range.first <= range.last &&
    range.last <= MAX_PORT;
  if (isValid) return range;
  throw argumentError(`invalid ${what}: ${text}`, {
    hint: `In "${whole}": ports are 1 to ${MAX_PORT}`,
  });
}

function checkHostAddress(text: string): string {
  const isAddress = text === "" || /^\d+(\.\d+){3}$/.test(text) ||
    (text.includes(":") && /^[\da-fA-F:.]+$/.test(text));
  if (isAddress) return text;
  throw argumentError(`invalid IP address: ${text}`);
}

/**
 * Reads `--expose` flags: a port or a range, with or without a protocol.
 *
 * @returns `port/protocol` for each port.
 * @throws {WherryError} `invalid_argument` for one that makes no sense.
 */
export function parseExposeFlags(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    if (text.includes(":")) throw argumentError(`invalid port format for --expose: ${text}`);
    const { rest, protocol } = splitProtocol(text);
    const { first, last } = parseRange(rest, "port", text);
    return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
  });
}
