import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { encodeUdpFrame, parseUdpFrame, type UdpFrame } from "./dhcp_frame.ts";

const FRAME: UdpFrame = {
  source: { macAddress: "02:00:00:00:00:01", address: "0.0.0.0", port: 68 },
  destination: { macAddress: "ff:ff:ff:ff:ff:ff", address: "255.255.255.255", port: 67 },
  payload: new TextEncoder().encode("hello"),
};
const IP_AT = 14;
const UDP_AT = 34;

/** The frame with some bytes replaced. */
function changed(at: number, ...bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const frame = encodeUdpFrame(FRAME);
  frame.set(bytes, at);
  return frame;
}

Deno.test("encodeUdpFrame() writes the headers with their checksums", () => {
  // Checksums added up by hand
  strictEqual(
    encodeUdpFrame(FRAME).toHex(),
    "ffffffffffff020000000001" + "0800" +
      "450000210000400040113acd00000000ffffffff" +
      "00440043000dbb7b" + "68656c6c6f",
  );
});

Deno.test("parseUdpFrame() reads what encodeUdpFrame() has written", () => {
  deepStrictEqual(parseUdpFrame(encodeUdpFrame(FRAME)), FRAME);
});

Deno.test("parseUdpFrame() leaves out the padding of a short frame", () => {
  const padded = new Uint8Array(60);
  padded.set(encodeUdpFrame(FRAME));

  deepStrictEqual(parseUdpFrame(padded), FRAME);
});

Deno.test("parseUdpFrame() reads a datagram without a checksum", () => {
  deepStrictEqual(parseUdpFrame(changed(UDP_AT + 6, 0, 0)), FRAME);
});

Deno.test("parseUdpFrame() reads a datagram whose checksum is left to the network card", () => {
  // Sum of addresses, protocol and length: 0xffff + 0xffff + 17 + 13
  deepStrictEqual(parseUdpFrame(changed(UDP_AT + 6, 0, 30)), FRAME);
});

const REFUSED: readonly (readonly [what: string, frame: Uint8Array<ArrayBuffer>])[] = [
  ["a frame that is too short", encodeUdpFrame(FRAME).slice(0, 41)],
  ["a packet that is cut off", encodeUdpFrame(FRAME).slice(0, -1)],
  ["another protocol than IPv4", changed(12, 0x08, 0x06)],
  ["another version of IP", changed(IP_AT, 0x65)],
  ["a header that is too short", changed(IP_AT, 0x44)],
  ["a damaged header", changed(IP_AT + 8, 63)],
  ["another protocol than UDP", changed(IP_AT + 9, 6)],
  ["a fragment", changed(IP_AT + 6, 0x20)],
  ["a damaged datagram", changed(UDP_AT + 8, 0)],
  ["a datagram that is longer than its packet", changed(UDP_AT + 4, 0, 14)],
  ["a datagram without room for its header", changed(UDP_AT + 4, 0, 7)],
];

for (const [what, frame] of REFUSED) {
  Deno.test(`parseUdpFrame() gives undefined for ${what}`, () => {
    strictEqual(parseUdpFrame(frame), undefined);
  });
}
