import { deepStrictEqual, throws } from "node:assert/strict";
import { parseEventFilter } from "./event_filter.ts";
import type { EngineEvent } from "./event_log.ts";

function event(type: string, action: string, attributes: Record<string, string>): EngineEvent {
  return { type, action, actorId: `${type}-1`, attributes, image: "", timeNs: 0n };
}

const WEB = { name: "web", image: "debian:12", app: "shop", tier: "front" };

const ALL = [
  event("container", "create", WEB),
  event("container", "exec_start: sh", WEB),
  event("container", "health_status: healthy", { ...WEB, name: "db", app: "store" }),
  event("image", "tag", { name: "registry:5000/debian:12" }),
  event("network", "connect", { name: "web" }),
];

function actionsOf(...filters: string[]): string[] {
  return ALL.filter(parseEventFilter(filters)).map(({ action }) => action);
}

const [CREATE, EXEC, HEALTH, TAG, CONNECT] = [
  "create",
  "exec_start: sh",
  "health_status: healthy",
  "tag",
  "connect",
];

const CASES: [filters: string[], expected: string[]][] = [
  [[], [CREATE, EXEC, HEALTH, TAG, CONNECT]],
  [["type=image"], [TAG]],
  [["type=image", "type=network"], [TAG, CONNECT]],
  [["type=image", "event=create"], []],
  [["event=create"], [CREATE]],
  [["event=creat"], []],
  [["event=exec_start"], [EXEC]],
  [["event=exec_start: sh"], [EXEC]],
  [["event=health_status", "event=create"], [CREATE, HEALTH]],
  [["container=web"], [CREATE, EXEC]],
  [["container=we"], [CREATE, EXEC]],
  [["container=container-1"], [CREATE, EXEC, HEALTH]],
  [["container=web", "container=db"], [CREATE, EXEC, HEALTH]],
  [["network=web"], [CONNECT]],
  [["image=debian:12"], [CREATE, EXEC, HEALTH]],
  [["image=debian"], [CREATE, EXEC, HEALTH]],
  [["image=registry:5000/debian"], [TAG]],
  [["image=registry"], []],
  [["label=app"], [CREATE, EXEC, HEALTH]],
  [["label=app=store"], [HEALTH]],
  [["label=app=shop", "label=tier=front"], [CREATE, EXEC]],
  [["label=app=shop", "label=tier=back"], []],
  [["label=toString"], []],
  [["scope=local", "event=tag"], [TAG]],
  [["scope=swarm"], []],
  [["daemon=x"], []],
];

for (const [filters, expected] of CASES) {
  Deno.test(`parseEventFilter() finds ${expected.join(", ") || "nothing"} by ${filters.join(" ")}`, () => {
    deepStrictEqual(actionsOf(...filters), expected);
  });
}

const REFUSED: [filter: string, message: string][] = [
  ["event", 'Cannot filter by "event": it is not name=value'],
  ["colour=red", 'Cannot filter by "colour": no such filter'],
  ["toString=x", 'Cannot filter by "tostring": no such filter'],
];

for (const [filter, message] of REFUSED) {
  Deno.test(`parseEventFilter() refuses ${filter}`, () => {
    throws(() => parseEventFilter([filter]), { kind: "invalid_argument", message });
  });
}
