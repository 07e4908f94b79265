import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { createNetNamespace } from "../mod/kernel/net_namespace.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { eventually, isThere, plan, readLog, shell, testBoth } from "./testing.ts";

const CLONE = ["clone", "0"];
const JOIN = ["join-network"];
const NEW_MOUNTS = String(0x20000);
const SLAVE_RECURSIVE = String(0x4000 + 0x80000);
const EBADF = 9;
const EINVAL = 22;

function namespaceOf(fd: number): string {
  return Deno.readLinkSync(`/proc/self/fd/${fd}`);
}

testBoth("step_join_network() enters the namespace of descriptor 8", async (context) => {
  const { start, directory } = context;
  using networkNamespace = createNetNamespace();
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], CLONE, JOIN, shell("readlink /proc/self/ns/net")),
    { networkNamespace },
  );
  const exited = await monitor.finished();

  strictEqual(exited, "exited 0");
  strictEqual(readLog(log), `${namespaceOf(networkNamespace.number)}\n`);
  notStrictEqual(readLog(log), `${Deno.readLinkSync("/proc/self/ns/net")}\n`);
});

testBoth("step_join_network() leaves the container no descriptor", async (context) => {
  const { start, directory } = context;
  using networkNamespace = createNetNamespace();
  const log = `${directory}/log`;

  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], CLONE, JOIN, shell("ls /proc/self/fd")),
    { networkNamespace },
  );
  await monitor.finished();

  strictEqual(readLog(log), "0\n1\n2\n3\n"); // 3 is ls's own directory
});

testBoth("step_join_network() comes before a sysfs that shows the network", async (context) => {
  const { start, directory } = context;
  using networkNamespace = createNetNamespace();
  const log = `${directory}/log`;
  const sys = `${directory}/sys`;
  Deno.mkdirSync(sys);

  await using monitor = start(
    plan(
      ["log", log, "cri", "0", "1"],
      ["clone", NEW_MOUNTS],
      JOIN,
      ["mount", "", "/", "", SLAVE_RECURSIVE, ""],
      ["mount", "sysfs", sys, "sysfs", "0", ""],
      ["loopback-up"],
      shell(`ls ${sys}/class/net; cat ${sys}/class/net/lo/flags`),
    ),
    { networkNamespace },
  );
  await monitor.finished();

  strictEqual(readLog(log), "lo\n0x9\n");
});

testBoth("step_join_network() of each further run finds the same namespace", async (context) => {
  const { start, directory } = context;
  const networkNamespace = createNetNamespace();
  const name = namespaceOf(networkNamespace.number);
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ["log", log, "cri", "0", "1"],
      ["restart", "on-failure", "1", "15"],
      CLONE,
      JOIN,
      shell("readlink /proc/self/ns/net; exit 1"),
    ),
    { networkNamespace },
  );
  networkNamespace[Symbol.dispose]();
  await monitor.finished();
  monitor.send("wait");
  await monitor.receive();

  strictEqual(readLog(log), `${name}\n${name}\n`);
});

testBoth("launch() refuses to join a network without descriptor 8", async (context) => {
  const { start, directory } = context;

  await using monitor = start(
    plan(["listen", directory], CLONE, ["umask", "022"], JOIN, shell("true")),
  );

  strictEqual(await monitor.receive(), `failed 3 ${EBADF}`);
  deepStrictEqual([...Deno.readDirSync(directory)], []);
});

testBoth("step_join_network() fails when descriptor 8 is no network namespace", async (context) => {
  using networkNamespace = openForReading("/proc/self/ns/uts");

  await using monitor = context.start(plan(CLONE, JOIN, shell("true")), { networkNamespace });

  strictEqual(await monitor.receive(), `failed 1 ${EINVAL}`);
});

testBoth("start_child() leaves a health check no descriptor", async ({ start, directory }) => {
  using networkNamespace = createNetNamespace();
  const list = `${directory}/list`;

  await using monitor = start(
    plan(
      ["health", "50", "5000", "0", "50", "1", "none", "15", "0", `${directory}/health`],
      CLONE,
      JOIN,
      shell("sleep 100"),
      ["check", "0"],
      shell(`ls /proc/self/fd > ${list}.new; mv ${list}.new ${list}`),
    ),
    { networkNamespace },
  );
  await monitor.started();
  await eventually(() => isThere(list));
  monitor.send("signal 9");

  strictEqual(Deno.readTextFileSync(list), "0\n1\n2\n3\n");
});
