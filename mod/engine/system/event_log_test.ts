import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { Engine } from "../base/engine.ts";
import { type EngineEvent, EventReader, parseEvent, readEvents } from "./event_log.ts";
import { recordContainerEvent } from "../base/events.ts";

/** An engine whose run directory exists. */
class Scratch extends Engine implements Disposable {
  constructor() {
    const directory = Deno.makeTempDirSync({ prefix: "wherry-events-" });
    super({ root: `${directory}/root`, runRoot: directory });
  }

  get path(): string {
    return this.paths.events;
  }

  write(...actions: string[]): void {
    for (const action of actions) {
      recordContainerEvent(this, { config: fakeContainerConfig(), action });
    }
  }

  rotate(): void {
    Deno.renameSync(this.path, `${this.path}.1`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.paths.runRoot, { recursive: true });
  }
}

function actionsOf(events: readonly EngineEvent[]): string[] {
  return events.map(({ action }) => action);
}

const NO_DAMAGE = { brokenLines: 0, hasGap: false };

Deno.test("parseEvent() keeps every digit of the time", () => {
  const event = parseEvent(
    '{"status":"die","id":"ab","from":"web:1","Type":"container","Action":"die",' +
      '"Actor":{"ID":"ab","Attributes":{"exitCode":"3"}},"scope":"local",' +
      '"time":1763681025,"timeNano":1763681025123456789}',
  );

  deepStrictEqual(event, {
    type: "container",
    action: "die",
    actorId: "ab",
    attributes: { exitCode: "3" },
    image: "web:1",
    timeNs: 1763681025123456789n,
  });
});

const NO_EVENTS = [
  "",
  "null",
  "x",
  '{"Type":"container","timeNano":1}',
  '{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"n":1}},"timeNano":1}',
  '{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{}}}',
];

for (const line of NO_EVENTS) {
  Deno.test(`parseEvent() takes ${JSON.stringify(line)} for no event`, () => {
    strictEqual(parseEvent(line), undefined);
  });
}

Deno.test("read() gives what there is, and later only what is new", () => {
  using engine = new Scratch();
  engine.write("create", "start");
  using reader = new EventReader(engine.path, { hasHistory: true });

  const first = actionsOf(reader.read());
  engine.write("die");
  const second = actionsOf(reader.read());

  deepStrictEqual([first, second, reader.read()], [["create", "start"], ["die"], []]);
});

Deno.test("read() leaves out what was there before when no history is wanted", () => {
  using engine = new Scratch();
  engine.write("create");
  using reader = new EventReader(engine.path, { hasHistory: false });
  engine.write("start");

  deepStrictEqual(actionsOf(reader.read()), ["start"]);
});

Deno.test("EventReader() refuses what is no regular file, and does not wait for it", () => {
  using scratch = new Scratch();
  Deno.mkdirSync(scratch.path);

  throws(() => new EventReader(scratch.path, { hasHistory: true }), { kind: "corrupt" });
});

Deno.test("read() finds a log that was made later", () => {
  using engine = new Scratch();
  using reader = new EventReader(engine.path, { hasHistory: false });
  const before = reader.read();
  engine.write("create");

  deepStrictEqual([before, actionsOf(reader.read())], [[], ["create"]]);
});

Deno.test("read() loses and doubles nothing when the log is rotated", () => {
  using engine = new Scratch();
  engine.write("a1");
  using reader = new EventReader(engine.path, { hasHistory: true });
  const seen = actionsOf(reader.read());
  engine.write("a2");
  engine.rotate();
  seen.push(...actionsOf(reader.read()));
  engine.write("b1");
  seen.push(...actionsOf(reader.read()));
  engine.rotate();
  engine.write("c1");
  seen.push(...actionsOf(reader.read()));

  deepStrictEqual([seen, reader.damage], [["a1", "a2", "b1", "c1"], NO_DAMAGE]);
});

Deno.test("read() sees what a slow writer adds to a log that was put aside", () => {
  using engine = new Scratch();
  engine.write("a1");
  using reader = new EventReader(engine.path, { hasHistory: true });
  reader.read();
  const line = Deno.readTextFileSync(engine.path).replaceAll("a1", "late");
  using slow = Deno.openSync(engine.path, { append: true });
  engine.rotate();
  engine.write("b1");
  reader.read();

  slow.writeSync(new TextEncoder().encode(line));

  deepStrictEqual(actionsOf(reader.read()), ["late"]);
});

Deno.test("read() gives the log put aside before the current one", () => {
  using engine = new Scratch();
  engine.write("a1");
  engine.rotate();
  engine.write("b1");
  using reader = new EventReader(engine.path, { hasHistory: true });

  deepStrictEqual(actionsOf(reader.read()), ["a1", "b1"]);
});

Deno.test("read() tells when the log was rotated away unread", () => {
  using engine = new Scratch();
  engine.write("a1");
  using reader = new EventReader(engine.path, { hasHistory: true });
  reader.read();
  for (const action of ["b1", "c1", "d1"]) {
    engine.rotate();
    engine.write(action);
  }

  deepStrictEqual(actionsOf(reader.read()), ["c1", "d1"]);
  strictEqual(reader.damage.hasGap, true);
});

Deno.test("read() waits for the rest of a line", () => {
  using engine = new Scratch();
  engine.write("create");
  const line = Deno.readTextFileSync(engine.path);
  Deno.truncateSync(engine.path, 20);
  using reader = new EventReader(engine.path, { hasHistory: true });
  const before = reader.read();

  Deno.writeTextFileSync(engine.path, line.slice(20), { append: true });

  deepStrictEqual([before, actionsOf(reader.read())], [[], ["create"]]);
  deepStrictEqual(reader.damage, NO_DAMAGE);
});

Deno.test("read() skips and counts foreign lines", () => {
  using engine = new Scratch();
  engine.write("create");
  Deno.writeTextFileSync(engine.path, "garbage\n\0\n", { append: true });
  engine.write("start");
  using reader = new EventReader(engine.path, { hasHistory: true });

  deepStrictEqual(actionsOf(reader.read()), ["create", "start"]);
  strictEqual(reader.damage.brokenLines, 2);
});

Deno.test("read() gives the event behind one that a full disk cut off", () => {
  using engine = new Scratch();
  engine.write("create");
  Deno.truncateSync(engine.path, 100);
  engine.write("start");
  using reader = new EventReader(engine.path, { hasHistory: true });

  deepStrictEqual(actionsOf(reader.read()), ["start"]);
  strictEqual(reader.damage.brokenLines, 1);
});

Deno.test("read() goes on when somebody has emptied the log", () => {
  using engine = new Scratch();
  engine.write("create", "start");
  using reader = new EventReader(engine.path, { hasHistory: true });
  reader.read();
  Deno.truncateSync(engine.path, 0);
  reader.read();
  engine.write("die");

  deepStrictEqual(actionsOf(reader.read()), ["die"]);
});

Deno.test("readEvents() ends at once when `until` has passed", async () => {
  using engine = new Scratch();
  engine.write("create");
  const seen: string[] = [];
  const request = { until: BigInt(Date.now() + 10) * 1_000_000n, filter: () => true };

  const damage = await readEvents(engine, request, (events) => seen.push(...actionsOf(events)));

  deepStrictEqual([seen, damage], [["create"], NO_DAMAGE]);
});

Deno.test("readEvents() leaves out what is before `since` or after `until`", async () => {
  using engine = new Scratch();
  engine.write("create", "start", "die");
  using reader = new EventReader(engine.path, { hasHistory: true });
  const [, start] = reader.read();
  ok(start !== undefined);
  const seen: string[] = [];
  const request = { since: start.timeNs, until: start.timeNs, filter: () => true };

  await readEvents(engine, request, (events) => seen.push(...actionsOf(events)));

  deepStrictEqual(seen, ["start"]);
});

Deno.test("readEvents() follows until `until`", async () => {
  using engine = new Scratch();
  const seen: string[] = [];
  const request = { until: BigInt(Date.now() + 2000) * 1_000_000n, filter: () => true };

  const reading = readEvents(engine, request, (events) => seen.push(...actionsOf(events)));
  engine.write("create");
  await reading;

  deepStrictEqual(seen, ["create"]);
});

const WRITERS = 3;
const EVENTS_EACH = 2000;

/** A process that writes events named `WRITER-NUMBER`, enough of them for several rotations. */
function startWriter(engine: Engine, writer: number): Deno.ChildProcess {
  const modules = [
    "../base/engine.ts",
    "../base/events.ts",
    "../../../tests/fakes/container_config.ts",
  ]
    .map((path) => JSON.stringify(import.meta.resolve(path)));
  const script = `
    const [{ Engine }, { recordContainerEvent }, { fakeContainerConfig }] =
      await Promise.all([${modules.map((url) => `import(${url})`).join()}]);
    const engine = new Engine({ runRoot: ${JSON.stringify(engine.paths.runRoot)} });
    const config = fakeContainerConfig();
    for (let number = 0; number < ${EVENTS_EACH}; number++) {
      recordContainerEvent(engine, { config, action: "${writer}-" + number });
    }
    if (engine.lostEvents.count > 0) throw engine.lostEvents.cause;`;
  return new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", script] }).spawn();
}

Deno.test("read() gives every event of several processes once, through rotations", async () => {
  using engine = new Scratch();
  using reader = new EventReader(engine.path, { hasHistory: true });
  const seen: string[] = [];
  let isRunning = true;
  const writers = Array.from({ length: WRITERS }, (_, writer) => startWriter(engine, writer));
  const ending = Promise.all(writers.map(({ status }) => status)).then((statuses) => {
    isRunning = false;
    return statuses;
  });

  while (isRunning) {
    seen.push(...actionsOf(reader.read()));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  seen.push(...actionsOf(reader.read()));

  deepStrictEqual((await ending).map(({ code }) => code), [0, 0, 0]);
  deepStrictEqual(reader.damage, NO_DAMAGE);
  ok(Deno.statSync(`${engine.path}.1`).size >= 1024 * 1024);
  const byWriter = Map.groupBy(seen, (action) => action[0] ?? "");
  const expected = Array.from({ length: EVENTS_EACH }, (_, number) => number);
  for (let writer = 0; writer < WRITERS; writer++) {
    const numbers = (byWriter.get(String(writer)) ?? []).map((action) => Number(action.slice(2)));
    // Two events around a rotation may be seen in the other order
    deepStrictEqual(numbers.toSorted((a, b) => a - b), expected);
  }
});
