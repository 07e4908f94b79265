/**
 * What each field of a container's record may be: the record may have been damaged or written by hand.
 *
 * @module
 */

import { isName } from "./name.ts";

type Check = (value: unknown) => boolean;

/** Whether a field of a record is what its type says, and leads to no other place of the host. */
export const FIELD_CHECKS = {
  schema: isCount,
  id: isString,
  name: (value) => typeof value === "string" && isName(value),
  createdAt: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
  root: isRoot,
  entrypoint: isStrings,
  command: isStrings,
  env: isStrings,
  workingDirectory: isString,
  user: isString,
  hostname: isString,
  hasTerminal: isBoolean,
  hasStdin: isBoolean,
  closesStdin: isBoolean,
  hasInit: isBoolean,
  isReadOnly: isBoolean,
  isAutoRemoved: isBoolean,
  networkMode: (value) => typeof value === "string" && /^(container:)?[\w][\w.-]*$/.test(value),
  endpoints: (value) => Array.isArray(value) && value.every(isEndpointRequest),
  publishedPorts: (value) => Array.isArray(value) && value.every(isPublishedPort),
  publishesAll: isBoolean,
  exposedPorts: isStrings,
  nameLookup: isNameLookup,
  domainname: isString,
  mounts: (value) => Array.isArray(value) && value.every(isMount),
  labels: isTexts,
  stopSignal: isString,
  stopTimeoutSeconds: (value) => Number.isSafeInteger(value),
  isIdle: isBoolean,
  restartPolicy: isRestartPolicy,
  log: isLog,
  healthCheck: (value) => value === null || isHealthCheck(value),
  attachedStreams: isStrings,
  startsAtOnce: isBoolean,
} as const satisfies Readonly<Record<string, Check>>;

/** Whether a value from JSON is an object, and neither a list nor `null`. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isString);
}

/** By name. */
function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every(isString);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isRoot(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value["type"] === "directory") return isString(value["path"]);
  return value["type"] === "image" && isString(value["imageId"]) && isString(value["reference"]) &&
    isStrings(value["layers"]) && value["layers"].every((layer) => /^\w[\w.:-]*$/.test(layer));
}

function isMount(value: unknown): boolean {
  if (!isObject(value) || !isString(value["target"])) return false;
  if (value["type"] === "tmpfs") return isString(value["options"]);
  return value["type"] === "bind" && isString(value["source"]) && isBoolean(value["isReadOnly"]) &&
    isBoolean(value["createsSource"]) && isString(value["propagation"]);
}

function isEndpointRequest(value: unknown): boolean {
  return isObject(value) && isNetwork(String(value["network"])) && isStrings(value["aliases"]) &&
    isString(value["ipv4"]) && isString(value["ipv6"]) && isString(value["macAddress"]) &&
    isObject(value["driverOptions"]) && Object.values(value["driverOptions"]).every(isString) &&
    Number.isSafeInteger(value["gatewayPriority"]);
}

/** Networks may have names of one letter, too. */
function isNetwork(name: string): boolean {
  return /^[a-zA-Z0-9][\w.-]*$/.test(name);
}

function isPublishedPort(value: unknown): boolean {
  return isObject(value) && ["tcp", "udp", "sctp"].includes(String(value["protocol"])) &&
    isString(value["hostAddress"]) &&
    ["containerPort", "hostPort", "hostPortEnd", "count"].every((field) =>
      isCount(value[field]) && Number(value[field]) <= 65535
    );
}

function isNameLookup(value: unknown): boolean {
  return isObject(value) && isStrings(value["servers"]) && isStrings(value["searches"]) &&
    isStrings(value["options"]) && isStrings(value["extraHosts"]);
}

function isRestartPolicy(value: unknown): boolean {
  return isObject(value) && isCount(value["maximumRetries"]) &&
    ["no", "on-failure", "always", "unless-stopped"].includes(String(value["name"]));
}

function isLog(value: unknown): boolean {
  return isObject(value) && isCount(value["maxBytes"]) && isCount(value["maxFiles"]) &&
    ["local", "json-file", "none"].includes(String(value["driver"])) &&
    isTexts(value["options"] ?? {});
}

function isHealthCheck(value: unknown): boolean {
  return isObject(value) && isStrings(value["test"]) && isStrings(value["shell"]) &&
    isCount(value["intervalMs"]) && isCount(value["timeoutMs"]) &&
    isCount(value["startPeriodMs"]) && isCount(value["startIntervalMs"]) &&
    isCount(value["retries"]) &&
    ["none", "restart", "stop", "kill"].includes(String(value["onFailure"]));
}
