/** From `--dns`, `--add-host` and their like to how a container finds the addresses of names. @module */

import type { NameLookup } from "../../container/record/config.ts";
import { parseIpAddress } from "../../kernel/ip.ts";
import type { WherryError } from "../../errors.ts";
import { flagError } from "../base/argument_error.ts";

/** The flags, as they are parsed. */
export interface NameFlags {
  "add-host": string[];
  dns: string[];
  "dns-search": string[];
  "dns-option": string[];
}

/** Stands for the host as the container sees it. */
const HOST_GATEWAY = "host-gateway";
/** What stands in `/etc/hosts`. */
export const HOST_NAME = /^[a-zA-Z0-9_][\w.-]{0,252}$/;
const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);
const MAX_DOMAIN_LENGTH = 254;
/** What may stand in one line. */
const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * Reads the flags.
 *
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, in docker's words.
 */
export function planNameLookup(flags: NameFlags): NameLookup {
  return {
    servers: flags.dns.map(checkServer),
    searches: flags["dns-search"].map(checkDomain),
    options: flags["dns-option"].map(checkOption),
    extraHosts: flags["add-host"].map(parseExtraHost),
  };
}

function checkServer(text: string): string {
  if (parseIpAddress(text) !== undefined) return text;
  throw invalidValue("dns", text, `IP address is not correctly formatted: ${text}`);
}

/** A single dot stands for no domains at all, not even the host's. */
function checkDomain(text: string): string {
  const isDomain = /[a-zA-Z]/.test(text) && text.length <= MAX_DOMAIN_LENGTH && DOMAIN.test(text);
  if (text === "." || isDomain) return text;
  throw invalidValue("dns-search", text, `${text} is not a valid domain`);
}

function checkOption(text: string): string {
  if (PRINTABLE.test(text)) return text;
  throw invalidValue("dns-option", text, "it is not of one line");
}

/** `name=address` or `name:address`, and `host-gateway` for an address. */
function parseExtraHost(text: string): string {
  const [, name = "", address = ""] = /^([^:=]*)[:=](.*)$/.exec(text) ?? [];
  if (!HOST_NAME.test(name)) {
    throw invalidValue("add-host", text, `bad format for add-host: "${text}"`);
  }
  const bare = address.replace(/^\[(.+)\]$/, "$1");
  if (bare === HOST_GATEWAY || parseIpAddress(bare) !== undefined) return `${name}:${bare}`;
  throw invalidValue("add-host", text, `invalid IP address in add-host: "${bare}"`);
}

function invalidValue(flag: string, text: string, why: string): WherryError {
  return flagError(`invalid argument "${text}" for "--${flag}" flag: ${why}`);
}
