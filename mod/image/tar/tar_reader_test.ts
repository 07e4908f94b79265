import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  archiveOf,
  extendedHeader,
  headerBlock,
  memberBlocks,
  paxRecord,
  tarOf,
  withChecksum,
} from "../../../tests/fakes/tar_builder.ts";
import { textOf } from "./byte_string.ts";
import { type TarEntry, TarReader } from "./tar_reader.ts";

const encoder = new TextEncoder();

interface ReadFile {
  entry: TarEntry;
  content: Uint8Array;
}

/** Reads an archive in pieces of `step` bytes. */
function read(archive: Uint8Array<ArrayBuffer>, step = archive.length): ReadFile[] {
  const found: ReadFile[] = [];
  let content = new Uint8Array(0);
  const reader = new TarReader({
    entry: (entry) => {
      content = new Uint8Array(entry.size);
      found.push({ entry, content });
    },
    data: (bytes, offset) => content.set(bytes, offset),
    endEntry: () => {},
  });
  for (let at = 0; at < archive.length; at += step) reader.push(archive.slice(at, at + step));
  reader.end();
  return found;
}

function readOne(archive: Uint8Array<ArrayBuffer>): TarEntry {
  const [file] = read(archive);
  if (file === undefined) throw new Error("Cannot read the archive: no entry");
  return file.entry;
}

Deno.test("TarReader gives the same entries whatever the size of the pieces", () => {
  const archive = tarOf(
    { name: "d/", type: "5", mode: 0o755 },
    { name: "d/f", content: "x".repeat(1300), pax: { mtime: "1.5" } },
    { name: "l", type: "2", link: "d/f" },
  );

  const whole = read(archive);

  for (const step of [1, 7, 511, 512, 513]) deepStrictEqual(read(archive, step), whole);
});

Deno.test("TarReader joins ustar's prefix and name", () => {
  const block = headerBlock({ name: "name" });
  block.set(encoder.encode("some/prefix"), 345);

  strictEqual(readOne(archiveOf(withChecksum(block))).name as string, "some/prefix/name");
});

Deno.test("TarReader keeps the bytes of a name that is not UTF-8", () => {
  const block = headerBlock({ name: "x" });
  block.set([0xff, 0xe9], 0);

  strictEqual(readOne(archiveOf(withChecksum(block))).name as string, "\xff\xe9");
});

Deno.test("TarReader takes name, link, ids, size and time from PAX records", () => {
  const archive = tarOf({
    name: "short",
    content: "12345",
    size: 0,
    pax: {
      path: "é/long",
      linkpath: "target",
      uid: "4000000",
      gid: "5000000",
      size: "5",
      mtime: "-1.25",
    },
  });

  const [file] = read(archive);

  strictEqual(file && textOf(file.entry.name), "é/long");
  strictEqual(file?.entry.linkName as string, "target");
  strictEqual(file?.entry.uid, 4_000_000);
  strictEqual(file?.entry.gid, 5_000_000);
  deepStrictEqual(file?.content, encoder.encode("12345"));
  deepStrictEqual(file?.entry.modifiedAt, { seconds: -2n, nanoseconds: 750_000_000n });
});

Deno.test("TarReader applies a global header until a local one says otherwise", () => {
  const archive = archiveOf(
    extendedHeader("g", paxRecord("uid", "7")),
    memberBlocks({ name: "a", uid: 1 }),
    memberBlocks({ name: "b", uid: 1, pax: { uid: "8" } }),
    memberBlocks({ name: "c", uid: 1, pax: { uid: "" } }),
  );

  deepStrictEqual(read(archive).map(({ entry }) => entry.uid), [7, 8, 1]);
});

Deno.test("TarReader reads GNU long names and links", () => {
  const archive = archiveOf(
    extendedHeader("L", encoder.encode("n".repeat(300) + "\0")),
    extendedHeader("K", encoder.encode("l".repeat(200) + "\0")),
    memberBlocks({ name: "cut", type: "2", link: "cut" }),
    memberBlocks({ name: "next" }),
  );

  const [first, second] = read(archive);

  strictEqual(first?.entry.name as string, "n".repeat(300));
  strictEqual(first?.entry.linkName as string, "l".repeat(200));
  strictEqual(second?.entry.name as string, "next");
});

Deno.test("TarReader reads numbers in base 256", () => {
  const block = headerBlock({ name: "x" });
  block.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], 108);
  block.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], 136);

  const entry = readOne(archiveOf(withChecksum(block)));

  strictEqual(entry.uid, 0x7fffffff);
  strictEqual(entry.modifiedAt.seconds, -2n);
});

Deno.test("TarReader reads extended attributes of star and libarchive", () => {
  const value = Uint8Array.from([1, 0, 10, 0x3d]);
  const entry = readOne(tarOf({
    name: "x",
    pax: {
      "SCHILY.xattr.security.capability": value,
      "SCHILY.xattr.user.a%3Db": "1",
      "LIBARCHIVE.xattr.user.caf%C3%A9": "AQI=",
    },
  }));

  deepStrictEqual(entry.attributes, [
    { name: "security.capability", value },
    { name: "user.a=b", value: encoder.encode("1") },
    { name: "user.café", value: Uint8Array.from([1, 2]) },
  ]);
});

Deno.test("TarReader reads headers that are older than ustar", () => {
  const header = headerBlock({ name: "old", mode: 0o640, uid: 3 });
  // Without magic, version, names of owners and devices; a type of NUL is a file
  header.fill(0, 257);
  header[156] = 0;

  const { type, name, mode, uid } = readOne(archiveOf(withChecksum(header)));

  deepStrictEqual({ type, name, mode, uid }, { type: "file", name: "old", mode: 0o640, uid: 3 });
});

Deno.test("TarReader reads Solaris' extended headers as PAX's", () => {
  const header = extendedHeader("X", paxRecord("path", "a/long/name"));

  strictEqual(readOne(archiveOf(header, memberBlocks({ name: "short" }))).name, "a/long/name");
});

Deno.test("TarReader takes an old file whose name ends with a slash for a directory", () => {
  strictEqual(readOne(tarOf({ name: "old/" })).type, "directory");
});

Deno.test("TarReader counts entries that the sink takes, and goes on behind them", () => {
  const members = ["a", "b", "c"].map((name) => memberBlocks({ name, content: name }));
  const found: string[] = [];
  const reader = new TarReader({
    entry: ({ name }) => found.push(name),
    data: () => {},
    endEntry: () => {},
    takeWhole: ([first]) => first === 0x62 ? { count: 1, bytes: 1024 } : { count: 0, bytes: 0 },
  });

  reader.push(archiveOf(...members));
  reader.end();

  deepStrictEqual(found, ["a", "c"]);
  strictEqual(reader.entryCount, 3);
});

Deno.test("TarReader has the sink take nothing that extended headers are about", () => {
  const offered: number[] = [];
  const reader = new TarReader({
    entry: () => {},
    data: () => {},
    endEntry: () => {},
    takeWhole: (bytes) => {
      offered.push(bytes[156] ?? 0);
      return { count: 0, bytes: 0 };
    },
  });

  reader.push(tarOf(
    { name: "a" },
    { name: "b", pax: { mtime: "1.5" } },
    { name: "long", type: "L", content: "a long name\0" },
    { name: "c" },
    { name: "link", type: "K", content: "a long link\0" },
    { name: "d", type: "2" },
    { name: "global", type: "g", content: paxRecord("mtime", "2") },
    { name: "e" },
  ));

  deepStrictEqual(offered.map((type) => String.fromCharCode(type)), ["0", "x", "L", "K", "g"]);
});

Deno.test("TarReader ignores whatever follows the end of the archive", () => {
  const archive = tarOf({ name: "a" });
  const longer = new Uint8Array(archive.length + 100).fill(0x41);
  longer.set(archive);

  strictEqual(read(longer).length, 1);
});

Deno.test("TarReader notices a cut at every byte", () => {
  const archive = tarOf({ name: "a", content: "x".repeat(600), pax: { uid: "1" } }, { name: "b" });
  const end = archive.length - 1024;

  for (let length = 0; length <= end; length += 64) {
    throws(() => read(archive.slice(0, length)), /truncated|not a tar archive/);
  }
});

Deno.test("TarReader accepts a missing end marker where the digest is known", () => {
  const archive = tarOf({ name: "a" });
  const reader = new TarReader(
    { entry: () => {}, data: () => {}, endEntry: () => {} },
    { needsEndMarker: false },
  );

  reader.push(archive.slice(0, 512));
  reader.end();

  strictEqual(reader.entryCount, 1);
});

Deno.test("TarReader accepts missing padding of the last file where the digest is known", () => {
  const archive = tarOf({ name: "a", content: "x\n" });
  const written: string[] = [];
  const reader = new TarReader(
    {
      entry: () => {},
      data: (bytes) => written.push(new TextDecoder().decode(bytes)),
      endEntry: () => written.push("end"),
    },
    { needsEndMarker: false },
  );

  reader.push(archive.slice(0, 514));
  reader.end();

  deepStrictEqual(written, ["x\n", "end"]);
});

Deno.test("TarReader refuses a file that is cut, also where the digest is known", () => {
  const archive = tarOf({ name: "a", content: "x\n" });
  const reader = new TarReader(
    { entry: () => {}, data: () => {}, endEntry: () => {} },
    { needsEndMarker: false },
  );

  reader.push(archive.slice(0, 513));

  throws(() => reader.end(), /truncated/);
});

const REFUSED: ReadonlyArray<
  readonly [what: string, archive: Uint8Array<ArrayBuffer>, message: RegExp]
> = [
  ["text", encoder.encode("hello ".repeat(200)), /not a tar archive/],
  ["a short file", encoder.encode("hello"), /not a tar archive/],
  ["nothing at all", new Uint8Array(0), /not a tar archive: it is empty/],
  ["a size that is no number", tarOf({ name: "a", size: "12x45" }), /bad size/],
  [
    "a negative size",
    archiveOf(withChecksum(Uint8Array.from(headerBlock({ name: "a" }), (byte, i) => {
      return i >= 124 && i < 136 ? 0xff : byte;
    }))),
    /negative size/,
  ],
  ["a negative size in PAX", tarOf({ name: "a", pax: { size: "-1" } }), /bad size/],
  ["a user id of -1", tarOf({ name: "a", pax: { uid: "4294967295" } }), /user id out of range/],
  [
    "a huge extended header",
    archiveOf(headerBlock({ name: "x", type: "x", size: 2 ** 30 })),
    /extended header of 1073741824 bytes/,
  ],
  [
    "a record that is longer than its header",
    archiveOf(extendedHeader("x", encoder.encode("99 path=a\n"))),
    /damaged extended header/,
  ],
  [
    "a name of 5,000 bytes",
    tarOf({ name: "a", pax: { path: "n".repeat(5000) } }),
    /5000 bytes/,
  ],
  [
    "many extended headers before one entry",
    archiveOf(
      ...Array.from(
        { length: 5 },
        () => extendedHeader("x", paxRecord("comment", "x".repeat(1e6))),
      ),
      headerBlock({ name: "a" }),
    ),
    /extended headers of one entry, or global ones, have more than 4194304 bytes/,
  ],
  [
    "many global headers",
    archiveOf(
      ...Array.from(
        { length: 5 },
        (_, i) => extendedHeader("g", paxRecord(`comment${i}`, "x".repeat(1e6))),
      ),
      headerBlock({ name: "a" }),
    ),
    /extended headers of one entry, or global ones, have more than 4194304 bytes/,
  ],
  ["a NUL in a name", tarOf({ name: "a", pax: { path: "a\0b" } }), /NUL byte in the name/],
  ["an unknown type", tarOf({ name: "a", type: "Z" }), /entry "a" is of the unknown type "Z"/],
  [
    "a sparse map out of order",
    tarOf({
      name: "a",
      content: "xy",
      pax: { "GNU.sparse.map": "5,1,0,1", "GNU.sparse.size": "10" },
    }),
    /damaged sparse map/,
  ],
  [
    "a sparse map that is larger than its data",
    tarOf({
      name: "a",
      content: "xy",
      pax: { "GNU.sparse.map": "0,9", "GNU.sparse.size": "10" },
    }),
    /damaged sparse map/,
  ],
];

for (const [what, archive, message] of REFUSED) {
  Deno.test(`TarReader refuses ${what}`, () => {
    throws(() => read(archive), { message });
  });
}

Deno.test("TarReader refuses a bad checksum after the first entry", () => {
  const second = memberBlocks({ name: "b" });
  second[0] = 0x63;

  throws(
    () => read(archiveOf(memberBlocks({ name: "a" }), second)),
    /damaged tar archive: bad header/,
  );
});
