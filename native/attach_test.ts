import { ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { connectPacketSocket, receivePacket, sendPacket } from "../mod/kernel/socket.ts";
import {
  createFifo,
  createFile,
  ENDS_INPUT,
  ERRORS,
  INPUT,
  openForWriting,
  OUTPUT,
} from "./attaching.ts";
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

const CLONE = ["clone", "0"];
const PIPE = ["stdio", "pipe"];
const CAT = execute("/bin/cat");
const SLEEP = execute("/bin/sleep", "100");
const EINVAL = 22;
const EBUSY = 16;

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
