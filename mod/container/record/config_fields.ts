/**
 * What each field of a container's record may be: the record may have been damaged or written by hand.
 *
 * @module
 */

import {
  type FieldCheck,
  isBoolean,
  isCount,
  isListOf,
  isObject,
  isOneOf,
  isString,
  isStrings,
  isTexts,
  isTime,
} from "../../store/record_fields.ts";
import { isName } from "./name.ts";
import type { Resources } from "../resource/resources.ts";

/** Whether a field of a record is what its type says, and leads to no other place of the host. */
export const CONTAINER_FIELD_CHECKS = {
  schema: isCount,
  id: isString,
  name: (value) => isString(value) && isName(value),
  createdAt: isTime,
  root: isRoot,
  storageDriver: isOneOf("overlay", "copy"),
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
  networkMode: (value) => isString(value) && /^(container:)?[\w][\w.-]*$/.test(value),
  endpoints: isListOf(isEndpointRequest),
  publishedPorts: isListOf(isPublishedPort),
  publishesAll: isBoolean,
  exposedPorts: isStrings,
  nameLookup: isNameLookup,
  domainname: isString,
  mounts: isListOf(isMount),
  givenMounts: isGivenMounts,
  labels: isTexts,
  stopSignal: isString,
  stopTimeoutSeconds: (value) => Number.isSafeInteger(value),
  isIdle: isBoolean,
  restartPolicy: isRestartPolicy,
  log: isLog,
  healthCheck: (value) => value === null || isHealthCheck(value),
  attachedStreams: isStrings,
  startsAtOnce: isBoolean,
  resources: isResources,
  security: isSecurity,
  namespaces: isNamespaces,
} as const satisfies Readonly<Record<string, FieldCheck>>;

function isRoot(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value["type"] === "directory") return isString(value["path"]);
  return value["type"] === "image" && isString(value["imageId"]) && isString(value["reference"]) &&
    isStrings(value["layers"]) && value["layers"].every((layer) => /^\w[\w.:-]*$/.test(layer));
}

function isMount(value: unknown): boolean {
  if (!isObject(value) || !isString(value["target"])) return false;
  switch (value["type"]) {
    case "tmpfs":
      return isString(value["options"]) && isBoolean(value["isListed"] ?? false);
    case "bind":
      return isString(value["source"]) && isBoolean(value["isReadOnly"]) &&
        isBoolean(value["createsSource"]) && isString(value["propagation"]) &&
        isBoolean(value["isIdMapped"] ?? false) &&
        isOneOf("enabled", "disabled", "writable", "readonly")(value["recursion"] ?? "enabled") &&
        isString(value["mode"] ?? "");
    case "volume":
      return isVolumeName(value["name"]) && isString(value["subpath"]) &&
        isString(value["mode"] ?? "") &&
        ["isReadOnly", "isAnonymous", "copiesContent"].every((field) => isBoolean(value[field])) &&
        isBoolean(value["isElsewhere"] ?? false);
    case "image":
      return isString(value["subpath"]) && isRoot(value);
    default:
      return false;
  }
}

/** Nothing is done by what they say. */
function isGivenMounts(value: unknown): boolean {
  return isObject(value) && isString(value["volumeDriver"]) && isListOf(isObject)(value["specs"]) &&
    ["binds", "volumesFrom", "volumes"].every((field) => isStrings(value[field]));
}

/** As `mod/volume/volume.ts` has it. */
function isVolumeName(value: unknown): boolean {
  return isString(value) && /^[a-zA-Z0-9][\w.-]+$/.test(value);
}

function isEndpointRequest(value: unknown): boolean {
  return isObject(value) && isNetwork(String(value["network"])) && isStrings(value["aliases"]) &&
    isString(value["ipv4"]) && isString(value["ipv6"]) && isString(value["macAddress"]) &&
    isTexts(value["driverOptions"]) &&
    Number.isSafeInteger(value["gatewayPriority"]);
}

/** Networks may have names of one letter, too. */
function isNetwork(name: string): boolean {
  return /^[a-zA-Z0-9][\w.-]*$/.test(name);
}

function isPublishedPort(value: unknown): boolean {
  return isObject(value) && isOneOf("tcp", "udp", "sctp")(value["protocol"]) &&
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
    isOneOf("no", "on-failure", "always", "unless-stopped")(value["name"]);
}

function isLog(value: unknown): boolean {
  return isObject(value) && isCount(value["maxBytes"]) && isCount(value["maxFiles"]) &&
    isOneOf("local", "json-file", "none")(value["driver"]) &&
    isTexts(value["options"] ?? {});
}

function isHealthCheck(value: unknown): boolean {
  return isObject(value) && isStrings(value["test"]) && isStrings(value["shell"]) &&
    isCount(value["intervalMs"]) && isCount(value["timeoutMs"]) &&
    isCount(value["startPeriodMs"]) && isCount(value["startIntervalMs"]) &&
    isCount(value["retries"]) &&
    isOneOf("none", "restart", "stop", "kill")(value["onFailure"]);
}

/** Whether a value from JSON says how much of the host a container may use. */
export function isResources(value: unknown): value is Resources {
  return isObject(value) &&
    ["memorySwap", "memorySwappiness", "cpuQuota", "pidsLimit"].every((field) =>
      Number.isSafeInteger(value[field])
    ) &&
    [
      "memory",
      "memoryReservation",
      "nanoCpus",
      "cpuPeriod",
      "cpuShares",
      "blkioWeight",
    ].every((field) => isCount(value[field])) &&
    [
      "blkioDeviceWeights",
      "deviceReadBps",
      "deviceWriteBps",
      "deviceReadIops",
      "deviceWriteIops",
    ].every((field) => isListOf(isDeviceLimit)(value[field])) &&
    ["cpusetCpus", "cpusetMems", "cgroupParent"].every((field) => isString(value[field])) &&
    isBoolean(value["isOomKillDisabled"]);
}

function isDeviceLimit(value: unknown): boolean {
  return isObject(value) && isString(value["path"]) && isCount(value["value"]);
}

function isSecurity(value: unknown): boolean {
  return isObject(value) &&
    ["isPrivileged", "hasNoNewPrivileges", "hasWritableCgroups"].every((field) =>
      isBoolean(value[field])
    ) &&
    [
      "addedCapabilities",
      "droppedCapabilities",
      "options",
      "groups",
      "deviceRules",
    ].every((field) => isStrings(value[field])) &&
    ["maskedPaths", "readonlyPaths"].every((field) =>
      value[field] === null || isStrings(value[field])
    ) &&
    isString(value["apparmorProfile"]) &&
    isSeccomp(value["seccomp"]) && isTexts(value["sysctls"]) &&
    Number.isSafeInteger(value["umask"]) &&
    (value["oomScoreAdj"] === null || Number.isSafeInteger(value["oomScoreAdj"])) &&
    isCount(value["shmSize"]) &&
    isListOf(isUlimit)(value["ulimits"]) && isListOf(isDeviceRequest)(value["devices"]);
}

function isSeccomp(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value["type"] === "profile") return isString(value["json"]) && isString(value["file"]);
  return isOneOf("default", "unconfined")(value["type"]);
}

function isUlimit(value: unknown): boolean {
  return isObject(value) && isString(value["name"]) && Number.isSafeInteger(value["soft"]) &&
    Number.isSafeInteger(value["hard"]);
}

function isDeviceRequest(value: unknown): boolean {
  return isObject(value) && isString(value["hostPath"]) && isString(value["containerPath"]) &&
    isString(value["permissions"]);
}

const OF_CONTAINER = /^container:[0-9a-f]{64}$/;

function isNamespaces(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { pid, ipc, uts, cgroup, idRange } = value;
  const isOwn = isOneOf("private", "host");
  return (isOwn(pid) || OF_CONTAINER.test(String(pid))) &&
    (isOneOf("private", "shareable", "none", "host")(ipc) || OF_CONTAINER.test(String(ipc))) &&
    isOwn(uts) && isOwn(cgroup) &&
    (idRange === null || isIdRange(idRange));
}

/** The last one stands for no id at all. */
const MAX_ID = 2 ** 32 - 2;

/** None that holds the host's root. */
function isIdRange(value: unknown): boolean {
  if (!isObject(value) || !isCount(value["first"]) || !isCount(value["count"])) return false;
  const [first, count] = [Number(value["first"]), Number(value["count"])];
  return first > 0 && count > 0 && first + count - 1 <= MAX_ID;
}
