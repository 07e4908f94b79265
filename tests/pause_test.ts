/** `pause` and `unpause`. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually, readIfThere, testWhole } from "./harness.ts";

testWhole("pause stops all processes until unpause", async (wherry) => {
  const id = await wherry.start(["--name", "box", "-v", ".:/out"], [
    "sh",
    "-c",
    "while :; do echo >>/out/ticks; sleep 0.02; done",
  ]);
  const countTicks = (): number => readIfThere(`${wherry.scratch}/ticks`).length;
  await eventually(() => countTicks() > 0);

  const paused = await wherry.run(["pause", "box"]);
  const before = countTicks();
  const { stdout: status } = await wherry.run(["ps", "--format", "{{.Status}} {{.State}}"]);
  const processes = await wherry.run(["top", "box"]);
  const after = countTicks();
  const unpaused = await wherry.run(["unpause", "box"]);
  await eventually(() => countTicks() > after);

  deepStrictEqual([paused.stdout, unpaused.stdout], ["box\n", "box\n"]);
  match(status, /^Up .* \(Paused\) paused\n$/);
  match(processes.stdout, /sh -c while/);
  strictEqual(before, after);
  await wherry.run(["rm", "-f", id]);
});

testWhole("pause and unpause report each container that is in another state", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);

  const first = await wherry.run(["pause", "nobody", "box", "ended"]);
  const second = await wherry.run(["pause", "box"]);
  const third = await wherry.run(["container", "unpause", "ended", "box", "box"]);

  deepStrictEqual([first.code, first.stdout], [1, "box\n"]);
  match(first.stderr, /No such container: nobody\n(.*\n)?.*Container ended is not running\n$/);
  deepStrictEqual([second.code, second.stderr], [1, "wherry: Container box is already paused\n"]);
  deepStrictEqual([third.code, third.stdout], [1, "box\n"]);
  strictEqual(
    third.stderr,
    "wherry: Container ended is not paused\nwherry: Container box is not paused\n",
  );
  await wherry.run(["rm", "-f", id, "ended"]);
});

testWhole("exec in a paused container says so and ends with 1", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["pause", "box"]);

  const { code, stderr } = await wherry.run(["exec", "box", "true"]);

  strictEqual(code, 1);
  strictEqual(stderr, "wherry: Container box is paused, unpause the container before exec\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("pause of a container that waits to be started again says so", async (wherry) => {
  const id = await wherry.start(["--name", "box", "--restart", "always"], ["false"]);
  // The eighth pause between two runs takes 12.8 seconds
  await eventually(() => {
    const { status, restartCount = 0 } = wherry.readStateRecord(id);
    return status === "restarting" && restartCount >= 7;
  });

  const paused = await wherry.run(["pause", "box"]);
  const unpaused = await wherry.run(["unpause", "box"]);

  deepStrictEqual([paused.code, unpaused.code], [1, 1]);
  match(paused.stderr, /Container box is restarting, wait until the container is running/);
  match(unpaused.stderr, /Container box is not paused/);
  await wherry.run(["rm", "-f", "box"]);
});
