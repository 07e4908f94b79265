import { ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { checked } from "../ffi/errno.ts";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import {
  type Attribute,
  encodeRequests,
  listAttributes,
  NETLINK,
  type NetlinkRequest,
  NetlinkSocket,
  NLM_F,
  parseAttributes,
} from "../mod/kernel/netlink.ts";
import { TestNetwork } from "../tests/test_network.ts";
import {
  eventually,
  execute,
  memoryOf,
  type Monitor,
  plan,
  testBoth,
  type TestContext,
  testRelease,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const SLEEP = execute("/bin/sleep", "100");
const EINVAL = 22;

/** @see `include/uapi/linux/netfilter/nf_tables.h` of Linux */
const NFT_MSG = {
  NEWTABLE: 0xa00,
  DELTABLE: 0xa02,
  NEWSET: 0xa09,
  NEWSETELEM: 0xa0c,
  GETSETELEM: 0xa0d,
  DESTROYTABLE: 0xa1a,
};
const TABLE_NAME = 1;
const SET = { TABLE: 1, NAME: 2, FLAGS: 3, KEY_TYPE: 4, KEY_LENGTH: 5, ID: 10 };
const LIST = { TABLE: 1, SET: 2, ELEMENTS: 3, ELEMENT: 1 };
const ELEMENT_KEY = 1;
const DATA_VALUE = 1;
const FAMILY_INET = 1;
const ELEMENTS_AT_ONCE = 3000;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** `NFNLGRP_NFTABLES`, as a mask. */
const NFTABLES_GROUP = 1 << 6;

function request(type: number, attributes: Attribute[] = [], flags = 0): NetlinkRequest {
  const header = new Uint8Array([FAMILY_INET, 0, 0, 0]);
  return { type, flags, header, attributes, action: "change", subject: "ruleset" };
}

function framing(type: number): NetlinkRequest {
  return { type, header: new Uint8Array([0, 0, 0, 10]), action: "commit", subject: "ruleset" };
}

function batch(...requests: NetlinkRequest[]): NetlinkRequest[] {
  return [framing(0x10), ...requests, framing(0x11)];
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function makeTable(name: string): NetlinkRequest {
  return request(NFT_MSG.NEWTABLE, [[TABLE_NAME, name]], NLM_F.CREATE | NLM_F.EXCL);
}

/** Requests that make a set of `count` numbers in a table. */
function makeSet(table: string, count: number): NetlinkRequest[] {
  const requests = [request(NFT_MSG.NEWSET, [
    [SET.TABLE, table],
    [SET.NAME, "numbers"],
    [SET.FLAGS, bigEndian(0)],
    [SET.KEY_TYPE, bigEndian(0)],
    [SET.KEY_LENGTH, bigEndian(4)],
    [SET.ID, bigEndian(1)],
  ], NLM_F.CREATE)];
  for (let first = 0; first < count; first += ELEMENTS_AT_ONCE) {
    const length = Math.min(ELEMENTS_AT_ONCE, count - first);
    const elements = Array.from({ length }, (_, index): Attribute => [
      LIST.ELEMENT,
      [[ELEMENT_KEY, [[DATA_VALUE, bigEndian(first + index)]]]],
    ]);
    requests.push(request(NFT_MSG.NEWSETELEM, [
      [LIST.TABLE, table],
      [LIST.SET, "numbers"],
      [LIST.ELEMENTS, elements],
    ], NLM_F.CREATE));
  }
  return requests;
}

/** What `nft flush ruleset` does. */
const FLUSH: NetlinkRequest = { ...request(NFT_MSG.DELTABLE), header: new Uint8Array(4) };

function removeTable(name: string): NetlinkRequest {
  return request(NFT_MSG.DELTABLE, [[TABLE_NAME, name]]);
}

function change(network: TestNetwork, ...requests: NetlinkRequest[]): void {
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  socket.batch(batch(...requests));
}

function hasTable(network: TestNetwork, name = "wherry"): boolean {
  return network.listTables().includes(name);
}

function countElements(network: TestNetwork, table: string): number {
  using socket = network.within(() => new NetlinkSocket(NETLINK.NETFILTER));
  const messages = socket.get(
    request(NFT_MSG.GETSETELEM, [[LIST.TABLE, table], [LIST.SET, "numbers"]], NLM_F.DUMP),
  );
  return messages.map(({ payload }) => parseAttributes(payload, 4).get(LIST.ELEMENTS))
    .filter((elements) => elements !== undefined)
    .reduce((count, elements) => count + listAttributes(elements).length, 0);
}

/** Sends a message to all that listen to changes of nf_tables, as only the kernel should. */
function pretend(network: TestNetwork, message: Uint32Array<ArrayBuffer>): void {
  const address = new Uint8Array(new Uint32Array([AF_NETLINK, 0, NFTABLES_GROUP]).buffer);
  using socket = network.within(() =>
    new Descriptor(checked(core.nnn(SYSCALL.socket, AF_NETLINK, SOCK_RAW, 12), "socket", "netlink"))
  );
  checked(core.nbnn(SYSCALL.connect, socket.number, address, address.length, 0), "connect", "");
  const bytes = new Uint8Array(message.buffer);
  checked(core.send(socket.number, bytes, bytes.length, new Uint8Array(), 0), "sendmsg", "");
}

/** Notifications that a process in the namespace has lost. */
function countLost(network: TestNetwork): number {
  const [, ...lines] = network.within(() => Deno.readTextFileSync("/proc/thread-self/net/netlink"))
    .trim().split("\n");
  return lines.reduce((count, line) => count + Number(line.trim().split(/\s+/)[8]), 0);
}

/** A network with the table, and a monitor that keeps it by the file `ruleset`. */
class Kept implements AsyncDisposable {
  readonly network = new TestNetwork();
  readonly path: string;
  readonly monitor: Monitor;

  constructor({ start, directory }: TestContext, requests = [makeTable("wherry")]) {
    this.path = `${directory}/ruleset`;
    Deno.writeFileSync(this.path, encodeRequests(batch(...requests), () => false));
    change(this.network, ...requests);
    this.monitor = this.network.within(() =>
      start(plan(["ruleset", "wherry", this.path], CLONE, SLEEP))
    );
  }

  /** Waits until the monitor has seen to all that happened before. */
  async settle(): Promise<void> {
    // It answers before it looks at other things that are ready, and so has looked before the second answer
    for (let round = 0; round < 2; round++) {
      this.monitor.send("signal 0");
      strictEqual(await this.monitor.receive(), "ok");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.monitor.send("signal 9");
    await this.monitor[Symbol.asyncDispose]();
    this.network[Symbol.dispose]();
  }
}

testBoth("ruleset_read_changes() has the table put back when all are flushed", async (context) => {
  await using kept = new Kept(context, [makeTable("wherry"), ...makeSet("wherry", 10)]);
  await kept.monitor.started();

  for (let round = 0; round < 3; round++) {
    change(kept.network, FLUSH);
    await eventually(() => hasTable(kept.network));
  }

  strictEqual(countElements(kept.network, "wherry"), 10);
});

testBoth("ruleset_read_changes() has a table put back that is destroyed", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  change(kept.network, { ...removeTable("wherry"), type: NFT_MSG.DESTROYTABLE });

  await eventually(() => hasTable(kept.network));
});

testBoth("receive_from_kernel() does not believe what other processes send", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  // A header of a message that would be followed by itself
  pretend(kept.network, new Uint32Array([0xffffffff, NFT_MSG.NEWTABLE, 0, 0]));
  await kept.settle();
  change(kept.network, FLUSH);

  await eventually(() => hasTable(kept.network));
});

testBoth("ruleset_read_changes() leaves a table alone that is there", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  change(kept.network, ...makeSet("wherry", 3), makeTable("other"));
  change(kept.network, removeTable("other"));
  await kept.settle();

  strictEqual(countElements(kept.network, "wherry"), 3);
});

testBoth("ruleset_read_changes() leaves a table alone that is replaced", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  change(kept.network, removeTable("wherry"), makeTable("wherry"), ...makeSet("wherry", 4));
  await kept.settle();

  strictEqual(countElements(kept.network, "wherry"), 4);
});

testBoth("put_back() makes the table once when several monitors miss it", async (context) => {
  await using kept = new Kept(context, [makeTable("wherry"), ...makeSet("wherry", 20_000)]);
  await using second = kept.network.within(() =>
    context.start(plan(["ruleset", "wherry", kept.path], CLONE, SLEEP))
  );
  await kept.monitor.started();
  await second.started();

  change(kept.network, FLUSH);
  await eventually(() => hasTable(kept.network));
  await kept.settle();
  second.send("signal 9");

  strictEqual(await second.receive(), "ok");
  strictEqual(await second.receive(), "exited 137");
  strictEqual(countElements(kept.network, "wherry"), 20_000);
});

testBoth("put_back() sends a file of a megabyte", async (context) => {
  await using kept = new Kept(context, [makeTable("wherry"), ...makeSet("wherry", 66_000)]);
  await kept.monitor.started();
  const { size } = Deno.statSync(kept.path);

  change(kept.network, FLUSH);
  await eventually(() => hasTable(kept.network));

  ok(size > 1024 * 1024);
  strictEqual(countElements(kept.network, "wherry"), 66_000);
});

testBoth("put_back() does nothing when the kernel refuses the file", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();
  Deno.writeTextFileSync(kept.path, "no netlink message");

  change(kept.network, FLUSH);
  await kept.settle();

  strictEqual(hasTable(kept.network), false);
});

testBoth("ruleset_run_timer() waits for a file that is missing for a moment", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();
  Deno.renameSync(kept.path, `${kept.path}.new`);
  change(kept.network, FLUSH);
  await kept.settle();
  const wasThere = hasTable(kept.network);

  Deno.renameSync(`${kept.path}.new`, kept.path);
  await eventually(() => hasTable(kept.network));

  strictEqual(wasThere, false);
});

testBoth("ruleset_read_changes() looks after notifications that are lost", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  // The burst comes before the removal, whose notification finds no room
  Deno.kill(kept.monitor.pid, "SIGSTOP");
  change(kept.network, makeTable("other"), ...makeSet("other", 20_000), removeTable("wherry"));
  const lost = countLost(kept.network);
  Deno.kill(kept.monitor.pid, "SIGCONT");

  await eventually(() => hasTable(kept.network));
  ok(lost > 0);
});

testRelease("ruleset_read_changes() needs less than 92 kB after a burst", async (context) => {
  await using kept = new Kept(context);
  await kept.monitor.started();

  change(kept.network, makeTable("other"), ...makeSet("other", 20_000));
  change(kept.network, FLUSH);
  await eventually(() => hasTable(kept.network));

  await eventually(() => memoryOf(kept.monitor) < 92);
});

testBoth("step_ruleset() has a table made that is missing at the start", async (context) => {
  await using kept = new Kept(context);
  change(kept.network, FLUSH);
  await kept.monitor.started();

  await eventually(() => hasTable(kept.network));
});

testBoth("step_ruleset() refuses a name that no table has", async ({ start, directory }) => {
  await using monitor = start(plan(["ruleset", "x".repeat(256), directory], CLONE, SLEEP));

  strictEqual(await monitor.receive(), `failed 0 ${EINVAL}`);
});

testBoth("step_ruleset() lets a container start without the file", async (context) => {
  const { start, directory } = context;
  using network = new TestNetwork();

  await using monitor = network.within(() =>
    start(plan(["ruleset", "wherry", `${directory}/none`], CLONE, execute("true")))
  );

  strictEqual(await monitor.finished(), "exited 0");
});
