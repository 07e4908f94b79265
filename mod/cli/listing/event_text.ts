/** Events as `events` prints them. @module */

import type { EngineEvent } from "../../engine/system/event_log.ts";
import { WherryError } from "../../errors.ts";
import { INT, keyed, mapOf, STRING, stringerOf, structOf } from "../template/go_shape.ts";
import { formatJson } from "../base/json.ts";
import { parseTemplate } from "../template/template.ts";
import { escapeControls } from "../base/terminal_text.ts";

/** Exit status for a bad template, as docker's. */
const EXIT_BAD_TEMPLATE = 64;

/** An `int64`: no JavaScript number has all digits of the nanoseconds, so its JSON is raw. */
const NANOSECONDS = stringerOf("int64", 0, (json) => JSON.stringify(json));

/** @see {@link https://pkg.go.dev/github.com/docker/docker@v28.2.2+incompatible/api/types/events#Message} */
const EVENT_SHAPE = structOf("events.Message", {
  Status: keyed("status", STRING),
  ID: keyed("id", STRING),
  From: keyed("from", STRING),
  Type: STRING,
  Action: STRING,
  Actor: structOf("events.Actor", { ID: STRING, Attributes: mapOf(STRING) }),
  Scope: keyed("scope", STRING),
  Time: keyed("time", INT),
  TimeNano: keyed("timeNano", NANOSECONDS),
});

/** Something with every field, to try a template on before there is an event. */
const NO_EVENT: EngineEvent = {
  type: "",
  action: "",
  actorId: "",
  attributes: {},
  image: "",
  timeNs: 0n,
};

/**
 * How to print events.
 *
 * @param format A Go template, or `json` for one JSON object a line. @default {docker's line of text}
 * @returns From an event to its line, without a newline.
 * @throws {WherryError} `invalid_argument` if the template is malformed or names an unknown field.
 */
export function planEventFormat(format = ""): (event: EngineEvent) => string {
  if (format === "") return formatEventLine;
  if (format === "json") return (event) => formatJson(wireShape(event), { indentation: 0 });
  try {
    const template = parseTemplate(format);
    const fill = (event: EngineEvent): string =>
      template.execute(EVENT_SHAPE.read(wireShape(event)));
    fill(NO_EVENT);
    return fill;
  } catch (cause) {
    if (!(cause instanceof WherryError)) throw cause;
    throw new WherryError("invalid_argument", `Error parsing format: ${cause.message}`, {
      cause,
      exitCode: EXIT_BAD_TEMPLATE,
    });
  }
}

/** `2026-11-20T09:00:00.123456789+01:00 container die ID (exitCode=0, image=debian, name=web)`. */
function formatEventLine({ timeNs, type, action, actorId, attributes }: EngineEvent): string {
  const pairs = Object.entries(sorted(attributes)).map(([name, value]) => `${name}=${value}`);
  const details = pairs.length === 0 ? "" : ` (${pairs.join(", ")})`;
  return escapeControls(`${formatLocalTime(timeNs)} ${type} ${action} ${actorId}${details}`);
}

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** A time as Go's `2006-01-02T15:04:05.000000000Z07:00` has it, in the host's time zone. */
export function formatLocalTime(timeNs: bigint): string {
  const milliseconds = Number(timeNs / NANOSECONDS_PER_SECOND) * 1000;
  const offsetMinutes = -new Date(milliseconds).getTimezoneOffset();
  const wallTime = new Date(milliseconds + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const fraction = String(timeNs % NANOSECONDS_PER_SECOND).padStart(9, "0");
  return `${wallTime}.${fraction}${formatOffset(offsetMinutes)}`;
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return "Z";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
    .map((number) => String(number).padStart(2, "0"));
  return `${minutes < 0 ? "-" : "+"}${hours}:${rest}`;
}

/** What TypeScript does not know of JSON yet. */
const { rawJSON: rawJson } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** In docker's shape; what is empty is left out, as Go does. */
function wireShape({ type, action, actorId, attributes, image, timeNs }: EngineEvent): unknown {
  const hasStatus = type === "container" || type === "image";
  return {
    ...(hasStatus ? { status: action, id: actorId } : {}),
    ...(image === "" ? {} : { from: image }),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: sorted(attributes) },
    scope: "local",
    time: secondsOf(timeNs),
    // No JavaScript number has all its digits
    timeNano: rawJson(String(timeNs)),
  };
}

function secondsOf(timeNs: bigint): number {
  return Number(timeNs / NANOSECONDS_PER_SECOND);
}

function sorted(attributes: EngineEvent["attributes"]): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).toSorted(([a], [b]) => a < b ? -1 : 1));
}
