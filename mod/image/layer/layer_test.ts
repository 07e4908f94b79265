import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  archiveOf,
  extendedHeader,
  memberBlocks,
  type TarMember,
  tarOf,
} from "../../../tests/fakes/tar_builder.ts";
import { needs } from "../../../tests/needs.ts";
import { removeTree } from "../../kernel/tree.ts";
import { LayerUnpacker } from "./layer.ts";
import { TarReader } from "../tar/tar_reader.ts";
import type { LayerOptions } from "./whiteouts.ts";

/** A directory for a layer, and a file beside it that no archive may touch. */
class Place implements Disposable {
  readonly base = Deno.makeTempDirSync();
  readonly root = `${this.base}/root`;
  readonly outside = `${this.base}/outside`;

  constructor() {
    Deno.mkdirSync(this.root);
    Deno.writeTextFileSync(this.outside, "untouched");
  }

  unpack(
    archive: Uint8Array<ArrayBuffer>,
    { isBase = true, lowerDirectories = [], step = archive.length }:
      & Partial<LayerOptions>
      & { step?: number } = {},
  ): void {
    using unpacker = new LayerUnpacker(this.root, { isBase, lowerDirectories });
    const reader = new TarReader(unpacker);
    for (let at = 0; at < archive.length; at += step) reader.push(archive.slice(at, at + step));
    reader.end();
    unpacker.finish();
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.root}/${path}`);
  }

  statOutside(): readonly unknown[] {
    const { mode, uid, gid, mtime, nlink } = Deno.statSync(this.outside);
    return [mode, uid, gid, mtime, nlink];
  }

  stat(path: string): Deno.FileInfo {
    return Deno.lstatSync(`${this.root}/${path}`);
  }

  /** Everything below the root, sorted. */
  list(): string[] {
    return find(this.root, "%P %y").filter((line) => line !== " d");
  }

  /** Everything there is to know about it: also modes, owners, sizes, times, links and content. */
  describe(): string[] {
    // Of directories, the size is the file system's business and the time that of their making
    const format = "%P %y %m %U %G %n %l %Y";
    const files = find(this.root, "%P %s %T@").filter((line) => {
      return this.stat(line.split(" ")[0] ?? "").isFile;
    });
    const sums = files.map((line) => `${line} ${this.read(line.split(" ")[0] ?? "")}`);
    return [...find(this.root, format), ...sums];
  }

  [Symbol.dispose](): void {
    strictEqual(Deno.readTextFileSync(this.outside), "untouched");
    deepStrictEqual([...Deno.readDirSync(this.base)].map(({ name }) => name).sort(), [
      "outside",
      "root",
    ]);
    Deno.removeSync(this.base, { recursive: true });
  }
}

function find(root: string, format: string): string[] {
  const args = [root, "-printf", `${format}\\n`];
  return output("find", args).trimEnd().split("\n").sort();
}

function output(command: string, args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`Cannot run ${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function test(name: string, body: (place: Place) => void): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: () => {
      using place = new Place();
      body(place);
    },
  });
}

const REFUSED: ReadonlyArray<
  readonly [what: string, members: readonly TarMember[], message: RegExp]
> = [
  ["a name that leads out", [{ name: "../outside", content: "bad" }], /"..\/outside" leads out/],
  ["a name that leads out later", [{ name: "a/../../outside" }], /leads out of the image/],
  ["a hard link that leads out", [
    { name: "l", type: "1", link: "../outside" },
  ], /hard link "l" to "..\/outside" leads out/],
  ["a hard link through a symbolic link out", [
    { name: "up", type: "2", link: "../.." },
    { name: "l", type: "1", link: "up/outside" },
  ], /hard link "l": its target "up\/outside" is not in the archive before it/],
  ["a hard link to what is not there", [
    { name: "l", type: "1", link: "gone" },
  ], /its target "gone" is not in the archive/],
  ["a hard link to a directory", [
    { name: "d", type: "5" },
    { name: "l", type: "1", link: "d" },
  ], /its target "d" is a directory/],
  ["an entry behind a link to nothing", [
    { name: "d/l", type: "2", link: "/x" },
    { name: "d/l/e/f" },
  ], /entry "d\/l\/e\/f": "d\/l" is in the way, a link that leads nowhere/],
  ["an entry behind a link to a file", [
    { name: "x" },
    { name: "l", type: "2", link: "/x" },
    { name: "l/f" },
  ], /entry "l\/f": "l" is in the way, neither a directory nor a link to one/],
  ["an entry behind a link to itself", [
    { name: "l", type: "2", link: "l" },
    { name: "l/f" },
  ], /entry "l\/f": "l" is in the way, a link that leads nowhere/],
  ["a hard link to the root", [{ name: "l", type: "1", link: "/" }], /to the root directory/],
  ["a file in place of the root", [{ name: "./", type: "2", link: "x" }], /replace the root/],
  ["a name of 300 bytes", [
    { name: "x", pax: { path: `dir/${"n".repeat(300)}` } },
  ], /has a name of 300 bytes: file systems take at most 255/],
  ["a symbolic link of 4,096 bytes", [
    { name: "l", type: "2", pax: { linkpath: "t".repeat(4096) } },
  ], /symbolic link "l" has a target of 4096 bytes/],
  ["an impossible device", [
    { name: "dev", type: "3", deviceMajor: 5000 },
  ], /entry "dev" has the impossible device number 5000:0/],
  ["a name of 4,096 bytes", [
    { name: "x", pax: { path: "n".repeat(4096) } },
  ], /has a name of 4096 bytes: file systems take at most 255/],
  ["a whiteout that leads out", [{ name: "a/../../.wh.outside" }], /leads out of the image/],
  ["an entry behind a link out to nothing", [
    { name: "l", type: "2", link: "../../../../outside/x" },
    { name: "l/f" },
  ], /entry "l\/f": "l" is in the way, a link that leads nowhere/],
  ["a socket", [{ name: "s", type: "s" }], /entry "s" is of the unknown type "s"/],
  ["a file below a file", [
    { name: "f", content: "x" },
    { name: "f/g", content: "y" },
  ], /"f\/g": "f" is in the way, neither a directory/],
];

for (const [what, members, message] of REFUSED) {
  test(`LayerUnpacker refuses ${what}`, (place) => {
    throws(() => place.unpack(tarOf(...members)), { message });
  });
}

test("LayerUnpacker takes an absolute name for one below the root", (place) => {
  place.unpack(tarOf({ name: "/etc/passwd", content: "inside" }));

  strictEqual(place.read("etc/passwd"), "inside");
});

test("LayerUnpacker resolves links as in a container when they are chained", (place) => {
  place.unpack(tarOf(
    { name: "a", type: "2", link: "/" },
    { name: "b", type: "2", link: "../../../a" },
    { name: "b/etc/passwd", content: "inside" },
    { name: "c", type: "2", link: ".." },
    { name: "c/outside", content: "inside" },
  ));

  strictEqual(place.read("etc/passwd"), "inside");
  strictEqual(place.read("outside"), "inside");
});

test("LayerUnpacker writes a new file where a link out was, not through it", (place) => {
  place.unpack(tarOf(
    { name: "x", type: "2", link: place.outside },
    { name: "x", content: "inside" },
  ));

  strictEqual(place.stat("x").isFile, true);
  strictEqual(place.read("x"), "inside");
});

test("LayerUnpacker writes nothing through a directory that became a link out", (place) => {
  place.unpack(tarOf(
    { name: "d/", type: "5" },
    { name: "d", type: "2", link: "/../../.." },
    { name: "d/outside", content: "inside" },
    { name: "e", type: "2", link: place.base },
    { name: `${place.base.slice(1)}/made`, content: "inside" },
    { name: "e/outside", content: "inside" },
  ));

  strictEqual(place.read("outside"), "inside");
  strictEqual(place.read(`${place.base.slice(1)}/outside`), "inside");
});

test("LayerUnpacker changes neither mode nor owner of what a link out means", (place) => {
  const before = place.statOutside();

  place.unpack(tarOf(
    { name: "l", type: "2", link: place.outside, mode: 0o777, uid: 5, gid: 6, mtime: 7 },
    { name: "h", type: "1", link: "l", mode: 0o777, uid: 5, gid: 6, mtime: 7 },
  ));

  deepStrictEqual(place.statOutside(), before);
});

test("LayerUnpacker makes directories deeper than a path can be, and they can be removed", (place) => {
  const deep = "d/".repeat(1900);
  place.unpack(tarOf(
    { name: "x", pax: { path: deep }, type: "5" },
    { name: "a", type: "2", pax: { linkpath: deep } },
    { name: "x", pax: { path: `a/${deep}` }, type: "5" },
    { name: "b", type: "2", pax: { linkpath: `a/${deep.slice(0, -4)}` } },
    { name: "x", pax: { path: `b/${deep}f` }, content: "deep" },
  ));

  removeTree(`${place.root}/d`);

  deepStrictEqual(place.list(), ["a l", "b l"]);
});

test("LayerUnpacker makes a file whose path has 4,096 bytes", (place) => {
  const directory = "d/".repeat(2047);

  place.unpack(tarOf({ name: "x", pax: { path: `${directory}ff` }, content: "x" }));

  strictEqual(find(place.root, "%f %y").filter((line) => line === "ff f").length, 1);
});

test("LayerUnpacker replaces a tree of 5,000 directories in each other", (place) => {
  const deep = "d/".repeat(1900);
  place.unpack(tarOf(
    { name: "x", pax: { path: deep }, type: "5" },
    { name: "a", type: "2", pax: { linkpath: deep } },
    { name: "x", pax: { path: `a/${deep}` }, type: "5" },
    { name: "b", type: "2", pax: { linkpath: `a/${deep.slice(0, -4)}` } },
    { name: "x", pax: { path: `b/${deep}` }, type: "5" },
    { name: "d", content: "file" },
  ));

  deepStrictEqual(place.list(), ["a l", "b l", "d f"]);
});

test("LayerUnpacker takes no room for a file of nothing but a hole", (place) => {
  place.unpack(tarOf({
    name: "bomb",
    pax: {
      "GNU.sparse.major": "0",
      "GNU.sparse.map": "",
      "GNU.sparse.size": "4000000000000",
      "GNU.sparse.numblocks": "0",
    },
  }));

  strictEqual(place.stat("bomb").size, 4_000_000_000_000);
  strictEqual(place.stat("bomb").blocks, 0);
});

test("LayerUnpacker passes over attributes of classes that nobody knows", (place) => {
  place.unpack(tarOf({
    name: "f",
    pax: { "SCHILY.xattr.nobody.knows": "1", "LIBARCHIVE.xattr.user.known": btoa("yes") },
  }));

  strictEqual(attributes(`${place.root}/f`), "user.known=yes");
});

test("LayerUnpacker forgets a directory that a link replaced", (place) => {
  place.unpack(tarOf(
    { name: "d/one", content: "1" },
    { name: "other/x", content: "x" },
    { name: "d", type: "2", link: "other" },
    { name: "d/two", content: "2" },
  ));

  strictEqual(place.read("other/two"), "2");
});

test("LayerUnpacker replaces a link to a directory by a directory", (place) => {
  place.unpack(tarOf(
    { name: "real/x", content: "x" },
    { name: "d", type: "2", link: "real" },
    { name: "d/", type: "5" },
    { name: "d/y", content: "y" },
  ));

  deepStrictEqual(place.list(), ["d d", "d/y f", "real d", "real/x f"]);
});

test("LayerUnpacker replaces a directory with all it holds by a file", (place) => {
  place.unpack(tarOf(
    { name: "d/sub/x", content: "x" },
    { name: "d/sub", type: "5" },
    { name: "d", content: "file" },
  ));

  deepStrictEqual(place.list(), ["d f"]);
});

test("LayerUnpacker replaces a file by a directory with contents", (place) => {
  place.unpack(tarOf(
    { name: "f", content: "x" },
    { name: "f", type: "5", mode: 0o700 },
    { name: "f/y", content: "y" },
  ));

  deepStrictEqual(place.list(), ["f d", "f/y f"]);
});

test("LayerUnpacker keeps the last of entries with one name", (place) => {
  place.unpack(tarOf(
    { name: "f", content: "first" },
    { name: "g", type: "1", link: "f" },
    { name: "f", content: "second" },
  ));

  strictEqual(place.read("f"), "second");
  strictEqual(place.read("g"), "first");
});

/** Archives in which neighbours of a plain file are, or only look like, plain files themselves. */
const NEIGHBOURS: ReadonlyArray<readonly [what: string, members: readonly TarMember[]]> = [
  ["plain ones, empty and of whole blocks", [
    { name: "d/a", content: "a" },
    { name: "d/b" },
    { name: "d/c", content: "c".repeat(512) },
    { name: "d/d", content: "d".repeat(513), mtime: 1 },
  ]],
  ["others' and of other modes", [
    { name: "a" },
    { name: "b", uid: 5, gid: 0 },
    { name: "c", uid: 0, gid: 6 },
    { name: "d", mode: 0o6751, uid: 7, gid: 8 },
    { name: "e", mode: 0o666 },
    { name: "f", mode: 0o1000 },
  ]],
  ["below a directory that gives its group away", [
    { name: "d/", type: "5", mode: 0o2775, gid: 9 },
    { name: "d/a" },
    { name: "d/b", mode: 0o604 },
    { name: "d/c", gid: 3 },
  ]],
  ["two of one name", [
    { name: "d/a", content: "first" },
    { name: "d/b", content: "first" },
    { name: "d/b", content: "second, longer" },
    { name: "d/c" },
  ]],
  ["where a link was, or a directory", [
    { name: "d/b", type: "2", link: "../../outside" },
    { name: "d/c/x" },
    { name: "d/a" },
    { name: "d/b", content: "b" },
    { name: "d/c", content: "c" },
    { name: "d/e" },
  ]],
  ["behind a link", [
    { name: "real/x" },
    { name: "link", type: "2", link: "/real" },
    { name: "link/a", content: "a" },
    { name: "link/b", content: "b" },
    { name: "link", type: "2", link: "/other" },
    { name: "other/x" },
    { name: "link/c", content: "c" },
    { name: "link/d", content: "d" },
  ]],
  ["of other directories, and with odd names", [
    { name: "d/a" },
    { name: "d/e/a" },
    { name: "d/b" },
    { name: "d/./c" },
    { name: "d//d" },
    { name: "d/../e" },
    { name: "d/.hidden" },
    { name: "d/..f" },
    { name: "./d/g" },
    { name: "./d/h" },
    { name: "d/i/" },
  ]],
  ["with whiteouts", [
    { name: "d/a" },
    { name: "d/.wh.gone" },
    { name: "d/b" },
    { name: "d/gone", content: "back" },
    { name: "d/.wh..wh..opq" },
  ]],
  ["with more said about them", [
    { name: "d/a" },
    { name: "d/b", pax: { mtime: "1.5" } },
    { name: "d/c", pax: { path: "e/c" } },
    { name: "d/d", pax: { "SCHILY.xattr.user.name": "value" } },
    { name: "d/e" },
  ]],
  ["not plain", [
    { name: "a" },
    { name: "b", type: "1", link: "a" },
    { name: "c", type: "2", link: "a" },
    { name: "d", type: "6" },
    { name: "e", type: "7", content: "e" },
    { name: "f" },
  ]],
  ["with names as long as the field", [
    { name: `d/${"a".repeat(98)}`, content: "a" },
    { name: `d/${"b".repeat(98)}`, content: "b" },
    { name: `d/${"b".repeat(97)}`, content: "c" },
  ]],
  ["with sizes in other ways", [
    { name: "a" },
    { name: "b", content: "bb", size: "          2 " },
    { name: "c", content: "cc", size: "00000000002 " },
    { name: "d", content: "dd", size: "000000000002" },
    { name: "e", content: "ee", size: "2 " },
    { name: "f", size: "" },
  ]],
];

for (const [what, members] of NEIGHBOURS) {
  test(`LayerUnpacker makes the same of files at once as byte by byte: ${what}`, (place) => {
    using other = new Place();
    const archive = tarOf(...members);
    const umask = Deno.umask(0o027);

    place.unpack(archive, { isBase: false });
    other.unpack(archive, { isBase: false, step: 1 });

    Deno.umask(umask);
    deepStrictEqual(place.describe(), other.describe());
  });
}

test("LayerUnpacker refuses a damaged file among plain ones", (place) => {
  const damaged = memberBlocks({ name: "d/b", content: "b" });
  damaged[1] = 0x20;

  throws(
    () => place.unpack(archiveOf(memberBlocks({ name: "d/a" }), damaged)),
    { name: "WherryError", message: /damaged tar archive: bad header before byte 512/ },
  );

  deepStrictEqual(place.list(), ["d d", "d/a f"]);
});

test("LayerUnpacker refuses a plain file that is cut", (place) => {
  const archive = tarOf({ name: "a" }, { name: "b", content: "b".repeat(600) });

  throws(
    () => place.unpack(archive.slice(0, 512 + 512 + 599)),
    { name: "WherryError", message: /truncated tar archive: it ends at byte 1623/ },
  );
});

test("LayerUnpacker links a symbolic link itself", (place) => {
  place.unpack(tarOf(
    { name: "s", type: "2", link: "/etc/shadow" },
    { name: "h", type: "1", link: "s" },
  ));

  strictEqual(place.stat("h").isSymlink, true);
  strictEqual(place.stat("h").ino, place.stat("s").ino);
});

test("LayerUnpacker leaves a hard link to itself alone", (place) => {
  place.unpack(tarOf({ name: "f", content: "x" }, { name: "f", type: "1", link: "./f" }));

  strictEqual(place.read("f"), "x");
});

test("LayerUnpacker makes the same file of data that comes at once and in pieces", () => {
  const metadata = { mode: 0o6755, uid: 3, gid: 4, pax: { mtime: "1234.567891234" } };
  const archive = tarOf(
    { name: "replaced", type: "2", link: "x" },
    ...["replaced", "empty", "long"].map((name) => ({
      name,
      content: name === "empty" ? "" : "content ".repeat(500),
      ...metadata,
    })),
  );
  const [whole, pieces] = [archive.length, 700].map((step) => {
    using place = new Place();
    place.unpack(archive, { step });
    strictEqual(place.read("replaced"), "content ".repeat(500));
    return find(place.root, "%P %y %m %U %G %s %T@").filter((line) => !line.startsWith(" "));
  });

  deepStrictEqual(pieces, whole);
  strictEqual(whole?.[0], "empty f 6755 3 4 0 1234.5678912340");
});

test("LayerUnpacker keeps setuid, owner, group and time", (place) => {
  place.unpack(tarOf(
    { name: "d", type: "5", mode: 0o2775, uid: 1, gid: 2, mtime: 1000 },
    { name: "d/su", mode: 0o4711, uid: 3, gid: 4, pax: { mtime: "1234.567891234" } },
    { name: "d/plain", mode: 0o666 },
    { name: "l", type: "2", link: "x", uid: 5, gid: 6, mtime: 7 },
  ));

  deepStrictEqual(find(place.root, "%P %m %U:%G %T@").slice(1), [
    "d 2775 1:2 1000.0000000000",
    "d/plain 666 0:0 1700000000.0000000000",
    "d/su 4711 3:4 1234.5678912340",
    "l 777 5:6 7.0000000000",
  ]);
});

test("LayerUnpacker gives the entry ./ to the layer's own directory", (place) => {
  place.unpack(tarOf({ name: "./", type: "5", mode: 0o711, mtime: 99 }, { name: "f" }));

  strictEqual(find(place.root, "%P %m %T@")[0], " 711 99.0000000000");
});

test("LayerUnpacker makes devices and FIFOs", (place) => {
  place.unpack(tarOf(
    { name: "null", type: "3", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    { name: "disk", type: "4", deviceMajor: 259, deviceMinor: 70000 },
    { name: "pipe", type: "6", mode: 0o600 },
  ));

  const shown = output("stat", [
    "-c",
    "%A %Hr:%Lr",
    ...["null", "disk", "pipe"].map((name) => {
      return `${place.root}/${name}`;
    }),
  ]);
  deepStrictEqual(shown.trimEnd().split("\n"), [
    "crw-rw-rw- 1:3",
    "brw-r--r-- 259:70000",
    "prw------- 0:0",
  ]);
});

test("LayerUnpacker sets capabilities after the owner", (place) => {
  const value = Uint8Array.fromHex("0100000200040000000000000000000000000000");
  place.unpack(tarOf({
    name: "ping",
    uid: 1,
    mode: 0o755,
    pax: { "SCHILY.xattr.security.capability": value },
  }));

  const shown = output("getcap", [`${place.root}/ping`]);
  strictEqual(shown.slice(place.root.length).trimEnd(), "/ping cap_net_bind_service=ep");
});

test("LayerUnpacker drops attributes that speak to overlayfs", (place) => {
  place.unpack(tarOf({
    name: "d",
    type: "5",
    pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc" },
  }));

  strictEqual(attributes(`${place.root}/d`), "");
});

function attributes(path: string): string {
  return output("python3", [
    "-c",
    "import os,sys; print(*[a+'='+os.getxattr(sys.argv[1],a).decode() for a in os.listxattr(sys.argv[1])], end='')",
    path,
  ]);
}

test("LayerUnpacker turns whiteouts into overlayfs's", (place) => {
  place.unpack(
    tarOf(
      { name: "d", type: "5" },
      { name: "d/.wh.gone" },
      { name: "o", type: "5" },
      { name: "o/.wh..wh..opq" },
      { name: ".wh..wh.plnk" },
    ),
    { isBase: false },
  );

  deepStrictEqual(place.list(), ["d d", "d/gone c", "o d"]);
  strictEqual(place.stat("d/gone").rdev, 0);
  strictEqual(attributes(`${place.root}/o`), "trusted.overlay.opaque=y");
});

test("LayerUnpacker makes a directory opaque when its marker comes last", (place) => {
  place.unpack(
    tarOf({ name: "o/", type: "5" }, { name: "o/kept" }, { name: "o/.wh..wh..opq" }),
    { isBase: false },
  );

  deepStrictEqual(place.list(), ["o d", "o/kept f"]);
  strictEqual(attributes(`${place.root}/o`), "trusted.overlay.opaque=y");
});

test("LayerUnpacker makes an opaque directory of a whiteout that something is below", (place) => {
  place.unpack(
    tarOf({ name: "a/.wh.b" }, { name: "a/b/c/f", content: "new" }, { name: ".wh.x" }, {
      name: "x/.wh.gone",
    }),
    { isBase: false },
  );

  deepStrictEqual(place.list(), ["a d", "a/b d", "a/b/c d", "a/b/c/f f", "x d", "x/gone c"]);
  strictEqual(attributes(`${place.root}/a/b`), "trusted.overlay.opaque=y");
  strictEqual(attributes(`${place.root}/x`), "trusted.overlay.opaque=y");
});

test("LayerUnpacker makes a directory opaque when a whiteout in its layer names it", (place) => {
  place.unpack(
    tarOf(
      { name: ".wh.before" },
      { name: "before", type: "5" },
      { name: "after", type: "5" },
      { name: ".wh.after" },
    ),
    { isBase: false },
  );

  strictEqual(attributes(`${place.root}/before`), "trusted.overlay.opaque=y");
  strictEqual(attributes(`${place.root}/after`), "trusted.overlay.opaque=y");
});

test("LayerUnpacker hides each name of the lower layers' roots when the root is opaque", (place) => {
  using lower = new Place();
  lower.unpack(tarOf({ name: "gone" }, { name: "d/", type: "5" }, { name: "over" }, { name: "ü" }));

  place.unpack(
    tarOf({ name: "over", content: "new" }, { name: ".wh..wh..opq" }, { name: "d/f" }, {
      name: "e",
    }),
    { isBase: false, lowerDirectories: [lower.root] },
  );

  deepStrictEqual(place.list(), ["d d", "d/f f", "e f", "gone c", "over f", "ü c"]);
  strictEqual(attributes(`${place.root}/d`), "trusted.overlay.opaque=y");
});

test("LayerUnpacker leaves whiteouts out of the lowest layer", (place) => {
  place.unpack(tarOf({ name: ".wh.gone" }, { name: ".wh..wh..opq" }, { name: "f" }));

  deepStrictEqual(place.list(), ["f f"]);
});

test("LayerUnpacker refuses a whiteout of no file", (place) => {
  throws(() => place.unpack(tarOf({ name: ".wh..." }), { isBase: false }), /whiteout of no file/);
});

test("LayerUnpacker keeps names that are not UTF-8 apart", (place) => {
  const latin = extendedHeader("L", Uint8Array.from([0x66, 0xe9, 0]));
  const other = extendedHeader("L", Uint8Array.from([0x66, 0xe8, 0]));
  place.unpack(archiveOf(
    latin,
    memberBlocks({ name: "x", type: "5" }),
    other,
    memberBlocks({ name: "x", content: "2" }),
    latin,
    memberBlocks({ name: "x", content: "3" }),
  ));

  const listed = new Deno.Command("ls", { args: ["-b", place.root], env: { LC_ALL: "C" } });
  const names = new TextDecoder().decode(listed.outputSync().stdout);
  deepStrictEqual(names.trimEnd().split("\n"), ["f\\350", "f\\351"]);
});

const SPARSE_FORMATS: ReadonlyArray<readonly [name: string, options: readonly string[]]> = [
  ["the old GNU format", ["--format=gnu"]],
  ["PAX 0.0", ["--format=pax", "--sparse-version=0.0"]],
  ["PAX 0.1", ["--format=pax", "--sparse-version=0.1"]],
  ["PAX 1.0", ["--format=pax", "--sparse-version=1.0"]],
];

for (const [format, options] of SPARSE_FORMATS) {
  test(`LayerUnpacker makes a sparse file of ${format} as GNU tar does`, (place) => {
    using scratch = new Scratch();
    const source = `${scratch.path}/source`;
    Deno.mkdirSync(source);
    makeSparseFile(`${source}/holes`);
    output("tar", ["-C", source, "--sparse", ...options, "-cf", `${scratch.path}/t`, "holes"]);

    place.unpack(Deno.readFileSync(`${scratch.path}/t`));

    output("cmp", [`${source}/holes`, `${place.root}/holes`]);
    const blocks = place.stat("holes").blocks ?? Infinity;
    strictEqual(blocks < 2000, true, `${blocks} blocks of 512 bytes are in use`);
  });
}

/** 30 MB with 30 small islands of data, so that every format needs more than one block for its map. */
function makeSparseFile(path: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let i = 0; i < 30; i++) {
    file.seekSync(i * 1_000_003, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(`island ${i}`));
  }
  file.truncateSync(30_500_000);
}

class Scratch implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

test("LayerUnpacker makes the same tree as GNU tar", (place) => {
  using scratch = new Scratch();
  const [archive, expected] = [`${scratch.path}/t`, `${scratch.path}/expected`];
  Deno.mkdirSync(expected);
  const names = ["etc", "usr/share/doc/tar", "usr/share/zoneinfo", "usr/bin/perl", "dev/null"];
  output("tar", ["-C", "/", "--xattrs", "-cf", archive, "--format=pax", ...names]);
  output("tar", ["-C", expected, "--xattrs", "--xattrs-include=*", "-xpf", archive]);

  place.unpack(Deno.readFileSync(archive));

  deepStrictEqual(describeTree(place.root), describeTree(expected));
  output("diff", ["-r", "--no-dereference", "--exclude=null", place.root, expected]);
});

/** Type, mode, owner, size, links and time of all but the directories that the archive does not mention. */
function describeTree(root: string): string[] {
  const implied = /^(?:|usr|usr\/share|usr\/share\/doc|usr\/bin|dev) d /;
  return find(root, "%P %y %m %U:%G %n %T@ %l").filter((line) => !implied.test(line));
}
