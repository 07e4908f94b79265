/** Choosing containers as `ps --filter` does: pure. @module */

import { isListed, mountNameOf } from "../../container/record/mounts.ts";
import { WherryError } from "../../errors.ts";
import { type ContainerPort, networkNamesOf } from "../network/container_ports.ts";
import { parseLabelFilter, splitFilter } from "../base/filter_text.ts";
import type { Container } from "../record/find.ts";

/** Whether a container is wanted. */
type Predicate = (container: Container) => boolean;

/** What filters need to know besides the containers themselves. */
export interface FilterLookups {
  /** Finds the container that `before` or `since` names. */
  findContainer(wanted: string): Pick<Container, "config">;
  /** Names of the networks that a name or the beginning of an id stands for. */
  findNetworks(wanted: string): readonly string[];
  /** What a container exposes and publishes at the moment. */
  listPorts(container: Container): readonly ContainerPort[];
}

const STATUSES = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

const BOOLEANS = ["true", "1", "false", "0"];

const HEALTH_STATUSES = ["none", "starting", "healthy", "unhealthy"];

/** One kind of filter: from its value to what that wants. */
const FILTERS: Readonly<Record<string, (value: string, lookups: FilterLookups) => Predicate>> = {
  ancestor: (value) => ({ config: { root } }) =>
    root.type === "image" &&
    (root.reference === value || root.reference === `${value}:latest` ||
      `${root.reference}:latest` === value || isDigestPrefix(root.imageId, value)),
  before: (value, { findContainer }) => {
    const { createdAt } = findContainer(value).config;
    return ({ config }) => config.createdAt < createdAt;
  },
  exited: (value) => {
    const exitCode = parseExitCode(value);
    return ({ state }) => state.status === "exited" && state.exitCode === exitCode;
  },
  expose: (value, { listPorts }) => {
    const isWanted = parsePorts("expose", value);
    return (container) =>
      listPorts(container).some(({ containerPort, protocol }) => isWanted(containerPort, protocol));
  },
  health: (value) => {
    if (!HEALTH_STATUSES.includes(value)) throw invalidFilter("health", value, HEALTH_STATUSES);
    return ({ state }) => state.health === value;
  },
  id: (value) => {
    const pattern = parsePattern("id", value);
    return ({ config }) => pattern.test(config.id);
  },
  "is-task": (value) => {
    if (!BOOLEANS.includes(value)) throw invalidFilter("is-task", value, BOOLEANS);
    // There are no swarms, and so no containers of their tasks
    return () => ["false", "0"].includes(value);
  },
  label: (value) => {
    const hasLabel = parseLabelFilter(value);
    return ({ config }) => hasLabel(config.labels);
  },
  name: (value) => {
    const pattern = parsePattern("name", value);
    // Names once began with a slash, and filters that anchor it are still around
    return ({ config }) => pattern.test(config.name) || pattern.test(`/${config.name}`);
  },
  network: (value, { findNetworks }) => {
    const wanted = findNetworks(value);
    return ({ config }) => networkNamesOf(config).some((name) => wanted.includes(name));
  },
  publish: (value, { listPorts }) => {
    const isWanted = parsePorts("publish", value);
    return (container) =>
      listPorts(container).some(({ hostPort, protocol }) => isWanted(hostPort, protocol));
  },
  since: (value, { findContainer }) => {
    const { createdAt } = findContainer(value).config;
    return ({ config }) => config.createdAt > createdAt;
  },
  status: (value) => {
    if (!STATUSES.includes(value)) throw invalidFilter("status", value, STATUSES);
    return ({ state }) => state.status === value;
  },
  volume: (value) => ({ config: { mounts } }) =>
    mounts.filter(isListed).some((mount) => mount.target === value || mountNameOf(mount) === value),
};

/** Filters of which all values must hold; of the others one is enough. */
const CONJUNCTIVE: ReadonlySet<string> = new Set(["label"]);

/** Filters of which one is enough, whichever of them it is. */
const PORT_FILTERS: ReadonlySet<string> = new Set(["expose", "publish"]);

/** Which containers somebody asks for. */
export interface ContainerFilter {
  matches(container: Container): boolean;
  /** Whether it speaks of states, so that stopped containers are wanted too. */
  readonly hasStatus: boolean;
}

/**
 * Reads filters, as `name=value`.
 *
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value, and what `lookups` throw.
 */
export function parseContainerFilter(
  texts: readonly string[],
  lookups: FilterLookups,
): ContainerFilter {
  const predicates = new Map<string, Predicate[]>();
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    const make = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (make === undefined) {
      throw new WherryError("invalid_argument", `Cannot filter by "${name}": no such filter`, {
        hint: `Filter by ${Object.keys(FILTERS).join(", ")}`,
      });
    }
    const group = PORT_FILTERS.has(name) ? "ports" : name;
    predicates.set(group, [...(predicates.get(group) ?? []), make(value, lookups)]);
  }
  return {
    hasStatus: predicates.has("status"),
    matches: (container) =>
      Array.from(predicates).every(([name, choices]) =>
        CONJUNCTIVE.has(name)
          ? choices.every((isWanted) => isWanted(container))
          : choices.some((isWanted) => isWanted(container))
      ),
  };
}

const MAX_EXIT_CODE = 255;

function parseExitCode(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= MAX_EXIT_CODE) return Number(text);
  throw invalidFilter("exited", text, ["a number from 0 to 255"]);
}

const MAX_PORT = 65535;

/** `PORT[-PORT][/PROTOCOL]`; TCP without a protocol. */
function parsePorts(name: string, text: string): (port: number, protocol: string) => boolean {
  const [, first, last = first, wanted = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first !== undefined && from <= to && to <= MAX_PORT) {
    return (port, protocol) => protocol === wanted && port >= from && port <= to;
  }
  throw invalidFilter(name, text, ["a port or a range of ports"]);
}

function parsePattern(name: string, text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch {
    // What the engine says of a bad pattern is no more than that it is one
    throw invalidFilter(name, text, ["a regular expression"]);
  }
}

function invalidFilter(name: string, value: string, choices: readonly string[]): WherryError {
  return new WherryError("invalid_argument", `Cannot filter by "${name}=${value}": invalid value`, {
    hint: `The value is ${choices.join(", ")}`,
  });
}

const ALGORITHM = "sha256:";

function isDigestPrefix(digest: string, text: string): boolean {
  const hex = text.replace(/^sha256:/, "");
  return hex.length >= 4 && digest.slice(ALGORITHM.length).startsWith(hex);
}
