/** Fields of an image as a Dockerfile writes them, for `import --change` and `commit --change`. @module */

import { WherryError } from "../../errors.ts";
import { type HealthcheckConfig, parseHealthInstruction } from "./health_instruction.ts";

/** The `config` object of a config blob, in the spec's spelling. */
export interface ProcessConfig {
  "Cmd"?: string[];
  "Entrypoint"?: string[];
  "Env"?: string[];
  "ExposedPorts"?: Record<string, Record<string, never>>;
  "Healthcheck"?: HealthcheckConfig;
  "Labels"?: Record<string, string>;
  "OnBuild"?: string[];
  "Shell"?: string[];
  "StopSignal"?: string;
  "User"?: string;
  "Volumes"?: Record<string, Record<string, never>>;
  "WorkingDir"?: string;
}

const INSTRUCTION = /^\s*(\w+)\s+(\S.*?)\s*$/s;
/** A word of a pair, with parts of it in quotes. */
const NAME_AND_VALUE =
  /\s*((?:"(?:[^"\\]|\\.)*"|[^\s="'])+)=((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*)(?=\s|$)/gsy;
/** What the quotes and the backslashes of a word stand for. */
const QUOTED = /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs;

/** What can be in a change. */
const WORDS =
  "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR";

/**
 * Changes an image's `config` object as Dockerfile instructions say.
 *
 * Knows CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. An
 * ENTRYPOINT takes the command of before away, as it does in a Dockerfile.
 *
 * @param changes One instruction each, for example `ENV A=1 B="two words"`.
 * @param before What there is already; stays as it is. @default {nothing}
 * @throws {WherryError} `invalid_argument` if one is not understood.
 */
export function applyChanges(
  changes: readonly string[],
  before: Readonly<ProcessConfig> = {},
): ProcessConfig {
  const config: ProcessConfig = { ...before };
  const words = changes.map((change) => applyChange(config, change));
  if (words.includes("ENTRYPOINT") && !words.includes("CMD")) delete config["Cmd"];
  return config;
}

/** @returns The instruction's word. */
function applyChange(config: ProcessConfig, change: string): string {
  const [, word = "", rest = ""] = INSTRUCTION.exec(change) ?? [];
  const upper = word.toUpperCase();
  if (apply(config, upper, rest)) return upper;
  throw new WherryError(
    "invalid_argument",
    `Cannot apply the change "${change}": not understood`,
    { hint: `Write ${WORDS}, as in --change 'CMD ["sh"]'` },
  );
}

function apply(config: ProcessConfig, word: string, rest: string): boolean {
  if (rest === "") return false;
  switch (word) {
    case "CMD":
      config["Cmd"] = parseCommand(rest, config["Shell"]);
      return true;
    case "ENTRYPOINT":
      config["Entrypoint"] = parseCommand(rest, config["Shell"]);
      return true;
    case "ENV":
      return addEnv(config, rest);
    case "LABEL":
      return addLabels(config, rest);
    case "HEALTHCHECK":
      return setHealthcheck(config, rest);
    case "ONBUILD":
      config["OnBuild"] = [...(config["OnBuild"] ?? []), rest];
      return !NO_TRIGGER.test(rest);
    case "EXPOSE":
      return exposePorts(config, rest.split(/\s+/));
    case "VOLUME":
      config["Volumes"] = { ...config["Volumes"], ...asSet(parseList(rest) ?? rest.split(/\s+/)) };
      return true;
    case "STOPSIGNAL":
      config["StopSignal"] = rest;
      return true;
    case "USER":
      config["User"] = rest;
      return true;
    case "WORKDIR":
      config["WorkingDir"] = joinPath(config["WorkingDir"] ?? "", rest);
      return true;
    default:
      return false;
  }
}

/** What ONBUILD cannot keep for later. */
const NO_TRIGGER = /^(?:ONBUILD|FROM|MAINTAINER)\b/i;

function setHealthcheck(config: ProcessConfig, text: string): boolean {
  const check = parseHealthInstruction(text, parseList);
  if (check === undefined) return false;
  config["Healthcheck"] = check;
  return true;
}

/** A relative one is below the one before. */
function joinPath(before: string, path: string): string {
  return path.startsWith("/") ? path : `${before.replace(/\/$/, "")}/${path}`;
}

const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** A JSON list of strings is the exact command; anything else is for the shell. */
function parseCommand(text: string, shell: readonly string[] = DEFAULT_SHELL): string[] {
  return parseList(text) ?? [...shell, text];
}

function parseList(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  } catch (error) {
    // Not JSON: docker takes it for a shell's words too
    if (!(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}

function addEnv(config: ProcessConfig, text: string): boolean {
  const pairs = parsePairs(text);
  const names = new Set(pairs.map(([name]) => name));
  const kept = (config["Env"] ?? []).filter((entry) => !names.has(entry.split("=", 1)[0] ?? ""));
  config["Env"] = [...kept, ...pairs.map(([name, value]) => `${name}=${value}`)];
  return pairs.length > 0;
}

function addLabels(config: ProcessConfig, text: string): boolean {
  const pairs = parsePairs(text);
  config["Labels"] = { ...config["Labels"], ...Object.fromEntries(pairs) };
  return pairs.length > 0;
}

/** `A=1 B="two words"`, or the old form `A one value`. */
function parsePairs(text: string): [name: string, value: string][] {
  const first = text.split(/\s/, 1)[0] ?? "";
  if (!first.includes("=")) {
    const value = text.slice(first.length).trim();
    return value === "" ? [] : [[first, value]];
  }
  const pairs = Array.from(text.matchAll(NAME_AND_VALUE));
  const taken = pairs.reduce((length, [pair]) => length + pair.length, 0);
  // What is no pair must not get lost
  if (taken !== text.length) return [];
  return pairs.map(([, name = "", value = ""]) => [unquote(name), unquote(value)]);
}

function unquote(word: string): string {
  return word.replaceAll(
    QUOTED,
    (_, double?: string, single?: string, escaped = "") =>
      double?.replaceAll(/\\(.)/gs, "$1") ?? single ?? escaped,
  );
}

function exposePorts(config: ProcessConfig, texts: readonly string[]): boolean {
  const ports = texts.map(parsePorts);
  config["ExposedPorts"] = { ...config["ExposedPorts"], ...asSet(ports.flat()) };
  return ports.every(({ length }) => length > 0);
}

const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;
const MAX_PORT = 65_535;

/** `80`, `53/udp` or `8000-8010`, one entry for each port; none if it is not understood. */
function parsePorts(text: string): string[] {
  const [whole, first = "", last = first, protocol = "tcp"] = PORTS.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (whole === undefined || from < 1 || to > MAX_PORT) return [];
  return Array.from(
    { length: Math.max(0, to - from + 1) },
    (_, at) => `${from + at}/${protocol.toLowerCase()}`,
  );
}

function asSet(names: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
