/**
 * Which registries have mirrors, or are talked to in another way than usual.
 *
 * ```json
 * {
 *   "registries": {
 *     "docker.io": { "mirrors": ["https://mirror.example", "https://harbor.example/proxied"] },
 *     "registry.lan:5000": { "insecure": true },
 *     "registry.corp.example": { "ca": "/etc/ssl/corp.pem" }
 *   }
 * }
 * ```
 *
 * A registry is named as in references. A mirror is the address of a registry; a path in it stands before the names
 * of repositories. What is said of a mirror's own host holds for it, too.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import { readUserFile } from "./user_file.ts";

/** What is special about one registry. */
export interface RegistryOptions {
  /** Where to look first, in this order. @default {nowhere} */
  mirrors?: readonly URL[];
  /** Whether any certificate, and HTTP, will do. @default {false} */
  insecure?: boolean;
  /** File of certificates, as PEM, that are trusted besides the host's. @default {none} */
  ca?: string;
}

/** By `host[:port]`. */
export type RegistryConfig = ReadonlyMap<string, RegistryOptions>;

/** Where {@linkcode readRegistryConfig} looks unless told otherwise. */
export const REGISTRY_CONFIG_PATH = "/etc/wherry/registries.json";

/**
 * Reads the file; a missing one says nothing.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed: a word that is not known may be a misspelt one.
 */
export function readRegistryConfig(path: string): RegistryConfig {
  const text = readUserFile(path);
  if (text === undefined) return new Map();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new WherryError("invalid_argument", `Cannot read "${path}": it is not JSON`, { cause });
  }
  return parseRegistryConfig(json, path);
}

/**
 * Checks the content of such a file.
 *
 * @param path For the error message.
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function parseRegistryConfig(json: unknown, path: string): RegistryConfig {
  const refuse = (state: string): never => {
    throw new WherryError("invalid_argument", `Cannot read "${path}": ${state}`);
  };
  const fields = knownFields(json, ["registries"]);
  if (typeof fields === "string") return refuse(fields);
  const registries = fields.get("registries") ?? {};
  if (!isObject(registries)) return refuse("registries is not an object");
  return new Map(
    Object.entries(registries).map(([host, value]) => {
      const options = parseOptions(value);
      return [host, typeof options === "string" ? refuse(`of "${host}", ${options}`) : options];
    }),
  );
}

/** @returns What is wrong, if it is a text. */
function parseOptions(json: unknown): RegistryOptions | string {
  const fields = knownFields(json, ["mirrors", "insecure", "ca"]);
  if (typeof fields === "string") return fields;
  const insecure = fields.get("insecure");
  const ca = fields.get("ca");
  if (insecure !== undefined && typeof insecure !== "boolean") return "insecure is not a boolean";
  if (ca !== undefined && (typeof ca !== "string" || !ca.startsWith("/"))) {
    return "ca is not an absolute path";
  }
  const mirrors = parseMirrors(fields.get("mirrors") ?? []);
  if (typeof mirrors === "string") return mirrors;
  return {
    mirrors,
    ...(insecure === undefined ? {} : { insecure }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function parseMirrors(json: unknown): readonly URL[] | string {
  if (!Array.isArray(json)) return "mirrors is not a list";
  const mirrors: URL[] = [];
  for (const item of json) {
    const url = typeof item === "string" ? parseMirror(item) : undefined;
    if (url === undefined) return `${JSON.stringify(item)} is not the address of a mirror`;
    mirrors.push(url);
  }
  return mirrors;
}

function parseMirror(text: string): URL | undefined {
  const url = URL.parse(text);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === "" &&
    url.hash === "" && url.username === "" && url.password === "";
  return isPlain ? url : undefined;
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** @returns What is wrong, if it is a text. */
function knownFields(json: unknown, names: readonly string[]): Map<string, unknown> | string {
  if (!isObject(json)) return "it is not an object";
  const unknown = Object.keys(json).find((name) => !names.includes(name));
  return unknown === undefined ? new Map(Object.entries(json)) : `"${unknown}" is not known`;
}
