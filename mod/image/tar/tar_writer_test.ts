import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { type ByteString, byteStringOf, byteStringOfText } from "./byte_string.ts";
import { type TarEntry, TarReader } from "./tar_reader.ts";
import { encodeHeader, type TarMember, writeTar } from "./tar_writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NO_NAME = "" as ByteString;

/** An entry with ordinary values, but for those given. */
function entryOf(name: string, fields: Partial<TarEntry> = {}): TarEntry {
  return {
    type: "file",
    name: byteStringOfText(name),
    linkName: NO_NAME,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    modifiedAt: { seconds: 1_700_000_000n, nanoseconds: 0n },
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: [],
    isSparse: false,
    ...fields,
  };
}

/** A file with `content`, which is handed out in pieces of `step` bytes. */
function fileOf(name: string, content: string, step = 1 << 16): TarMember {
  const bytes = encoder.encode(content);
  let at = 0;
  const read = (buffer: Uint8Array): number | null => {
    const piece = bytes.subarray(at, at + Math.min(step, buffer.length));
    buffer.set(piece);
    at += piece.length;
    return piece.length === 0 ? null : piece.length;
  };
  return { entry: entryOf(name, { size: bytes.length }), body: { read } };
}

async function archiveOf(members: Iterable<TarMember>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk.slice());
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

interface ReadMember {
  entry: TarEntry;
  content: string;
}

function readArchive(archive: Uint8Array<ArrayBuffer>): ReadMember[] {
  const members: ReadMember[] = [];
  let content = "";
  let current: TarEntry | undefined;
  const reader = new TarReader({
    entry: (entry) => {
      current = entry;
      content = "";
    },
    data: (bytes) => content += decoder.decode(bytes),
    endEntry: () => {
      if (current !== undefined) members.push({ entry: current, content });
    },
  });
  reader.push(archive);
  reader.end();
  return members;
}

async function roundTrip(entry: TarEntry): Promise<TarEntry | undefined> {
  return readArchive(await archiveOf([{ entry }]))[0]?.entry;
}

Deno.test("writeTar() writes what TarReader reads for every type of entry", async () => {
  const target = byteStringOfText("d/target");
  const entries = [
    entryOf("d/", { type: "directory", mode: 0o1777 }),
    entryOf("symlink", { type: "symlink", linkName: target, mode: 0o777 }),
    entryOf("hardlink", { type: "hardlink", linkName: target }),
    entryOf("character", { type: "character", deviceMajor: 4095, deviceMinor: 1_048_575 }),
    entryOf("block", { type: "block", deviceMajor: 8, deviceMinor: 1 }),
    entryOf("fifo", { type: "fifo", mode: 0o4755, uid: 1000, gid: 2000 }),
  ];

  const found = readArchive(await archiveOf(entries.map((entry) => ({ entry }))));

  deepStrictEqual(found.map(({ entry }) => entry), entries);
});

Deno.test("writeTar() keeps the bytes of files of any size", async () => {
  const contents = ["", "x", "y".repeat(512), "z".repeat(513), "w".repeat((1 << 20) + 700)];

  const found = readArchive(
    await archiveOf(contents.map((content, index) => fileOf(`f${index}`, content, 700))),
  );

  deepStrictEqual(found.map(({ content }) => content), contents);
});

Deno.test("writeTar() gives the same bytes for the same entries", async () => {
  const members = (): TarMember[] => [fileOf("a", "content"), fileOf("b".repeat(300), "more")];

  deepStrictEqual(await archiveOf(members()), await archiveOf(members()));
});

Deno.test("writeTar() ends an archive with two blocks of zeros", async () => {
  deepStrictEqual(await archiveOf([]), new Uint8Array(1024));
});

Deno.test("writeTar() refuses a file that is shorter than its header says", async () => {
  const { body } = fileOf("short", "abc");

  await rejects(
    archiveOf([{ entry: entryOf("short", { size: 5 }), body }]),
    new WherryError(
      "corrupt",
      'Cannot write "short" to an archive: it ends 2 of 5 bytes early',
    ),
  );
});

Deno.test("encodeHeader() gives a single block where ustar suffices", () => {
  strictEqual(encodeHeader(entryOf(`${"d".repeat(155)}/${"f".repeat(100)}`)).length, 512);
});

Deno.test("encodeHeader() keeps names and link targets of any length", async () => {
  const lengths = [99, 100, 101, 155, 156, 255, 256, 257, 1000, 4096];
  const entries = lengths.map((length) =>
    entryOf("", {
      type: "symlink",
      name: "n".repeat(length) as ByteString,
      linkName: "l".repeat(length) as ByteString,
    })
  );

  deepStrictEqual(await Promise.all(entries.map(roundTrip)), entries);
});

Deno.test("encodeHeader() keeps long paths whatever their slashes", async () => {
  const names = [`${"d/".repeat(120)}f`, `d/${"f".repeat(101)}`, `${"d".repeat(156)}/f`]
    .map((name) => name as ByteString);

  const found = await Promise.all(names.map((name) => roundTrip(entryOf("", { name }))));

  deepStrictEqual(found.map((entry) => entry?.name), names);
});

Deno.test("encodeHeader() keeps names that are not UTF-8, short and long", async () => {
  const bytes = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
  const short = byteStringOf(bytes, 150, 250);
  const long = byteStringOf(bytes, 0, 255);

  const found = [
    await roundTrip(entryOf("", { name: short })),
    await roundTrip(entryOf("", { name: long })),
  ];

  deepStrictEqual(found.map((entry) => entry?.name), [short, long]);
});

Deno.test("encodeHeader() adds the slash that a directory's name ends with", async () => {
  const entry = await roundTrip(entryOf("dir", { type: "directory" }));

  strictEqual(entry?.name as string, "dir/");
});

Deno.test("encodeHeader() keeps numbers that ustar has no room for", async () => {
  const entry = entryOf("large", { type: "hardlink", uid: 2_097_152, gid: 4_294_967_294 });

  deepStrictEqual(await roundTrip(entry), entry);
});

Deno.test("encodeHeader() puts the size of a file beyond 8 GiB into a PAX record", () => {
  const header = decoder.decode(encodeHeader(entryOf("huge", { size: 2 ** 33 })));

  strictEqual(header.includes("19 size=8589934592\n"), true);
});

Deno.test("encodeHeader() keeps times to the nanosecond, before the epoch too", async () => {
  const times = [
    { seconds: 1_700_000_000n, nanoseconds: 123_456_789n },
    { seconds: 0n, nanoseconds: 5n },
    { seconds: -1n, nanoseconds: 999_999_999n },
    { seconds: -2n, nanoseconds: 500_000_000n },
    { seconds: -100n, nanoseconds: 0n },
    { seconds: 9_000_000_000n, nanoseconds: 0n },
  ];

  const found = await Promise.all(
    times.map((modifiedAt) => roundTrip(entryOf("f", { modifiedAt }))),
  );

  deepStrictEqual(found.map((entry) => entry?.modifiedAt), times);
});

Deno.test("encodeHeader() keeps extended attributes, sorted by name", async () => {
  const attributes = [
    { name: "user.z", value: new Uint8Array([0, 10, 255]) },
    { name: "security.capability", value: new Uint8Array(20).fill(7) },
    { name: "user.a=%3D", value: new Uint8Array(0) },
  ];

  const entry = await roundTrip(entryOf("f", { attributes }));

  deepStrictEqual(entry?.attributes, [attributes[1], attributes[2], attributes[0]]);
});

Deno.test("encodeHeader() refuses a path that no reader takes", () => {
  throws(
    () => encodeHeader(entryOf("n".repeat(4097))),
    { kind: "unsupported", message: /path of 4097 bytes, at most 4096 are possible$/ },
  );
});
