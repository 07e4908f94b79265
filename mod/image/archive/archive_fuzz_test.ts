/** Archives that are damaged at random: nothing outside is touched, and the errors are those that are promised. */

import { deepStrictEqual, ok } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { SystemError } from "../../../ffi/errno.ts";
import { mutated, mutatedTar, Randomness } from "../../../tests/fakes/mutations.ts";
import {
  archiveOf,
  extendedHeader,
  memberBlocks,
  tarOf,
  withChecksum,
} from "../../../tests/fakes/tar_builder.ts";
import { bzip2, xz } from "../../../tests/fakes/host_compression.ts";
import { needs } from "../../../tests/needs.ts";
import { removeTree } from "../../kernel/tree.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { decompressed, detectCompression } from "../compression/decompress.ts";
import { LayerUnpacker } from "../layer/layer.ts";
import { TarReader } from "../tar/tar_reader.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Another one at each run, for whoever has the time: `FUZZ_SEED=1 FUZZ_COUNT=100000`. */
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_261_121);
const COUNT = Number(Deno.env.get("FUZZ_COUNT") ?? 600);
/** Longer than any of them takes on the slowest machine. */
const MAX_MS = 20_000;
/** Enough of a stream that expands without end. */
const MAX_OUTPUT = 64 << 20;

const encoder = new TextEncoder();

/** Everything that the reader and the unpacker know. */
const TARS: readonly Bytes[] = [
  tarOf(
    { name: "./", type: "5", mode: 0o755 },
    { name: "outside", content: "inside" },
    { name: "d/", type: "5" },
    { name: "d/f", content: "x".repeat(1200), mode: 0o4755, uid: 7 },
    { name: "d/h", type: "1", link: "d/f" },
    { name: "d/up", type: "2", link: "../../outside" },
    { name: "up", type: "2", link: ".." },
    { name: "up/outside", content: "through a link" },
    { name: "dev", type: "3", deviceMajor: 1, deviceMinor: 3 },
    { name: "pipe", type: "6" },
  ),
  tarOf(
    { name: ".wh.gone" },
    { name: "gone/sub/f", content: "y" },
    { name: "o/", type: "5" },
    { name: "o/.wh..wh..opq" },
    { name: "o", type: "2", link: "/" },
    { name: "o/.wh.outside" },
    { name: ".wh..wh..opq" },
  ),
  tarOf(
    {
      name: "a",
      content: "xy",
      pax: { "GNU.sparse.map": "0,1,5,1", "GNU.sparse.size": "10", "GNU.sparse.name": "sparse" },
    },
    {
      name: "b",
      pax: { path: "long/name", mtime: "1.5", uid: "99", "SCHILY.xattr.user.a": "1" },
      content: "z",
    },
    { name: "b2", type: "2", pax: { linkpath: "../outside", "LIBARCHIVE.xattr.user.b": "eA==" } },
  ),
  archiveOf(
    extendedHeader("g", encoder.encode("13 path=globl\n")),
    extendedHeader("L", encoder.encode("long/".repeat(40) + "\0")),
    memberBlocks({ name: "x", content: "1" }),
    extendedHeader("K", encoder.encode("../../outside\0")),
    memberBlocks({ name: "l", type: "2" }),
    memberBlocks({ name: "l", content: "2" }),
  ),
];

/** A layer's directory with things beside it that no archive may touch. */
class Cage implements Disposable {
  readonly #base = Deno.makeTempDirSync();
  readonly #before: unknown;

  constructor() {
    Deno.mkdirSync(`${this.#base}/directory`);
    Deno.mkdirSync(`${this.#base}/lower`);
    for (const name of ["outside", "directory/file", "lower/gone", "lower/outside"]) {
      Deno.writeTextFileSync(`${this.#base}/${name}`, "untouched");
    }
    this.#before = this.#look();
  }

  /** Unpacks an archive; fails if that touches anything else, or for another reason than it may. */
  try(archive: Bytes, random: Randomness): void {
    const root = `${this.#base}/root`;
    Deno.mkdirSync(root);
    const begin = performance.now();
    expectPromised(() => unpack(root, `${this.#base}/lower`, archive, random));
    removeTree(root);
    ok(performance.now() - begin < MAX_MS);
    deepStrictEqual(this.#look(), this.#before);
  }

  #look(): unknown {
    return ["", "directory", "lower"].map((name) => {
      const path = `${this.#base}/${name}`;
      return Array.from(Deno.readDirSync(path), (entry) => {
        const { mode, uid, gid, mtime, size, nlink } = Deno.lstatSync(`${path}/${entry.name}`);
        return [entry.name, mode, uid, gid, entry.isFile && [mtime, size, nlink]];
      }).toSorted();
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#base, { recursive: true });
  }
}

function unpack(root: string, lower: string, archive: Bytes, random: Randomness): void {
  using unpacker = new LayerUnpacker(root, {
    isBase: random.below(2) === 0,
    lowerDirectories: [lower],
  });
  const reader = new TarReader(unpacker);
  const step = 1 + random.below(archive.length);
  for (let at = 0; at < archive.length; at += step) reader.push(archive.slice(at, at + step));
  reader.end();
  unpacker.finish();
}

function expectPromised(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ArchiveError || error instanceof SystemError)) throw error;
  }
}

Deno.test({
  name: `LayerUnpacker stays inside whatever an archive says (seed ${SEED}, ${COUNT} archives)`,
  ignore: !needs("root"),
  fn: () => {
    using cage = new Cage();
    const random = new Randomness(SEED);

    for (let count = 0; count < COUNT; count++) {
      const tar = random.pick(TARS);
      const archive = random.below(4) === 0
        ? mutated(tar, random)
        : mutatedTar(tar, random, withChecksum);
      cage.try(archive, random);
    }
  },
});

const STREAMS: readonly (readonly [name: string, compress: (tar: Bytes) => Promise<Uint8Array>])[] =
  [
    ["gzip", (tar) => Promise.resolve(gzipSync(tar))],
    ["zstd", (tar) => Promise.resolve(zstdCompressSync(tar))],
    ["xz", (tar) => xz(tar)],
    ["bzip2", (tar) => bzip2(tar, "-1")],
    ["xz of several blocks", (tar) => xz(tar, "--block-size=2000", "--check=crc32")],
  ];

for (const [name, compress] of STREAMS) {
  Deno.test(`decompressed() ends whatever is wrong with ${name} (seed ${SEED})`, async () => {
    const random = new Randomness(SEED);
    const stream = new Uint8Array(
      await compress(tarOf({ name: "f", content: "abc".repeat(3000) })),
    );

    for (let count = 0; count < COUNT / 4; count++) {
      const damaged = mutated(stream, random);
      const begin = performance.now();
      await drain(damaged, 1 + random.below(damaged.length));
      ok(performance.now() - begin < MAX_MS);
    }
  });
}

/** Reads to the end, or to the first error, which must be of the right class. */
async function drain(bytes: Bytes, step: number): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of decompressed(piecesOf(bytes, step), detectCompression(bytes))) {
      size += chunk.length;
      if (size > MAX_OUTPUT) return;
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
  }
}

async function* piecesOf(bytes: Bytes, step: number): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step);
}
