import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { needs } from "../../tests/needs.ts";
import { TestLinks } from "../../tests/test_links.ts";
import { SystemError } from "../../ffi/errno.ts";
import { occupyUdpPort, PacketSocket, sendFrame } from "./packet_socket.ts";

const ignore = !needs("root");
const CARD = "card";
const TIMEOUT_MS = 2_000;

/** A broadcast to a port, without checksum, which says the port's number. */
function frameTo(port: number): Uint8Array<ArrayBuffer> {
  const [high, low] = [port >>> 8, port & 0xff];
  return Uint8Array.of(
    ...[255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 0x08, 0x00],
    ...[0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255],
    ...[0, 9, high, low, 0, 10, 0, 0],
    ...[high, low],
  );
}

Deno.test({
  name: "PacketSocket receives datagrams to its port, and nothing else",
  ignore,
  async fn(): Promise<void> {
    using network = new TestLinks();
    const sender = network.addCard(CARD);
    const receiver = network.links.get(`${CARD}-bridge`).index;
    using socket = network.within(() => new PacketSocket(receiver, 68));

    network.within(() => {
      sendFrame(sender, frameTo(67));
      sendFrame(sender, new Uint8Array(60).fill(0xff));
      sendFrame(sender, frameTo(68));
    });
    const bytes = await socket.receive(TIMEOUT_MS);

    ok(bytes);
    deepStrictEqual(bytes, frameTo(68));
  },
});

Deno.test({
  name: "PacketSocket.receive() gives undefined when nothing comes, and lets others work meanwhile",
  ignore,
  async fn(): Promise<void> {
    using network = new TestLinks();
    const index = network.addCard(CARD);
    using socket = network.within(() => new PacketSocket(index, 68));
    const done: string[] = [];

    const receiving = socket.receive(100).then((bytes) => {
      strictEqual(bytes, undefined);
      done.push("received");
    });
    await Promise.resolve();
    done.push("worked");
    await receiving;

    deepStrictEqual(done, ["worked", "received"]);
  },
});

Deno.test({
  name: "sendFrame() fails when the link is missing or switched off",
  ignore,
  fn(): void {
    using network = new TestLinks();
    const index = network.addCard(CARD);
    network.links.setDown(CARD);
    const isOf = (code: string) => (error: unknown): boolean =>
      error instanceof SystemError && error.code === code;

    throws(() => network.within(() => sendFrame(9999, frameTo(67))), isOf("ENODEV"));
    throws(() => network.within(() => sendFrame(index, frameTo(67))), isOf("ENETDOWN"));
  },
});

Deno.test({
  name: "occupyUdpPort() gives undefined when somebody has the port",
  ignore,
  fn(): void {
    using network = new TestLinks();
    using first = network.within(() => occupyUdpPort(68));
    using second = network.within(() => occupyUdpPort(68));

    ok(first !== undefined);
    strictEqual(second, undefined);
  },
});
