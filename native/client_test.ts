import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { cString } from "../ffi/c_string.ts";
import { core } from "../ffi/native.ts";
import { Descriptor } from "../ffi/descriptor.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { openForReading, openReadWrite } from "../mod/kernel/open.ts";
import { connectPacketSocket, receivePacket, sendPacket } from "../mod/kernel/socket.ts";
import { TestLinks } from "../tests/test_links.ts";
import { TestNetwork } from "../tests/test_network.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  pause,
  plan,
  readBytes,
  readLog,
  run,
  shell,
  testBoth,
} from "./testing.ts";

const AT_FDCWD = -100;
const O_WRONLY = 1;
const CLONE = ["clone", "0"];
const PIPE = ["stdio", "pipe"];
const CAT = execute("/bin/cat");
const SLEEP = execute("/bin/sleep", "100");
const EINVAL = 22;
const EBUSY = 16;
const ESRCH = 3;
const FIONREAD = 0x541b;
/** What a FIFO or a pipe holds. */
const PIPE_SIZE = 65536;
/** What the monitor holds of one stream for its clients. */
const OUTPUT_SIZE = 16384;

/** Flags of `attach`. */
const INPUT = 1;
const OUTPUT = 2;
const ERRORS = 4;
const ENDS_INPUT = 8;

/** A file that the monitor can write to. */
function createFile(path: string): Descriptor {
  Deno.writeFileSync(path, new Uint8Array());
  return openReadWrite(path);
}

async function createFifo(path: string): Promise<Descriptor> {
  await run("mkfifo", path);
  return openReadWrite(path);
}

function openForWriting(path: string): Descriptor {
  return new Descriptor(core.nbnn(SYSCALL.openat, AT_FDCWD, cString(path), O_WRONLY, 0));
}

/** What `FIONREAD` says of a pipe or a FIFO: the bytes in it. @see pipe(7) */
function bytesIn(fifo: Descriptor): number {
  const count = new Int32Array(1);
  core.nnb(SYSCALL.ioctl, fifo.number, FIONREAD, new Uint8Array(count.buffer));
  return count[0] ?? 0;
}

/** Two connected stream sockets. */
function streamPair(): [Descriptor, Descriptor] {
  const pair = new Int32Array(2);
  core.nnnb(SYSCALL.socketpair, 1, 1, 0, new Uint8Array(pair.buffer));
  return [new Descriptor(pair[0] ?? -1), new Descriptor(pair[1] ?? -1)];
}

function fillWithNoise(path: string, size: number): void {
  const words = new Uint32Array(size / 4);
  let state = 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  Deno.writeFileSync(path, new Uint8Array(words.buffer));
}

testBoth(
  "request_attach() connects files to stdin, stdout and stderr",
  async ({ start, directory }) => {
    Deno.writeTextFileSync(`${directory}/in`, "typed\n");
    using input = openForReading(`${directory}/in`);
    using output = createFile(`${directory}/out`);
    using errors = createFile(`${directory}/err`);

    await using monitor = start(plan(PIPE, CLONE, shell("cat; echo oops >&2")), {
      firstRequest: {
        text: `attach ${INPUT | OUTPUT | ERRORS | ENDS_INPUT} -`,
        descriptors: [input.number, output.number, errors.number],
      },
    });

    strictEqual(await monitor.finished(), "exited 0");
    strictEqual(readBytes(`${directory}/out`), "typed\n");
    strictEqual(readBytes(`${directory}/err`), "oops\n");
  },
);

testBoth(
  "request_attach() carries 64 MiB through stdin and stdout FIFOs unchanged",
  async ({ start, directory }) => {
    fillWithNoise(`${directory}/in`, 64 << 20);
    const input = await createFifo(`${directory}/in.fifo`);
    const output = await createFifo(`${directory}/out.fifo`);
    const write = `exec > ${directory}/in.fifo; : > ${directory}/writer; exec cat ${directory}/in`;
    const read =
      `exec < ${directory}/out.fifo; : > ${directory}/reader; exec cat > ${directory}/out`;
    const [writer, reader] = [run("sh", "-c", write), run("sh", "-c", read)];
    await eventually(() => isThere(`${directory}/writer`) && isThere(`${directory}/reader`));

    await using monitor = start(plan(PIPE, CLONE, CAT), {
      firstRequest: {
        text: `attach ${INPUT | OUTPUT | ENDS_INPUT} -`,
        descriptors: [input.number, output.number],
      },
    });
    await monitor.started();
    monitor.send("signal 0");
    strictEqual(await monitor.receive(), "ok"); // the monitor has opened them for itself
    input[Symbol.dispose]();
    output[Symbol.dispose]();
    const exited = await monitor.receive();
    await Promise.all([writer, reader]);

    strictEqual(exited, "exited 0");
    await run("cmp", `${directory}/in`, `${directory}/out`);
  },
);

testBoth("request_attach() uses a socket without making it non-blocking", async ({ start }) => {
  const [ours, theirs] = streamPair();
  using near = ours;
  using far = theirs;
  const before = core.nnn(SYSCALL.fcntl, far.number, 3, 0);
  const text = new TextEncoder().encode("through a socket\n");
  core.nbnn(SYSCALL.write, near.number, text, text.length, 0);
  core.nnn(SYSCALL.shutdown, near.number, 1, 0);

  await using monitor = start(plan(PIPE, CLONE, CAT), {
    firstRequest: {
      text: `attach ${INPUT | OUTPUT | ENDS_INPUT} -`,
      descriptors: [far.number, far.number],
    },
  });
  const exited = await monitor.finished();
  const answer = new Uint8Array(100);
  const size = core.nbnn(SYSCALL.read, near.number, answer, answer.length, 0);

  strictEqual(exited, "exited 0");
  strictEqual(new TextDecoder().decode(answer.subarray(0, size)), "through a socket\n");
  strictEqual(core.nnn(SYSCALL.fcntl, far.number, 3, 0), before);
});

testBoth(
  "request_attach() leaves the container's stdin open without flag 8",
  async ({ start, directory }) => {
    Deno.writeTextFileSync(`${directory}/in`, "typed\n");
    using input = openForReading(`${directory}/in`);

    await using monitor = start(
      plan(["log", `${directory}/log`, "cri", "0", "1"], PIPE, CLONE, CAT),
      {
        firstRequest: { text: `attach ${INPUT} -`, descriptors: [input.number] },
      },
    );
    const pid = await monitor.started();
    await eventually(() => readLog(`${directory}/log`) === "typed\n");
    await pause(50);
    const wasAlive = isAlive(pid);
    monitor.send("signal 15");

    strictEqual(wasAlive, true);
    strictEqual(await monitor.receive(), "ok");
  },
);

testBoth(
  "client_close() closes the container's stdin with flag 8",
  async ({ start, directory }) => {
    using input = await createFifo(`${directory}/in`);
    const listening = plan(["listen", directory], PIPE, CLONE, CAT);
    await using monitor = start(listening);
    await monitor.started();
    const client = connectPacketSocket(directory, "socket");
    sendPacket(client, `attach ${INPUT | ENDS_INPUT} -`, [input.number]);
    sendPacket(client, "signal 0");
    await receivePacket(client);

    client[Symbol.dispose]();

    strictEqual(await monitor.receive(), "exited 0");
  },
);

testBoth(
  "request_attach() serves several clients, each with all output",
  async ({ start, directory }) => {
    using first = createFile(`${directory}/first`);
    using second = createFile(`${directory}/second`);
    await using monitor = start(
      plan(["listen", directory], PIPE, CLONE, shell("read go; seq 50000")),
    );
    await monitor.started();
    monitor.send(`attach ${OUTPUT} -`, [first.number]);
    using client = connectPacketSocket(directory, "socket");
    Deno.writeTextFileSync(`${directory}/in`, "go\n");
    using input = openForReading(`${directory}/in`);

    sendPacket(client, `attach ${INPUT | OUTPUT} -`, [input.number, second.number]);

    strictEqual(await monitor.receive(), "exited 0");
    strictEqual((await receivePacket(client))?.text, "exited 0");
    const expected = Array.from({ length: 50000 }, (_, index) => `${index + 1}\n`).join("");
    strictEqual(readBytes(`${directory}/first`), expected);
    strictEqual(readBytes(`${directory}/second`), expected);
  },
);

testBoth(
  "feed() goes on for others when one client's output breaks",
  async ({ start, directory }) => {
    const fifo = `${directory}/fifo`;
    const broken = await createFifo(fifo);
    using good = createFile(`${directory}/good`);
    await using monitor = start(
      plan(["listen", directory], PIPE, CLONE, shell("read go; seq 20000")),
    );
    await monitor.started();
    monitor.send(`attach ${OUTPUT} -`, [broken.number]);
    monitor.send("signal 0");
    await monitor.receive();
    broken[Symbol.dispose](); // now the monitor's FIFO has no reader
    using client = connectPacketSocket(directory, "socket");
    Deno.writeTextFileSync(`${directory}/in`, "go\n");
    using input = openForReading(`${directory}/in`);

    sendPacket(client, `attach ${INPUT | OUTPUT} -`, [input.number, good.number]);

    strictEqual((await receivePacket(client))?.text, "exited 0");
    ok(readBytes(`${directory}/good`).endsWith("\n20000\n"));
  },
);

testBoth(
  "attach_output() breaks the container's pipe when the engine's FIFO has lost its reader before",
  async ({ start, directory }) => {
    const fifo = `${directory}/fifo`;
    const reader = await createFifo(fifo);
    using lonely = openForWriting(fifo);
    reader[Symbol.dispose]();

    await using monitor = start(plan(CLONE, shell("seq 1000000; exit $?")), {
      firstRequest: { text: `attach ${OUTPUT} -`, descriptors: [lonely.number] },
    });

    strictEqual(await monitor.finished(), "exited 141"); // 128 + SIGPIPE
  },
);

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

/** Reads a FIFO to its end, once `writer` is closed. */
function drainFifo(path: string, writer: Descriptor): number {
  using reader = openForReading(path);
  writer[Symbol.dispose]();
  const chunk = new Uint8Array(65536);
  let size = 0;
  for (let got = 1; got > 0; size += got) {
    got = core.nbnn(SYSCALL.read, reader.number, chunk, chunk.length, 0);
  }
  return size;
}

function hasContent(path: string, content: string): boolean {
  try {
    return Deno.readTextFileSync(path).includes(content);
  } catch {
    return false; // not there yet
  }
}

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

testBoth(
  "end() does not let a slow client hold up the cleanup or keep the network when the engine is gone",
  async ({ start, directory }) => {
    const state = `${directory}/state`;
    const copy = `${directory}/copy`;
    const fifo = `${directory}/fifo`;
    const slow = await createFifo(fifo);
    using cleanupProgram = openForReading("/usr/bin/busybox");
    using host = new TestLinks();
    using network = new TestNetwork();
    const peer = { name: "in", namespace: network.namespace, macAddress: "02:42:00:00:00:01" };
    host.links.addVeth({ name: "out", bridgeIndex: host.addBridge("bridge"), peer });

    await using monitor = start(
      plan(
        ["listen", directory],
        ["record", state, "volatile"],
        ["cleanup", "cp", state, copy],
        CLONE,
        shell(
          `until [ -e ${directory}/go ]; do sleep 0.01; done; head -c 120000 /dev/zero | tr '\\0' x`,
        ),
      ),
      { cleanupProgram, networkNamespace: network.namespace },
    );
    await monitor.started();
    monitor.disconnect();
    using client = connectPacketSocket(directory, "socket");
    sendPacket(client, `attach ${OUTPUT} -`, [slow.number]);
    sendPacket(client, "signal 0");
    strictEqual((await receivePacket(client))?.text, "ok");
    Deno.writeTextFileSync(`${directory}/go`, "");
    await eventually(() => hasContent(copy, "exited"));
    // A veth goes with the namespace that its peer is in
    network[Symbol.dispose]();
    await eventually(() => host.links.find("out") === undefined);
    const size = drainFifo(fifo, slow);

    strictEqual((await receivePacket(client))?.text, "exited 0");
    strictEqual(size, 120000);
  },
);

testBoth(
  "end() does not keep the network for a slow client when the engine cleans up",
  async (context) => {
    const { start, directory } = context;
    const fifo = `${directory}/fifo`;
    const slow = await createFifo(fifo);
    using host = new TestLinks();
    using network = new TestNetwork();
    const peer = { name: "in", namespace: network.namespace, macAddress: "02:42:00:00:00:01" };
    host.links.addVeth({ name: "out", bridgeIndex: host.addBridge("bridge"), peer });

    await using monitor = start(
      plan(
        ["listen", directory],
        ["cleanup", "true"],
        CLONE,
        shell(
          `until [ -e ${directory}/go ]; do sleep 0.01; done; head -c 120000 /dev/zero | tr '\\0' x`,
        ),
      ),
      { networkNamespace: network.namespace },
    );
    await monitor.started();
    using client = connectPacketSocket(directory, "socket");
    sendPacket(client, `attach ${OUTPUT} -`, [slow.number]);
    sendPacket(client, "signal 0");
    strictEqual((await receivePacket(client))?.text, "ok");
    Deno.writeTextFileSync(`${directory}/go`, "");
    strictEqual(await monitor.receive(), "exited 0");
    // A veth goes with the namespace that its peer is in
    network[Symbol.dispose]();
    await eventually(() => host.links.find("out") === undefined);
    const size = drainFifo(fifo, slow);

    strictEqual((await receivePacket(client))?.text, "exited 0");
    strictEqual(size, 120000);
  },
);

testBoth(
  "filter_keys() detaches on the keys and passes everything else on",
  async ({ start, directory }) => {
    using input = await createFifo(`${directory}/in`);
    using output = createFile(`${directory}/out`);
    const type = (text: string): number => {
      const bytes = new TextEncoder().encode(text);
      return core.nbnn(SYSCALL.write, input.number, bytes, bytes.length, 0);
    };

    await using monitor = start(plan(PIPE, CLONE, CAT), {
      firstRequest: {
        text: `attach ${INPUT | OUTPUT} 1011`,
        descriptors: [input.number, output.number],
      },
    });
    const pid = await monitor.started();
    type("a\x10b\x10");
    await eventually(() => readBytes(`${directory}/out`) === "a\x10b");
    type("\x10c\x10");
    await eventually(() => readBytes(`${directory}/out`) === "a\x10b\x10\x10c");
    type("\x11never");

    strictEqual(await monitor.receive(), "detached");
    strictEqual(isAlive(pid), true);
    strictEqual(readBytes(`${directory}/out`), "a\x10b\x10\x10c");
    monitor.send("signal 9");
    strictEqual(await monitor.receive(), "ok");
  },
);

testBoth("request_pidfd() hands out a pidfd of init", async ({ start }) => {
  await using monitor = start(plan(CLONE, SLEEP));
  const pid = await monitor.started();

  monitor.send("pidfd");
  const packet = await monitor.receiveWithDescriptors();
  const number = packet?.descriptors[0]?.number ?? -1;
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${number}`);
  packet?.descriptors[0]?.[Symbol.dispose]();
  monitor.send("signal 9");

  strictEqual(packet?.text, "pidfd");
  ok(info.includes(`Pid:\t${pid}\n`));
});

testBoth("request_wait() sends exited to a client of the socket", async ({ start, directory }) => {
  await using monitor = start(plan(["listen", directory], CLONE, SLEEP));
  await monitor.started();
  using client = connectPacketSocket(directory, "socket");

  sendPacket(client, "wait");
  sendPacket(client, "signal 15");

  strictEqual((await receivePacket(client))?.text, "ok");
  strictEqual((await receivePacket(client))?.text, "exited 143");
  strictEqual([...Deno.readDirSync(directory)].some(({ name }) => name === "socket"), false);
});

testBoth(
  "client_close() loses no answer when requests are still unread",
  async ({ start, directory }) => {
    await using monitor = start(plan(["listen", directory], CLONE, SLEEP));
    const pid = await monitor.started();
    using client = connectPacketSocket(directory, "socket");
    sendPacket(client, "wait");
    sendPacket(client, "signal 0");
    await receivePacket(client);

    Deno.kill(monitor.pid, "SIGSTOP");
    Deno.kill(pid, "SIGKILL");
    for (let count = 0; count < 5; count++) sendPacket(client, "resize 10 10");
    Deno.kill(monitor.pid, "SIGCONT");

    strictEqual((await receivePacket(client))?.text, "exited 137");
  },
);

testBoth(
  "client_accept() serves new clients after 100 have come and gone",
  async ({ start, directory }) => {
    await using monitor = start(plan(["listen", directory], CLONE, SLEEP));
    await monitor.started();

    for (let count = 0; count < 100; count++) {
      using client = connectPacketSocket(directory, "socket");
      sendPacket(client, "signal 0");
      strictEqual((await receivePacket(client))?.text, "ok");
    }

    monitor.send("signal 9");
    strictEqual(await monitor.receive(), "ok");
  },
);

/** Most clients that can stay; the control connection is one of them. */
const STAYING_COUNT = 32;
/** All places. */
const CLIENT_COUNT = 40;
const EUSERS = 87;

/** Clients that have each sent `request`. */
class Crowd extends DisposableStack {
  readonly #clients: Descriptor[];

  constructor(directory: string, { count, request }: { count: number; request: string }) {
    super();
    this.#clients = Array.from(
      { length: count },
      () => this.use(connectPacketSocket(directory, "socket")),
    );
    for (const client of this.#clients) sendPacket(client, request);
  }

  /** One of them leaves. */
  shrink(): void {
    this.#clients.pop()?.[Symbol.dispose]();
  }
}

for (const request of ["wait", "attach 2 -"]) {
  testBoth(
    `client_stay() refuses the 33rd ${request} until one leaves, and nobody who asks for the end`,
    async ({ start, directory }) => {
      await using monitor = start(plan(["listen", directory], CLONE, SLEEP));
      await monitor.started();
      using sink = openReadWrite("/dev/null");
      const descriptors = request === "wait" ? [] : [sink.number];
      using crowd = new Crowd(directory, { count: STAYING_COUNT - 1, request: "wait" });
      using late = connectPacketSocket(directory, "socket");

      sendPacket(late, request, descriptors);
      const refusal = (await receivePacket(late))?.text;
      sendPacket(late, "signal 0");
      const answer = (await receivePacket(late))?.text;
      crowd.shrink();
      sendPacket(late, request, descriptors);
      using last = connectPacketSocket(directory, "socket");
      sendPacket(last, "stop 9 -1");

      deepStrictEqual([refusal, answer], [`error ${EUSERS}`, "ok"]);
      strictEqual((await receivePacket(late))?.text, "exited 137");
      strictEqual((await receivePacket(last))?.text, "exited 137");
    },
  );
}

testBoth("client_accept() refuses the 41st client at once", async ({ start, directory }) => {
  await using monitor = start(plan(["listen", directory], CLONE, SLEEP));
  await monitor.started();
  using crowd = new Crowd(directory, { count: CLIENT_COUNT - 1, request: "resize 10 10" });
  using refused = connectPacketSocket(directory, "socket");
  const refusal = (await receivePacket(refused))?.text;
  const end = await receivePacket(refused);
  crowd.shrink();
  using late = connectPacketSocket(directory, "socket");
  sendPacket(late, "signal 9");

  deepStrictEqual([refusal, end], [`error ${EUSERS}`, undefined]);
  strictEqual((await receivePacket(late))?.text, "ok");
  strictEqual((await receivePacket(late))?.text, "exited 137");
});

const MALFORMED = [
  " ",
  "attach",
  "attach 2",
  "attach 2 -",
  "attach 0 -",
  "attach 16 -",
  "attach x -",
  "attach 2 - -",
  "signal",
  "signal 65",
  "signal -1",
  "signal 1 2",
  "stop 15",
  "stop 15 -2",
  "stop 65 1",
  "shutdown 15",
  "shutdown 65 1",
  "resize 1",
  "resize 1 65536",
  "pidfd 1",
  "wait wait",
  "WAIT",
  "wait\n",
  "wait\0wait",
  "x".repeat(4096),
  " ".repeat(4096),
];

testBoth("run_request() answers EINVAL to malformed requests", async ({ start }) => {
  await using monitor = start(plan(CLONE, SLEEP));
  await monitor.started();

  for (const text of MALFORMED) {
    monitor.send(text);
    strictEqual(await monitor.receive(), `error ${EINVAL}`, JSON.stringify(text.slice(0, 40)));
  }

  monitor.send("signal 9");
  strictEqual(await monitor.receive(), "ok");
});

testBoth("request_attach() refuses keys that are not hex bytes", async ({ start, directory }) => {
  using output = createFile(`${directory}/out`);
  await using monitor = start(plan(CLONE, SLEEP));
  await monitor.started();

  for (const keys of ["1", "1g", "101", "00".repeat(17)]) {
    monitor.send(`attach ${OUTPUT} ${keys}`, [output.number]);
    strictEqual(await monitor.receive(), `error ${EINVAL}`);
  }

  monitor.send("signal 9");
});

testBoth(
  "request_attach() refuses a second attachment and closes its descriptors",
  async ({ start, directory }) => {
    using output = createFile(`${directory}/out`);
    await using monitor = start(plan(CLONE, SLEEP));
    await monitor.started();
    monitor.send(`attach ${OUTPUT} -`, [output.number]);
    monitor.send("signal 0");
    await monitor.receive();
    const count = [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length;

    monitor.send(`attach ${OUTPUT} -`, [output.number]);

    strictEqual(await monitor.receive(), `error ${EBUSY}`);
    strictEqual([...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length, count);
    monitor.send("signal 9");
  },
);

testBoth(
  "client_serve() closes descriptors that no request wants",
  async ({ start, directory }) => {
    using output = createFile(`${directory}/out`);
    await using monitor = start(plan(CLONE, SLEEP));
    await monitor.started();
    const count = [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length;

    for (let round = 0; round < 20; round++) {
      monitor.send("signal 0", [output.number, output.number, output.number, output.number]);
      strictEqual(await monitor.receive(), "ok");
    }

    // the answer goes out before they are closed
    await eventually(() => [...Deno.readDirSync(`/proc/${monitor.pid}/fd`)].length === count);
    monitor.send("signal 9");
  },
);
