import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { Engine } from "./engine.ts";
import { recordContainerEvent, recordImageEvent } from "./events.ts";

/** An engine whose run directory exists. */
class Scratch extends Engine implements Disposable {
  constructor() {
    const directory = Deno.makeTempDirSync({ prefix: "wherry-events-" });
    super({ root: `${directory}/root`, runRoot: directory });
  }

  lines(name = this.paths.events): string[] {
    return Deno.readTextFileSync(name).split("\n").slice(0, -1);
  }

  get isRotated(): boolean {
    return Array.from(Deno.readDirSync(this.paths.runRoot)).some(({ name }) => name === "events.1");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.paths.runRoot, { recursive: true });
  }
}

const ID = "0123456789abcdef".repeat(4);

Deno.test("recordContainerEvent() writes one line in docker's shape", () => {
  using engine = new Scratch();

  recordContainerEvent(engine, {
    config: fakeContainerConfig({ labels: { app: "shop" } }),
    action: "kill",
    attributes: { signal: "15" },
  });

  const [line = "", ...others] = engine.lines();
  deepStrictEqual(others, []);
  const { time, timeNano: _, ...event } = JSON.parse(line);
  deepStrictEqual(event, {
    status: "kill",
    id: ID,
    from: "nginx:1.22",
    Type: "container",
    Action: "kill",
    Actor: { ID, Attributes: { app: "shop", image: "nginx:1.22", name: "web", signal: "15" } },
    scope: "local",
  });
  ok(Math.abs(time * 1000 - Date.now()) < 5000);
  match(line, new RegExp(`,"timeNano":${time}\\d{9}\\}$`));
});

Deno.test("recordContainerEvent() gives later events later times", () => {
  using engine = new Scratch();

  for (let count = 0; count < 100; count++) {
    recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });
  }

  const times = engine.lines().map((line) => /"timeNano":(\d+)/.exec(line)?.[1] ?? "");
  deepStrictEqual(times, times.toSorted());
});

Deno.test("recordImageEvent() names the image by its id when there is no other name", () => {
  using engine = new Scratch();

  recordImageEvent(engine, { id: `sha256:${ID}`, action: "load", labels: { a: "b" } });

  const { Type, Action, Actor } = JSON.parse(engine.lines()[0] ?? "");
  deepStrictEqual([Type, Action, Actor], [
    "image",
    "load",
    { ID: `sha256:${ID}`, Attributes: { a: "b", name: `sha256:${ID}` } },
  ]);
});

Deno.test("recordContainerEvent() puts a log of 1 MiB aside before long", () => {
  using engine = new Scratch();
  Deno.writeTextFileSync(engine.paths.events, "x".repeat(1024 * 1024 - 1) + "\n");

  let count = 0;
  for (; !engine.isRotated && count < 1000; count++) {
    recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });
  }
  recordContainerEvent(engine, { config: fakeContainerConfig(), action: "destroy" });

  strictEqual(engine.lines(`${engine.paths.events}.1`).length, 1 + count);
  deepStrictEqual(engine.lines().map((line) => JSON.parse(line).Action), ["destroy"]);
});

Deno.test("recordContainerEvent() leaves a small log where it is", () => {
  using engine = new Scratch();

  for (let count = 0; count < 100; count++) {
    recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });
  }

  strictEqual(engine.isRotated, false);
});

Deno.test("recordContainerEvent() counts an event that cannot be written, and goes on", () => {
  using scratch = new Scratch();
  const engine = new Engine({ runRoot: `${scratch.paths.runRoot}/missing` });

  recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });

  strictEqual(engine.lostEvents.count, 1);
  match(String(engine.lostEvents.cause), /No such file or directory/);
});

Deno.test("recordContainerEvent() neither waits for a FIFO's reader nor follows a link", () => {
  using engine = new Scratch();
  const { events } = engine.paths;
  const target = `${engine.paths.runRoot}/target`;

  new Deno.Command("mkfifo", { args: [events] }).outputSync();
  recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });
  Deno.removeSync(events);
  Deno.writeTextFileSync(target, "");
  Deno.symlinkSync(target, events);
  recordContainerEvent(engine, { config: fakeContainerConfig(), action: "create" });

  strictEqual(Deno.readTextFileSync(target), "");
  strictEqual(engine.lostEvents.count, 2);
  match(
    String(engine.lostEvents.cause),
    /Cannot write events to ".*events": it is no regular file/,
  );
});
