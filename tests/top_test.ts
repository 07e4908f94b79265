/** `top` and `port`: what a container runs and publishes. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { testWhole } from "./harness.ts";

testWhole("top shows the container's processes as ps -ef does", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "1000"]);
  await wherry.run(["exec", "-d", "box", "sleep", "2000"]);

  const [head = "", ...rows] = (await wherry.run(["top", "box"])).stdout.trimEnd().split("\n");

  match(head, /^UID {17}PID {17}PPID {16}C {19}STIME {15}TTY {17}TIME {16}CMD$/);
  strictEqual(rows.length, 2);
  match(rows[0] ?? "", new RegExp(`^root +${wherry.readStateRecord(id).pid} .*sleep 1000$`));
  match(rows[1] ?? "", / 00:00:00 +sleep 2000$/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("top takes the options of ps, and names those it does not know", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "1000"]);
  const { pid } = wherry.readStateRecord(id);

  const columns = await wherry.run(["top", "box", "-o", "pid,user,comm,args"]);
  const aux = await wherry.run(["container", "top", "box", "aux"]);
  const wrong = await wherry.run(["top", "box", "-o", "pid,nonsense"]);
  const unknown = await wherry.run(["top", "box", "--forest"]);

  deepStrictEqual(columns.stdout.split("\n").map((line) => line.split(/ {2,}/)), [
    ["PID", "USER", "COMMAND", "COMMAND"],
    [String(pid), "root", "sleep", "sleep 1000"],
    [""],
  ]);
  match(aux.stdout, /^USER +PID +%CPU +%MEM +VSZ +RSS +TTY +STAT +START +TIME +COMMAND\n/);
  deepStrictEqual([wrong.code, unknown.code], [1, 1]);
  match(wrong.stderr, /"nonsense": no such column/);
  match(unknown.stderr, /"--forest": not supported/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("top prints no control character that a process is called by", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "sleep 1000; :", "a\x1b[31mb"]);

  const { stdout } = await wherry.run(["top", "box", "-o", "pid,args"]);

  ok(!stdout.includes("\x1b"), "An escape sequence of the container reached the terminal");
  match(stdout, /sh -c sleep 1000; : a\\x1b\[31mb\n/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("top and port say what is wrong, in docker's words", async (wherry) => {
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);
  const cases: [args: string[], code: number, stderr: RegExp][] = [
    [["top", "ended"], 1, /Container ended is not running/],
    [["top", "nobody"], 1, /No such container: nobody/],
    [["port", "ended"], 0, /^$/],
    [["port", "ended", "80"], 1, /No public port '80' published for ended/],
    [["port", "ended", "80/udp"], 1, /No public port '80\/udp' published for ended/],
    [
      ["port", "ended", "x"],
      1,
      /invalid port \(x\): strconv.ParseUint: parsing "x": invalid syntax/,
    ],
    [["port", "ended", "70000"], 1, /invalid port \(70000\): .* value out of range/],
    [["port", "nobody"], 1, /No such container: nobody/],
  ];
  for (const [args, code, stderr] of cases) {
    const result = await wherry.run(args);

    deepStrictEqual([result.code, result.stdout], [code, ""]);
    match(result.stderr, stderr);
  }
  await wherry.run(["rm", "ended"]);
});
