/** A container's record: what was asked for. @module */

import { WherryError } from "../../errors.ts";
import type { ContainerPaths } from "../../store/paths.ts";
import { readRecord } from "../../store/record.ts";
import { checkFields, isObject } from "../../store/record_fields.ts";
import { CONTAINER_FIELD_CHECKS } from "./config_fields.ts";
import { type ContainerMount, type GivenMounts, NO_GIVEN_MOUNTS } from "./mounts.ts";
import { type Namespaces, PRIVATE_NAMESPACES } from "./namespaces.ts";
import { NO_LIMITS, type Resources } from "../resource/resources.ts";
import { DEFAULT_SECURITY, type Security } from "../security/security.ts";

/**
 * Which network a container is in, in docker's words: `none`, `host`, `container:` and an id, or the name of a network,
 * which is `bridge` unless somebody says otherwise.
 */
export type NetworkMode = string;

/** How a container is to be attached to a network. */
export interface EndpointRequest {
  /** The network's name. */
  network: string;
  /** What others on the network find the container by, besides its name and id. */
  aliases: string[];
  /** Wanted IPv4 address; empty for any. */
  ipv4: string;
  /** Wanted IPv6 address; empty for any. */
  ipv6: string;
  /** Wanted hardware address; empty for any. */
  macAddress: string;
  /** Options of the network's driver, as given. */
  driverOptions: Record<string, string>;
  /** The endpoint with the highest one has the default route. */
  gatewayPriority: number;
}

/** An attachment to a network without any wishes. */
export function newEndpointRequest(network: string): EndpointRequest {
  return {
    network,
    aliases: [],
    ipv4: "",
    ipv6: "",
    macAddress: "",
    driverOptions: {},
    gatewayPriority: 0,
  };
}

/** Ports of the container that are to be reached through the host. */
export interface PublishedPort {
  /** Of the transport. */
  protocol: "tcp" | "udp" | "sctp";
  /** Port inside, 1 to 65535. */
  containerPort: number;
  /** Host address; empty for all. */
  hostAddress: string;
  /** Port on the host; 0 for any that is free. */
  hostPort: number;
  /** Last port on the host of those that will do; `hostPort` unless a range is given for one container port. */
  hostPortEnd: number;
  /** How many in a row, from `containerPort` and `hostPort` on; at least 1. */
  count: number;
}

/** Where a container finds the addresses of names. */
export interface NameLookup {
  /** Addresses of name servers; empty for the host's. */
  servers: string[];
  /** Domains to look in; empty for the host's. */
  searches: string[];
  /** Options of resolv.conf(5); empty for the host's. */
  options: string[];
  /** Lines for `/etc/hosts`: `name:address`, and `host-gateway` for an address. */
  extraHosts: string[];
}

/** When a container is started again after its end. */
export interface RestartPolicy {
  /** In docker's words; see `docs/monitor.md`, "Restarts". */
  name: "no" | "on-failure" | "always" | "unless-stopped";
  /** How often `on-failure` tries; 0 means without limit. */
  maximumRetries: number;
}

/** How its output is kept. */
export interface LogConfig {
  /** `local` keeps every byte, in the Kubernetes CRI format; `json-file` is docker's format; `none` keeps nothing. */
  driver: "local" | "json-file" | "none";
  /** Size at which the log is rotated, in bytes; 0 means never. */
  maxBytes: number;
  /** How many files there are at most, the current one included. */
  maxFiles: number;
  /** All that was asked for, as it was typed. @default {nothing} */
  options?: Record<string, string>;
}

/** How the monitor finds out whether a container does its work. */
export interface HealthCheck {
  /** The command: `["CMD", ...argv]`, `["CMD-SHELL", text]` for the image's shell, or `["NONE"]` for no checks. */
  test: string[];
  /** What `CMD-SHELL` runs its text with, for example `["/bin/sh", "-c"]`. */
  shell: string[];
  /** Time between two checks, in milliseconds; 0 is the default, here and below (see {@linkcode activeHealthCheck}). */
  intervalMs: number;
  /** A check that takes longer has failed, in milliseconds. */
  timeoutMs: number;
  /** How long after the start failures do not count, in milliseconds. */
  startPeriodMs: number;
  /** Time between two checks during the start period, in milliseconds. */
  startIntervalMs: number;
  /** Failures in a row that make it unhealthy. */
  retries: number;
  /** What is done when it becomes unhealthy. */
  onFailure: "none" | "restart" | "stop" | "kill";
}

/** What a container's root file system is made of. */
export type RootSource =
  | {
    type: "image";
    /** Digest of the config blob. */
    imageId: string;
    /** What the user typed. */
    reference: string;
    /** Names of the unpacked layers below `layers/`, base layer first. */
    layers: string[];
  }
  | {
    type: "directory";
    /** Absolute path of a host directory that is never written to. */
    path: string;
  };

/** How a container's root file system is made of its image: mounted on top of the layers, or a copy of them. */
export type StorageDriver = "overlay" | "copy";

/** Everything that was asked for when a container was created. */
export interface ContainerConfig {
  /** Version of this record's shape. */
  schema: 1;
  /** 64 lower-case hexadecimal digits. */
  id: string;
  /** What people call it; unique. */
  name: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** What its root file system is made of. */
  root: RootSource;
  /** How its root file system is made of that. */
  storageDriver: StorageDriver;
  /** The program that always runs first; may be empty. */
  entrypoint: string[];
  /** Arguments, or the whole command when there is no entrypoint. */
  command: string[];
  /** `NAME=value` of the image and of who asked for the container; see {@linkcode processEnv}. */
  env: string[];
  /** Absolute path inside; made if missing. */
  workingDirectory: string;
  /** `user[:group]`, names or numbers; empty for root. */
  user: string;
  /** Host name inside. */
  hostname: string;
  /** Whether all three streams are one pseudo terminal. */
  hasTerminal: boolean;
  /** Whether stdin is kept open for attached clients. */
  hasStdin: boolean;
  /** Whether stdin ends when the first attached client's does. */
  closesStdin: boolean;
  /** Whether a reaping PID 1 runs before the command. */
  hasInit: boolean;
  /** Whether the root file system is read-only. */
  isReadOnly: boolean;
  /** Whether it is removed when it ends. */
  isAutoRemoved: boolean;
  /** Which network it is in. */
  networkMode: NetworkMode;
  /** The networks it is attached to; empty with `none`, `host` and `container:`. */
  endpoints: EndpointRequest[];
  /** Ports to publish. */
  publishedPorts: PublishedPort[];
  /** Whether each exposed port is published on a free port of the host. */
  publishesAll: boolean;
  /** `port/protocol`, of the image and as asked for. */
  exposedPorts: string[];
  /** Where it finds the addresses of names. */
  nameLookup: NameLookup;
  /** NIS domain name inside; empty for none. */
  domainname: string;
  /** What is mounted inside, besides the defaults. */
  mounts: ContainerMount[];
  /** What was said of mounts, for who inspects. */
  givenMounts: GivenMounts;
  /** Names and values for whoever looks. */
  labels: Record<string, string>;
  /** Name or number of the signal that asks it to end. */
  stopSignal: string;
  /** How long `stop` waits for that, in seconds; -1 waits for ever. */
  stopTimeoutSeconds: number;
  /** Whether PID 1 is a built-in init that only reaps; then there is no command. */
  isIdle: boolean;
  /** When it is started again. */
  restartPolicy: RestartPolicy;
  /** How its output is kept. */
  log: LogConfig;
  /** How its health is checked; `null` if nobody spoke of it. */
  healthCheck: HealthCheck | null;
  /** Streams that the command which made it was attached to, in docker's order: stdin, stdout, stderr. */
  attachedStreams: ("stdin" | "stdout" | "stderr")[];
  /** How much of the host it may use. */
  resources: Resources;
  /** What it may do. */
  security: Security;
  /** Which namespaces are its own. */
  namespaces: Namespaces;
  /** Whether the command that made it starts it too: then it is of no use to anybody if that command died before. */
  startsAtOnce: boolean;
}

const MEBIBYTE = 1024 * 1024;

/** Rotated by default, so that no container fills the disk. */
export const DEFAULT_LOG: Readonly<LogConfig> = {
  driver: "local",
  maxBytes: 10 * MEBIBYTE,
  maxFiles: 3,
};

/** Never started again by itself. */
export const NO_RESTART: Readonly<RestartPolicy> = { name: "no", maximumRetries: 0 };

/** As the host does it. */
export const HOST_NAME_LOOKUP: Readonly<NameLookup> = {
  servers: [],
  searches: [],
  options: [],
  extraHosts: [],
};

/** Fields that records of older versions do not have. */
const LATER_FIELDS = {
  storageDriver: "overlay",
  endpoints: [],
  publishedPorts: [],
  publishesAll: false,
  exposedPorts: [],
  nameLookup: HOST_NAME_LOOKUP,
  domainname: "",
  givenMounts: NO_GIVEN_MOUNTS,
  isIdle: false,
  restartPolicy: NO_RESTART,
  log: DEFAULT_LOG,
  healthCheck: null,
  attachedStreams: [],
  startsAtOnce: false,
  resources: NO_LIMITS,
  security: DEFAULT_SECURITY,
  namespaces: PRIVATE_NAMESPACES,
} as const satisfies Partial<Record<keyof ContainerConfig, unknown>>;

/**
 * Reads a container's record.
 *
 * @returns `undefined` if there is none, because the container was never finished or is gone.
 * @throws {WherryError} `corrupt` if it is damaged, or another container's.
 */
export function readContainerConfig(
  { config, directory }: ContainerPaths,
): ContainerConfig | undefined {
  try {
    return readRecord(config, (json) => {
      const parsed = parseContainerConfig(json);
      if (directory.endsWith(`/${parsed.id}`)) return parsed;
      throw new WherryError("corrupt", "Cannot read the container's record: it is another one's");
    });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotADirectory)) throw cause;
    throw new WherryError("corrupt", `Cannot read "${directory}": it is no directory`, { cause });
  }
}

/**
 * Takes a container's record from JSON.
 *
 * @throws {WherryError} `corrupt` if it is not one, or of a newer version.
 */
export function parseContainerConfig(json: unknown): ContainerConfig {
  if (!isObject(json) || json["schema"] !== 1) {
    throw new WherryError("corrupt", "Cannot read the container's record: its schema is not 1");
  }
  const config: object = { ...LATER_FIELDS, ...json };
  checkFields<ContainerConfig>(config, CONTAINER_FIELD_CHECKS, "container");
  return config;
}

/** docker's. */
const HEALTH_DEFAULTS = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  retries: 3,
} as const satisfies Partial<HealthCheck>;

/**
 * How a container's health is checked, with the defaults of what nobody gave.
 *
 * @returns `undefined` if it is not checked.
 */
export function activeHealthCheck(
  { healthCheck: check }: Pick<ContainerConfig, "healthCheck">,
): HealthCheck | undefined {
  if (check === null || check.test[0] === "NONE") return undefined;
  const given = Object.entries(check).filter(([, value]) => value !== 0);
  return { ...check, ...HEALTH_DEFAULTS, ...Object.fromEntries(given) };
}

/** The argument vector of a health check. */
export function healthCheckArgv({ test: [kind, ...words], shell }: HealthCheck): string[] {
  return kind === "CMD-SHELL" ? [...shell, ...words] : words;
}

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Joins lists of `NAME=value`; of several entries of one name the last counts.
 *
 * @returns In the order in which the names come first.
 */
export function mergeEnv(...lists: readonly (readonly string[])[]): string[] {
  const byName = new Map(lists.flat().map((entry) => [entry.split("=", 1)[0], entry]));
  return [...byName.values()];
}

/**
 * The environment of a process of a container, but for HOME.
 *
 * @param hasTerminal Whether the process has one.
 * @returns PATH, HOSTNAME and TERM, unless the container's own entries, which follow, name them.
 */
export function processEnv(
  { hostname, env }: Pick<ContainerConfig, "hostname" | "env">,
  hasTerminal: boolean,
): string[] {
  const defaults = [
    DEFAULT_PATH,
    `HOSTNAME=${hostname}`,
    ...(hasTerminal ? ["TERM=xterm"] : []),
  ];
  return mergeEnv(defaults, env);
}

/** The whole argument vector that is executed. */
export function containerArgv(config: ContainerConfig): string[] {
  return [...config.entrypoint, ...config.command];
}
