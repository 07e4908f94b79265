import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { eventually, execute, isThere, plan, readEvents, shell, testBoth } from "./testing.ts";

const CLONE = ["clone", "0"];

function events(path: string): string[] {
  return ["events", path, '"0123"', '"my \\"image\\""', '{"image":"i"', "n", "container"];
}

testBoth("event_write() tells start and end in docker's shape", async ({ start, directory }) => {
  const path = `${directory}/events`;
  const before = Date.now();

  await using monitor = start(plan(events(path), CLONE, shell("exit 3")));
  await monitor.finished();

  const [first, second, ...others] = Deno.readTextFileSync(path).split("\n");
  const head = (action: string): string =>
    `{"status":"${action}","id":"0123","from":"my \\"image\\"","Type":"container",` +
    `"Action":"${action}","Actor":{"ID":"0123","Attributes":{"image":"i","name":"n"`;
  const tail = /^\}\},"scope":"local","time":(\d+),"timeNano":(\d+)\}$/;
  const end = `,"exitCode":"3","execDuration":"`;
  ok(first?.startsWith(head("start")), first);
  ok(tail.test(first?.slice(head("start").length) ?? ""), first);
  ok(second?.startsWith(head("die") + end), second);
  const [, duration = "", rest = ""] =
    /^(\d+)"(.*)$/.exec(second?.slice(head("die").length + end.length) ?? "") ?? [];
  const [, seconds = "", nanoseconds = ""] = tail.exec(rest) ?? [];
  strictEqual(nanoseconds.slice(0, -9), seconds);
  const elapsed = Date.now() - before;
  ok(Number(nanoseconds) / 1e6 >= before - 1 && Number(nanoseconds) / 1e6 <= before + elapsed + 1);
  ok(duration !== "" && Number(duration) <= elapsed / 1000, second);
  deepStrictEqual(others, [""]);
});

testBoth("event_write() tells the start before started", async ({ start, directory }) => {
  const path = `${directory}/events`;

  await using monitor = start(plan(events(path), CLONE, execute("/bin/sleep", "100")));
  await monitor.started();
  const actions = readEvents(path).map(({ Action }) => Action);
  monitor.send("signal 9");

  deepStrictEqual(actions, ["start"]);
});

testBoth("event_write() leaves out what it cannot write", async ({ start, directory }) => {
  await using monitor = start(plan(events(`${directory}/missing/events`), CLONE, shell("exit 4")));

  strictEqual(await monitor.finished(), "exited 4");
});

testBoth("event_write() leaves a FIFO alone that somebody reads", async ({ start, directory }) => {
  const path = `${directory}/events`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  using fifo = Deno.openSync(path, { read: true, write: true });

  await using monitor = start(plan(events(path), CLONE, shell("exit 4")));
  const end = await monitor.finished();

  await fifo.write(new Uint8Array([1]));
  const bytes = new Uint8Array(2);
  deepStrictEqual([end, await fifo.read(bytes), bytes[0]], ["exited 4", 1, 1]);
});

testBoth("event_write() goes to the file that is there now", async ({ start, directory }) => {
  const path = `${directory}/events`;

  await using monitor = start(plan(events(path), CLONE, execute("/bin/sleep", "100")));
  await monitor.started();
  Deno.renameSync(path, `${path}.old`);
  monitor.send("signal 9");
  await monitor.receive();
  await monitor.receive();

  deepStrictEqual(readEvents(path).map(({ Action }) => Action), ["die"]);
  deepStrictEqual(readEvents(`${path}.old`).map(({ Action }) => Action), ["start"]);
});

testBoth("event_write() does not follow a link", async ({ start, directory }) => {
  const path = `${directory}/events`;
  Deno.symlinkSync("elsewhere", path);

  await using monitor = start(plan(events(path), CLONE, shell("exit 0")));
  await monitor.finished();

  deepStrictEqual(readEvents(`${directory}/elsewhere`), []);
});

testBoth("event_write() tells the end of an exec alone", async ({ start, directory }) => {
  const path = `${directory}/events`;
  const step = ["events", path, '"0123"', '"i"', '{"execID":"45"', "box", "exec"];

  await using monitor = start(plan(step, CLONE, shell("exit 3")));
  await monitor.finished();

  deepStrictEqual(
    readEvents(path).map(({ Action, Actor: { Attributes } }) => [Action, Attributes]),
    [["exec_die", { execID: "45", name: "box", exitCode: "3" }]],
  );
});

testBoth("event_write() tells the end of an exec that nobody waits for", async (context) => {
  const path = `${context.directory}/events`;
  const step = ["events", path, '"0123"', '"i"', '{"execID":"45"', "box", "exec"];

  await using monitor = context.start(plan(step, CLONE, execute("/bin/sleep", "0.2")));
  await monitor.started();
  monitor.disconnect();
  await eventually(() => readEvents(path).length > 0);

  deepStrictEqual(readEvents(path).map(({ Action }) => Action), ["exec_die"]);
});

testBoth("event_rename() changes the name in later events", async ({ start, directory }) => {
  const path = `${directory}/events`;

  await using monitor = start(plan(events(path), CLONE, execute("/bin/sleep", "100")));
  await monitor.started();
  monitor.send("rename other");
  const answer = await monitor.receive();
  monitor.send("signal 9");
  await monitor.receive();
  await monitor.receive();

  strictEqual(answer, "ok");
  deepStrictEqual(readEvents(path).map(({ Actor }) => Actor.Attributes["name"]), ["n", "other"]);
});

testBoth("end_by_force() tells the signal that a stop comes to", async ({ start, directory }) => {
  const path = `${directory}/events`;
  const script = `trap '' TERM; : > ${directory}/ready; while :; do sleep 0.05; done`;

  await using monitor = start(plan(events(path), CLONE, shell(script)));
  await monitor.started();
  await eventually(() => isThere(`${directory}/ready`));
  monitor.send("stop 15 50");
  await monitor.receive();

  deepStrictEqual(
    readEvents(path).map(({ Action, Actor: { Attributes } }) => [Action, Attributes["signal"]]),
    [["start", undefined], ["kill", "9"], ["die", undefined]],
  );
});
