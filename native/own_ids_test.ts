import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { createOwnNamespaces, type OwnNamespaces } from "../mod/container/launch/own_namespaces.ts";
import type { Descriptor } from "../ffi/descriptor.ts";
import { execute, type Monitor, plan, readLog, shell, testBoth } from "./testing.ts";

const NS = 0x20000;
const UTS = 0x4000000;
const SLAVE_RECURSIVE = String(0x4000 + 0x80000);
const PRIVATE = String(0x40000);
const ID_MAPPED = "4";
const EBADF = 9;
const FIRST = 0x7100_0000;
const COUNT = 65_536;
const OWNER = ["owner", String(FIRST), String(FIRST)];
const CLONE = ["clone", String(NS)];
const SLAVE = ["mount", "", "/", "", SLAVE_RECURSIVE, ""];
const JOIN = ["join-user", String(NS | UTS)];

/** What comes before what a test is about. */
function begin(log: string): string[][] {
  return [["log", log, "cri", "0", "1"], CLONE, OWNER, SLAVE];
}

async function ownNamespaces(): Promise<OwnNamespaces> {
  return await createOwnNamespaces({ first: FIRST, count: COUNT });
}

testBoth("step_join_user() makes the process root of ids that are nobody's", async (context) => {
  const { start, directory } = context;
  using own = await ownNamespaces();
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ...begin(log),
      JOIN,
      shell("id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map"),
    ),
    { userNamespace: own.user },
  );
  strictEqual(await monitor.finished(), "exited 0");

  const lines = readLog(log).trim().split("\n").map((line) => line.trim().split(/\s+/).join(" "));
  const map = `0 ${FIRST} ${COUNT}`;
  deepStrictEqual(lines, ["0", "0", "0", map, map]);
});

testBoth("step_join_user() leaves the container no descriptor", async (context) => {
  const { start, directory } = context;
  using own = await ownNamespaces();
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ...begin(log),
      JOIN,
      execute("/bin/ls", "/proc/self/fd"),
    ),
    { userNamespace: own.user },
  );
  await monitor.finished();

  strictEqual(readLog(log), "0\n1\n2\n3\n"); // 3 is ls's own directory
});

testBoth("launch() refuses to join a user namespace without descriptor 11", async ({ start }) => {
  await using monitor = start(plan(CLONE, JOIN, shell("true")));

  strictEqual(await monitor.receive(), `failed 1 ${EBADF}`);
});

testBoth("step_join_user() locks the mounts that are there", async (context) => {
  const { start, directory } = context;
  using own = await ownNamespaces();
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ...begin(log),
      ["mount", "tmpfs", "/mnt", "tmpfs", "0", ""],
      JOIN,
      shell(
        "umount /mnt 2>/dev/null && echo undone; " +
          "mount -t tmpfs none /mnt && umount /mnt && echo own",
      ),
    ),
    { userNamespace: own.user },
  );
  await monitor.finished();

  strictEqual(readLog(log), "own\n");
});

testBoth(
  "step_owner() gives the container's root its streams and what is made",
  async (context) => {
    const { start, directory } = context;
    using own = await ownNamespaces();
    const log = `${directory}/log`;

    await using monitor = start(
      plan(
        ...begin(log),
        ["mount", "tmpfs", "/mnt", "tmpfs", "0", ""],
        ["root", "/mnt"],
        ["symlink", "x", "/link"],
        JOIN,
        shell("stat -c %u:%g /mnt /mnt/link; stat -L -c %u:%g /proc/self/fd/1"),
      ),
      { userNamespace: own.user },
    );
    await monitor.finished();

    strictEqual(readLog(log), "0:0\n0:0\n0:0\n");
  },
);

testBoth("step_attach_tree() shows and keeps ids as those inside", async ({ start, directory }) => {
  using own = await ownNamespaces();
  const log = `${directory}/log`;
  Deno.mkdirSync(`${directory}/source`);
  Deno.writeTextFileSync(`${directory}/source/old`, "", { mode: 0o600 });

  await using monitor = start(
    plan(
      ...begin(log),
      ["root", "/"],
      ["attach-tree", `${directory}/source`, "/mnt", ID_MAPPED, "0", PRIVATE],
      JOIN,
      shell("stat -c %u:%g /mnt/old; touch /mnt/new; chown 1000:1000 /mnt/new"),
    ),
    { userNamespace: own.user },
  );
  strictEqual(await monitor.finished(), "exited 0");

  strictEqual(readLog(log), "0:0\n");
  const { uid, gid } = Deno.statSync(`${directory}/source/new`);
  deepStrictEqual([uid, gid], [1000, 1000]);
});

async function requestPidfd(monitor: Monitor): Promise<Descriptor> {
  monitor.send("pidfd");
  const [pidfd] = (await monitor.receiveWithDescriptors())?.descriptors ?? [];
  if (pidfd === undefined) throw new Error("Cannot go on: the monitor has no pidfd of init");
  return pidfd;
}

testBoth(
  "step_join_user() enters the user namespace of a process",
  async ({ start, directory }) => {
    using own = await ownNamespaces();
    const log = `${directory}/log`;
    await using container = start(plan(CLONE, OWNER, SLAVE, JOIN, shell("exec sleep 100")), {
      userNamespace: own.user,
    });
    const pid = await container.started();
    using target = await requestPidfd(container);

    await using monitor = start(
      plan(
        ["log", log, "cri", "0", "1"],
        ["clone", "0"],
        OWNER,
        ["join", String(NS | UTS)],
        ["fork"],
        ["join-user", "0"],
        shell("id -u; readlink /proc/self/ns/user; stat -L -c %u:%g /proc/self/fd/1"),
      ),
      { target, userNamespace: target },
    );
    strictEqual(await monitor.finished(), "exited 0");

    strictEqual(readLog(log), `0\n${Deno.readLinkSync(`/proc/${pid}/ns/user`)}\n0:0\n`);
    match(Deno.readTextFileSync(`/proc/${pid}/status`), new RegExp(`^Uid:\\t${FIRST}\\t`, "m"));
    container.send("signal 9");
  },
);

Deno.test("createOwnNamespaces() makes namespaces that are not the caller's", async () => {
  using own = await ownNamespaces();

  for (const [name, { number }] of [["user", own.user], ["net", own.network]] as const) {
    const made = Deno.readLinkSync(`/proc/self/fd/${number}`);
    match(made, new RegExp(`^${name}:`));
    notStrictEqual(made, Deno.readLinkSync(`/proc/self/ns/${name}`));
  }
});
