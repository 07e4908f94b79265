/**
 * `config.json` of docker's client: who the user is at registries, and much that is none of wherry's business.
 *
 * @see {@link https://github.com/docker/cli/blob/v28.2.2/cli/config/configfile/file.go}
 * @module
 */

import { WherryError } from "../../errors.ts";
import { AT_FDCWD, setOwnerAt } from "../../kernel/file.ts";
import { replaceText } from "../../store/record.ts";
import type { Credentials } from "./credentials.ts";
import { readUserFile } from "./user_file.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** What such a file says about credentials. */
export interface DockerConfig {
  /** By key of the registry. */
  auths: ReadonlyMap<string, Credentials>;
  /** Names of helpers by key of the registry. */
  helpers: ReadonlyMap<string, string>;
  /** Name of the helper for all other registries. */
  defaultHelper: string | undefined;
}

/**
 * Reads the file; a missing one says nothing.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function readDockerConfig(path: string): DockerConfig {
  const json = readJson(path);
  const auths = objectAt(json, "auths", path);
  const helpers = objectAt(json, "credHelpers", path);
  const { credsStore } = json;
  return {
    auths: new Map(
      Object.entries(auths).flatMap(([key, value]) => {
        const credentials = parseAuth(value, () => refuse(path, `auths of "${key}" is malformed`));
        return credentials === undefined ? [] : [[key, credentials]];
      }),
    ),
    helpers: new Map(
      Object.entries(helpers).flatMap(([key, value]) =>
        typeof value === "string" ? [[key, value]] : refuse(path, "credHelpers is malformed")
      ),
    ),
    defaultHelper: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

/**
 * Changes what the file says about one registry, and nothing else. The file is replaced as a whole, for its owner
 * alone; a link stays one.
 *
 * @param credentials `"elsewhere"` if a helper has them; nothing if they are to be forgotten.
 * @returns Whether anything had to be changed.
 */
export function writeDockerAuth(
  path: string,
  key: string,
  credentials: Credentials | "elsewhere" | undefined,
): boolean {
  const json = readJson(path);
  const { [key]: old, ...others } = objectAt(json, "auths", path);
  const entry = credentials === "elsewhere" ? {} : credentials && formatAuth(credentials);
  if (JSON.stringify(old) === JSON.stringify(entry)) return false;
  const auths = entry === undefined ? others : { ...others, [key]: entry };
  replaceUserFile(path, JSON.stringify({ ...json, auths }, null, "\t"));
  return true;
}

function replaceUserFile(path: string, text: string): void {
  const target = followLinks(path);
  const directory = target.slice(0, target.lastIndexOf("/"));
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, gid } = Deno.statSync(ownerOf(target, directory));
  replaceText(target, text, { isDurable: true });
  // sudo leaves HOME as it is: the file stays the user's. What the user has put in its place by now is none of it
  setOwnerAt(AT_FDCWD, target, uid ?? KEEP, gid ?? KEEP);
}

function ownerOf(target: string, directory: string): string {
  return readUserFile(target) === undefined ? directory : target;
}

/** An owner or group that stays as it is. @see chown(2) */
const KEEP = -1;

/** Most links that are followed, as in path_resolution(7). */
const MAX_LINKS = 40;

/** Where links lead, also where nothing is there yet. */
function followLinks(path: string): string {
  let target = path;
  for (let hops = 0; hops < MAX_LINKS; hops++) {
    let link: string;
    try {
      link = Deno.readLinkSync(target);
    } catch {
      // It is none, or there is nothing
      return target;
    }
    target = link.startsWith("/") ? link : `${target.slice(0, target.lastIndexOf("/"))}/${link}`;
  }
  throw new WherryError("conflict", `Cannot write "${path}": too many links`);
}

function refuse(path: string, state: string): never {
  throw new WherryError("invalid_argument", `Cannot read "${path}": ${state}`);
}

function readJson(path: string): JsonObject {
  const text = readUserFile(path);
  if (text === undefined || text.trim() === "") return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message would quote what may be a secret
    return refuse(path, "it is not JSON");
  }
  return isObject(json) ? json : refuse(path, "it is not an object");
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function objectAt(json: JsonObject, key: string, path: string): JsonObject {
  const value = json[key] ?? {};
  return isObject(value) ? value : refuse(path, `${key} is not an object`);
}

/** @returns `undefined` for an entry that says nothing, which docker writes when a helper has the secret. */
function parseAuth(json: unknown, refuse: () => never): Credentials | undefined {
  if (!isObject(json)) return refuse();
  const { identitytoken, auth, username, password } = json;
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { type: "identity_token", token: identitytoken };
  }
  if (typeof auth === "string" && auth !== "") return decodeAuth(auth, refuse);
  return typeof username === "string" && typeof password === "string" && username !== ""
    ? { type: "password", username, password }
    : undefined;
}

function decodeAuth(auth: string, refuse: () => never): Credentials {
  let text: string;
  try {
    text = new TextDecoder().decode(Uint8Array.fromBase64(auth));
  } catch {
    return refuse();
  }
  const colon = text.indexOf(":");
  if (colon < 0) return refuse();
  // docker once padded passwords
  const password = text.slice(colon + 1).replace(/^\0+|\0+$/g, "");
  return { type: "password", username: text.slice(0, colon), password };
}

function formatAuth(credentials: Credentials): JsonObject {
  if (credentials.type === "identity_token") return { "identitytoken": credentials.token };
  const { username, password } = credentials;
  return { "auth": new TextEncoder().encode(`${username}:${password}`).toBase64() };
}
