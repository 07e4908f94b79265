import { ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { connectPacketSocket, receivePacket, sendPacket } from "../mod/kernel/socket.ts";
import { TestLinks } from "../tests/test_links.ts";
import { TestNetwork } from "../tests/test_network.ts";
import { createFifo, drainFifo, INPUT, openForWriting, OUTPUT } from "./attaching.ts";
import {
  eventually,
  isThere,
  pause,
  plan,
  readBytes,
  readLog,
  run,
  shell,
  testBoth,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const PIPE = ["stdio", "pipe"];
const ESRCH = 3;
const FIONREAD = 0x541b;
/** What a FIFO or a pipe holds. */
const PIPE_SIZE = 65536;
/** What the monitor holds of one stream for its clients. */
const OUTPUT_SIZE = 16384;

/** What `FIONREAD` says of a pipe or a FIFO: the bytes in it. @see pipe(7) */
function bytesIn(fifo: Descriptor): number {
  const count = new Int32Array(1);
  core.nnb(SYSCALL.ioctl, fifo.number, FIONREAD, new Uint8Array(count.buffer));
  return count[0] ?? 0;
}

function hasContent(path: string, content: string): boolean {
  try {
    return Deno.readTextFileSync(path).includes(content);
  } catch {
    return false; // not there yet
  }
}

testBoth(
  "supervise() answers while an attached client takes no output",
  async ({ start, directory }) => {
    using full = await createFifo(`${directory}/fifo`);

    await using monitor = start(
      plan(["log", `${directory}/log`, "cri", "0", "1"], CLONE, shell("yes & wait")),
      {
        firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [full.number] },
      },
    );
    await monitor.started();
    await eventually(() =>
      readLog(`${directory}/log`).length > PIPE_SIZE && bytesIn(full) === PIPE_SIZE
    );
    await pause(100);
    const held = readLog(`${directory}/log`).length;
    monitor.send("signal 0");
    const answer = await monitor.receive();
    monitor.send("signal 9");
    await monitor.receive();

    strictEqual(answer, "ok");
    ok(held <= PIPE_SIZE + OUTPUT_SIZE, `${held}`); // back-pressure: nothing more is read
  },
);

testBoth(
  "drain_outputs() leaves what descendants write after init's end",
  async ({ start, directory }) => {
    const fifo = `${directory}/fifo`;
    const state = `${directory}/state`;
    const log = `${directory}/log`;
    const full = await createFifo(fifo);
    const script = `cat /dev/zero & until [ -e ${directory}/go ]; do sleep 0.01; done; exit 3`;
    await using monitor = start(
      plan(["record", state, "volatile"], ["log", log, "cri", "0", "1"], CLONE, shell(script)),
      { firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [full.number] } },
    );
    const pid = await monitor.started();
    // The client takes nothing: in the end the FIFO, the monitor and the pipe hold all they can
    await eventually(() => readLog(log).length === PIPE_SIZE + OUTPUT_SIZE);
    using pipe = openForWriting(`/proc/${pid}/fd/1`);
    await eventually(() => bytesIn(pipe) === PIPE_SIZE);
    Deno.writeTextFileSync(`${directory}/go`, "");
    await eventually(() => readBytes(state).includes("exited"));

    const reader = run(
      "sh",
      "-c",
      `exec < ${fifo}; : > ${directory}/reader; cat > ${directory}/out`,
    );
    await eventually(() => isThere(`${directory}/reader`));
    full[Symbol.dispose]();
    await reader;

    strictEqual(await monitor.receive(), "exited 3");
    strictEqual(readBytes(`${directory}/out`).length, PIPE_SIZE + OUTPUT_SIZE + PIPE_SIZE);
  },
);

testBoth("signal_init() answers ESRCH after init's end", async ({ start, directory }) => {
  using full = await createFifo(`${directory}/fifo`);
  await using monitor = start(
    plan(["record", `${directory}/state`, "volatile"], CLONE, shell("head -c 80000 /dev/zero")),
    { firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [full.number] } },
  );
  await monitor.started();
  await eventually(() => readBytes(`${directory}/state`).includes("exited"));

  monitor.send("signal 9");

  strictEqual(await monitor.receive(), `error ${ESRCH}`);
});

testBoth(
  "client_detach() lets the container go on when the client was slow",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    using full = await createFifo(`${directory}/fifo`);
    Deno.writeTextFileSync(`${directory}/in`, "keys: \x10");
    using input = openForReading(`${directory}/in`);
    const script = "read line; head -c 300000 /dev/zero; exit 3";
    await using monitor = start(plan(["log", log, "cri", "0", "1"], PIPE, CLONE, shell(script)), {
      firstRequest: {
        text: `attach ${INPUT | OUTPUT} 10`,
        descriptors: [input.number, full.number],
      },
    });

    await monitor.started();

    strictEqual(await monitor.receive(), "detached");
    monitor.send("wait");
    Deno.writeTextFileSync(`${directory}/in2`, "\n");
    using second = openForReading(`${directory}/in2`);
    monitor.send(`attach ${INPUT} -`, [second.number]);
    strictEqual(await monitor.receive(), "exited 3");
    strictEqual(readLog(log).length, 300000);
  },
);

testBoth(
  "end() lets a slow engine have all output while the exit is already recorded",
  async ({ start, directory }) => {
    const state = `${directory}/state`;
    const fifo = `${directory}/fifo`;
    const slow = await createFifo(fifo);

    await using monitor = start(
      plan(
        ["record", state, "volatile"],
        ["log", `${directory}/log`, "cri", "0", "1"],
        CLONE,
        shell("head -c 120000 /dev/zero | tr '\\0' x"),
      ),
      { firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [slow.number] } },
    );
    await monitor.started();
    await eventually(() => hasContent(state, "exited"));
    const logged = readLog(`${directory}/log`).length;
    const size = drainFifo(fifo, slow);

    strictEqual(await monitor.receive(), "exited 0");
    strictEqual(logged, 120000);
    strictEqual(size, 120000);
  },
);

/** A namespace with one end of a veth, by whose other end is seen when nobody holds the namespace any more. */
class WatchedNetwork implements Disposable {
  readonly #host = new TestLinks();
  readonly #network = new TestNetwork();

  constructor() {
    const bridgeIndex = this.#host.addBridge("bridge");
    const peer = { name: "in", namespace: this.namespace, macAddress: "02:42:00:00:00:01" };
    this.#host.links.addVeth({ name: "out", bridgeIndex, peer });
  }

  get namespace(): Descriptor {
    return this.#network.namespace;
  }

  /** Lets go of the namespace, and waits until everybody else has. */
  async end(): Promise<void> {
    this.#network[Symbol.dispose]();
    await eventually(() => this.#host.links.find("out") === undefined);
  }

  [Symbol.dispose](): void {
    this.#network[Symbol.dispose]();
    this.#host[Symbol.dispose]();
  }
}

const MUCH = 120_000;

/** Writes more than there is room for, once somebody is attached. */
function writeMuch(directory: string): string[] {
  return shell(
    `until [ -e ${directory}/go ]; do sleep 0.01; done; head -c ${MUCH} /dev/zero | tr '\\0' x`,
  );
}

/** Attaches a FIFO that nobody reads, and lets {@linkcode writeMuch} begin. */
async function attachSlowly(directory: string, slow: Descriptor): Promise<Descriptor> {
  const client = connectPacketSocket(directory, "socket");
  sendPacket(client, `attach ${OUTPUT} -`, [slow.number]);
  sendPacket(client, "signal 0");
  strictEqual((await receivePacket(client))?.text, "ok");
  Deno.writeTextFileSync(`${directory}/go`, "");
  return client;
}

testBoth(
  "end() does not let a slow client hold up the cleanup or keep the network when the engine is gone",
  async ({ start, directory }) => {
    const state = `${directory}/state`;
    const copy = `${directory}/copy`;
    const fifo = `${directory}/fifo`;
    const slow = await createFifo(fifo);
    using cleanupProgram = openForReading("/usr/bin/busybox");
    using network = new WatchedNetwork();

    await using monitor = start(
      plan(
        ["listen", directory],
        ["record", state, "volatile"],
        ["cleanup", "cp", state, copy],
        CLONE,
        writeMuch(directory),
      ),
      { cleanupProgram, networkNamespace: network.namespace },
    );
    await monitor.started();
    monitor.disconnect();
    using client = await attachSlowly(directory, slow);
    await eventually(() => hasContent(copy, "exited"));
    await network.end();
    const size = drainFifo(fifo, slow);

    strictEqual((await receivePacket(client))?.text, "exited 0");
    strictEqual(size, MUCH);
  },
);

testBoth(
  "end() does not keep the network for a slow client when the engine cleans up",
  async ({ start, directory }) => {
    const fifo = `${directory}/fifo`;
    const slow = await createFifo(fifo);
    using network = new WatchedNetwork();

    await using monitor = start(
      plan(["listen", directory], ["cleanup", "true"], CLONE, writeMuch(directory)),
      { networkNamespace: network.namespace },
    );
    await monitor.started();
    using client = await attachSlowly(directory, slow);
    strictEqual(await monitor.receive(), "exited 0");
    await network.end();
    const size = drainFifo(fifo, slow);

    strictEqual((await receivePacket(client))?.text, "exited 0");
    strictEqual(size, MUCH);
  },
);
