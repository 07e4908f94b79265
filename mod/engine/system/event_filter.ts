/** Choosing events as `events --filter` does: pure. @module */

import { WherryError } from "../../errors.ts";
import type { EngineEvent } from "./event_log.ts";
import { parseLabelFilter, splitFilter } from "../base/filter_text.ts";

/** Whether an event is wanted by one value of a filter. */
type Predicate = (event: EngineEvent, value: string) => boolean;

/** Actions that carry more behind a colon, for example `exec_start: sh`. */
const ACTIONS_WITH_DETAIL = ["health_status", "exec_create", "exec_start"];

/** One kind of filter: which events a value of it wants. @see `daemon/events/filter.go` of moby */
const FILTERS: Readonly<Record<string, Predicate>> = {
  config: isActorLike,
  container: isActorLike,
  daemon: isActorLike,
  event: ({ action }, value) => action === value,
  image: isOfImage,
  label: ({ attributes }, value) => parseLabelFilter(value)(attributes),
  network: isActorLike,
  node: isActorLike,
  plugin: isActorLike,
  scope: (_event, value) => value === "local",
  secret: isActorLike,
  service: isActorLike,
  type: ({ type }, value) => type === value,
  volume: isActorLike,
};

/** Filters that name an object want events of that type only. */
const ACTOR_TYPES: ReadonlySet<string> = new Set([
  "config",
  "container",
  "daemon",
  "network",
  "node",
  "plugin",
  "secret",
  "service",
  "volume",
]);

/** Filters of which all values must hold; of the others one is enough. */
const CONJUNCTIVE: ReadonlySet<string> = new Set(["label"]);

/**
 * Reads filters, as `name=value`.
 *
 * @returns Whether an event is wanted.
 * @throws {WherryError} `invalid_argument` for an unknown one.
 */
export function parseEventFilter(texts: readonly string[]): (event: EngineEvent) => boolean {
  const values = Map.groupBy(texts.map(splitFilter), ([name]) => name);
  const filters = Array.from(values, ([name, pairs]) => {
    const isWanted = predicateOf(name, pairs.map(([, value]) => value));
    return (event: EngineEvent) =>
      (!ACTOR_TYPES.has(name) || event.type === name) &&
      (CONJUNCTIVE.has(name)
        ? pairs.every(([, value]) => isWanted(event, value))
        : pairs.some(([, value]) => isWanted(event, value)));
  });
  return (event) => filters.every((isWanted) => isWanted(event));
}

function predicateOf(name: string, values: readonly string[]): Predicate {
  const predicate = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (predicate === undefined) {
    throw new WherryError("invalid_argument", `Cannot filter by "${name}": no such filter`, {
      hint: `Filter by ${Object.keys(FILTERS).join(", ")}`,
    });
  }
  // As docker has it: one such value makes the beginning enough for all of them
  const isByBeginning = name === "event" &&
    values.some((value) => ACTIONS_WITH_DETAIL.includes(value));
  return isByBeginning ? ({ action }, value) => action.startsWith(value) : predicate;
}

/** By the beginning of an id or of a name. */
function isActorLike({ actorId, attributes }: EngineEvent, value: string): boolean {
  return actorId.startsWith(value) || (attributes["name"] ?? "").startsWith(value);
}

function isOfImage({ type, actorId, attributes }: EngineEvent, value: string): boolean {
  const name = attributes[type === "image" ? "name" : "image"] ?? "";
  return [actorId, name, withoutTag(actorId), withoutTag(name)].includes(value);
}

function withoutTag(name: string): string {
  return name.replace(/(?<=[^/]):[^/:@]*$/, "");
}
