import { strictEqual } from "node:assert/strict";
import { plan, shell, testBoth } from "./testing.ts";

testBoth("monitor reports the exit code of a program", async ({ start }) => {
  await using monitor = start(plan(["stdio", "null"], ["clone", "0"], shell("exit 7")));

  strictEqual(await monitor.finished(), "exited 7");
});
testBoth("monitor reports 128 + signal for a program that was killed", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], shell("kill -9 $$")));

  strictEqual(await monitor.finished(), "exited 137");
});
testBoth("log keeps stdout", async ({ start, directory }) => {
  await using monitor = start(plan(["log", `${directory}/log`, "0", "1"], ["record", `${directory}/state`, "durable"], ["clone", "536870912"], shell("echo hello; echo err >&2; printf par; cat /proc/self/status | grep -i sig; ls -l /proc/self/fd")));

  strictEqual(await monitor.finished(), "exited 0");
  console.log(Deno.readTextFileSync(`${directory}/log`), Deno.readTextFileSync(`${directory}/state`));
});
