import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { formatMacAddress, parseMacAddress } from "./mac_address.ts";

Deno.test("parseMacAddress() reads colons, hyphens and either case", () => {
  const bytes = new Uint8Array([0x02, 0x42, 0x0a, 0xd3, 0x00, 0xff]);

  deepStrictEqual(parseMacAddress("02:42:0a:d3:00:ff"), bytes);
  deepStrictEqual(parseMacAddress("02-42-0A-D3-00-FF"), bytes);
});

Deno.test("parseMacAddress() refuses everything else", () => {
  const refused = [
    "",
    "02:42:0a:d3:00",
    "02:42:0a:d3:00:02:03",
    "2:42:0a:d3:00:02",
    "02:42:0a:d3:00:0g",
    "02:42-0a:d3:00:02",
    "02420ad30002",
    " 02:42:0a:d3:00:02",
    "02:42:0a:d3:00:02\n",
  ];

  deepStrictEqual(refused.filter((text) => parseMacAddress(text) !== undefined), []);
});

Deno.test("formatMacAddress() writes lower case with leading zeros", () => {
  strictEqual(formatMacAddress(new Uint8Array([2, 66, 10, 211, 0, 255])), "02:42:0a:d3:00:ff");
  strictEqual(formatMacAddress(new Uint8Array()), "");
});
