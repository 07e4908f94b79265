import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { byteStringOfText } from "../../image/tar/byte_string.ts";
import type { NewTarEntry } from "../../image/tar/tar_writer.ts";
import { CopyMeter } from "./copy_progress.ts";

function file(name: string, size: number): NewTarEntry {
  return {
    type: "file",
    name: byteStringOfText(name),
    linkName: byteStringOfText(""),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    modifiedAt: { seconds: 1n, nanoseconds: 5n },
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: [],
  };
}

Deno.test("CopyMeter counts headers, whole blocks and the end of the archive", () => {
  const meter = new CopyMeter();

  meter.addEntry(file("empty", 0));
  meter.addEntry(file("two blocks", 513));
  meter.finish();

  strictEqual(meter.bytes, 512 + 512 + 1024 + 1024);
});

Deno.test("CopyMeter counts the extended header of a long name", () => {
  const meter = new CopyMeter();

  meter.addEntry(file("x".repeat(200), 0));

  strictEqual(meter.bytes, 512 + 512 + 512);
});

Deno.test("CopyMeter tells of parts of a file, and counts them once", () => {
  const told: number[] = [];
  const meter = new CopyMeter((bytes) => told.push(bytes));

  meter.addPart(600);
  meter.addPart(400);
  meter.addEntry(file("large", 1000));

  deepStrictEqual(told, [600, 1000, 1536]);
});
