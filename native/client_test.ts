import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { openReadWrite } from "../mod/kernel/open.ts";
import { connectPacketSocket, receivePacket, sendPacket } from "../mod/kernel/socket.ts";
import { createFile } from "./attaching.ts";
import { eventually, execute, plan, testBoth } from "./testing.ts";

const CLONE = ["clone", "0"];
const SLEEP = execute("/bin/sleep", "100");
const EINVAL = 22;

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
