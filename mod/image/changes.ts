/** Fields of an image as a Dockerfile writes them, for `import --change`. @module */

import { WherryError } from "../errors.ts";

/** The `config` object of a config blob, in the spec's spelling. */
export interface ProcessConfig {
  "Cmd"?: string[];
  "Entrypoint"?: string[];
  "Env"?: string[];
  "ExposedPorts"?: Record<string, Record<string, never>>;
  "Labels"?: Record<string, string>;
  "StopSignal"?: string;
  "User"?: string;
  "Volumes"?: Record<string, Record<string, never>>;
  "WorkingDir"?: string;
}

const INSTRUCTION = /^\s*(\w+)\s+(\S.*?)\s*$/s;
const NAME_AND_VALUE = /([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g;

/**
 * Makes an image's `config` object of Dockerfile instructions.
 *
 * Knows CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR.
 *
 * @param changes One instruction each, for example `ENV A=1 B="two words"`.
 * @throws {WherryError} `invalid_argument` if one is not understood.
 */
export function applyChanges(changes: readonly string[]): ProcessConfig {
  const config: ProcessConfig = {};
  for (const change of changes) {
    const [, word = "", rest = ""] = INSTRUCTION.exec(change) ?? [];
    if (!apply(config, word.toUpperCase(), rest)) {
      throw new WherryError(
        "invalid_argument",
        `Cannot apply the change "${change}": not understood`,
        {
          hint: "Write CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR, " +
            "as in --change 'CMD [\"sh\"]'",
        },
      );
    }
  }
  return config;
}

function apply(config: ProcessConfig, word: string, rest: string): boolean {
  if (rest === "") return false;
  switch (word) {
    case "CMD":
      config["Cmd"] = parseCommand(rest);
      return true;
    case "ENTRYPOINT":
      config["Entrypoint"] = parseCommand(rest);
      return true;
    case "ENV":
      return addEnv(config, rest);
    case "LABEL":
      return addLabels(config, rest);
    case "EXPOSE":
      config["ExposedPorts"] = {
        ...config["ExposedPorts"],
        ...asSet(rest.split(/\s+/).map(withProtocol)),
      };
      return true;
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
      config["WorkingDir"] = rest;
      return rest.startsWith("/");
    default:
      return false;
  }
}

/** A JSON list of strings is the exact command; anything else is for the shell. */
function parseCommand(text: string): string[] {
  return parseList(text) ?? ["/bin/sh", "-c", text];
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
  return Array.from(
    text.matchAll(NAME_AND_VALUE),
    ([, name = "", quoted, bare = ""]) => [name, quoted?.replace(/\\(.)/g, "$1") ?? bare],
  );
}

function withProtocol(port: string): string {
  return port.includes("/") ? port : `${port}/tcp`;
}

function asSet(names: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
