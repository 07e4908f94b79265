/** Choosing containers as `ps --filter` does: pure. @module */

import { WherryError } from "../errors.ts";
import { parseLabelFilter, splitFilter } from "./filter_text.ts";
import type { Container } from "./find.ts";

/** Whether a container is wanted. */
type Predicate = (container: Container) => boolean;

/** Finds the container that somebody means. */
type Find = (wanted: string) => Pick<Container, "config">;

const STATUSES = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

const BOOLEANS = ["true", "1", "false", "0"];

const HEALTH_STATUSES = ["none", "starting", "healthy", "unhealthy"];

/** No container has ports: the networks that there are, none and host, have nothing to publish. */
const exposesNothing: Predicate = () => false;

/** One kind of filter: from its value to what that wants. */
const FILTERS: Readonly<Record<string, (value: string, find: Find) => Predicate>> = {
  ancestor: (value) => ({ config: { root } }) =>
    root.type === "image" &&
    (root.reference === value || root.reference === `${value}:latest` ||
      `${root.reference}:latest` === value || isDigestPrefix(root.imageId, value)),
  before: (value, find) => {
    const { createdAt } = find(value).config;
    return ({ config }) => config.createdAt < createdAt;
  },
  exited: (value) => {
    const exitCode = parseExitCode(value);
    return ({ state }) => state.status === "exited" && state.exitCode === exitCode;
  },
  expose: (value) => {
    checkPorts("expose", value);
    return exposesNothing;
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
  network: (value) => ({ config }) => config.networkMode === value,
  publish: (value) => {
    checkPorts("publish", value);
    return exposesNothing;
  },
  since: (value, find) => {
    const { createdAt } = find(value).config;
    return ({ config }) => config.createdAt > createdAt;
  },
  status: (value) => {
    if (!STATUSES.includes(value)) throw invalidFilter("status", value, STATUSES);
    return ({ state }) => state.status === value;
  },
  volume: (value) => ({ config: { mounts } }) =>
    mounts.some((mount) =>
      mount.target === value || (mount.type === "bind" && mount.source === value)
    ),
};

/** Filters of which all values must hold; of the others one is enough. */
const CONJUNCTIVE: ReadonlySet<string> = new Set(["label"]);

/** Which containers somebody asks for. */
export interface ContainerFilter {
  matches(container: Container): boolean;
  /** Whether it speaks of states, so that stopped containers are wanted too. */
  readonly hasStatus: boolean;
}

/**
 * Reads filters, as `name=value`.
 *
 * @param find Finds the container that `before` or `since` names.
 * @throws {WherryError} `invalid_argument` for an unknown one or an impossible value, and what `find` throws.
 */
export function parseContainerFilter(texts: readonly string[], find: Find): ContainerFilter {
  const predicates = new Map<string, Predicate[]>();
  for (const text of texts) {
    const [name, value] = splitFilter(text);
    const make = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (make === undefined) {
      throw new WherryError("invalid_argument", `Cannot filter by "${name}": no such filter`, {
        hint: `Filter by ${Object.keys(FILTERS).join(", ")}`,
      });
    }
    predicates.set(name, [...(predicates.get(name) ?? []), make(value, find)]);
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

/** `PORT[-PORT][/PROTOCOL]`. */
function checkPorts(name: string, text: string): void {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?(?:\/(?:tcp|udp|sctp))?$/.exec(text) ?? [];
  const isRange = first !== undefined && Number(first) <= Number(last) && Number(last) <= MAX_PORT;
  if (!isRange) throw invalidFilter(name, text, ["a port or a range of ports"]);
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
