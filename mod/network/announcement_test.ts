import { strictEqual, throws } from "node:assert/strict";
import { encodeAnnouncement } from "./announcement.ts";

Deno.test("encodeAnnouncement() is an ARP request of a machine for itself, to all", () => {
  const frame = encodeAnnouncement("192.168.77.20", "02:00:00:00:00:07");

  const mac = "020000000007";
  const address = "c0a84d14";
  strictEqual(
    frame.toHex(),
    `ffffffffffff${mac}0806` + `0001080006040001${mac}${address}000000000000${address}`,
  );
});

Deno.test("encodeAnnouncement() refuses an IPv6 address", () => {
  throws(() => encodeAnnouncement("fd00::1", "02:00:00:00:00:07"), RangeError);
});
