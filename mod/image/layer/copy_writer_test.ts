import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type TarMember, tarOf } from "../../../tests/fakes/tar_builder.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import {
  AT_FDCWD,
  openDirectoryAt,
  openDirectoryBeneath,
  openDirectoryInRoot,
} from "../../kernel/file.ts";
import { TarReader } from "../tar/tar_reader.ts";
import { CopyWriter, type Owner } from "./copy_writer.ts";
import { RootDirectory } from "./root_directory.ts";

/** A directory to write to, and one beside it that nothing may be written to. */
class Place implements Disposable {
  readonly #base = new TemporaryDirectory();
  readonly root = this.#base.join("root");
  readonly outside = this.#base.join("outside");

  constructor() {
    Deno.mkdirSync(this.root);
    Deno.mkdirSync(this.outside);
  }

  write(
    members: readonly TarMember[],
    { owner, followsLinks = false }: { owner?: Owner; followsLinks?: boolean } = {},
  ): void {
    const descriptor = openDirectoryAt(AT_FDCWD, this.root);
    const open = followsLinks ? openDirectoryInRoot : openDirectoryBeneath;
    const root = new RootDirectory({ descriptor, open: (bytes) => open(descriptor, bytes) });
    using writer = new CopyWriter(root, { directoryName: "/dst", ownerOf: () => owner });
    const reader = new TarReader(writer);
    reader.push(tarOf(...members));
    reader.end();
    writer.finish();
  }

  path(name: string): string {
    return `${this.root}/${name}`;
  }

  [Symbol.dispose](): void {
    deepStrictEqual([...Deno.readDirSync(this.outside)], []);
    this.#base[Symbol.dispose]();
  }
}

function test(name: string, body: (place: Place) => void): void {
  Deno.test({
    name: `CopyWriter ${name}`,
    ignore: !needs("root"),
    fn: () => {
      using place = new Place();
      body(place);
    },
  });
}

test("merges a directory with one that is there, and describes it anew", (place) => {
  Deno.mkdirSync(place.path("d"));
  Deno.writeTextFileSync(place.path("d/old"), "old");

  place.write([
    { name: "d", type: "5", mode: 0o1711, mtime: 1_000_000_000 },
    { name: "d/new", content: "new" },
  ]);

  deepStrictEqual([...Deno.readDirSync(place.path("d"))].map(({ name }) => name).sort(), [
    "new",
    "old",
  ]);
  const { mode, mtime } = Deno.statSync(place.path("d"));
  strictEqual((mode ?? 0) & 0o7777, 0o1711);
  strictEqual(mtime?.getTime(), 1_000_000_000_000);
});

test("leaves the directory itself as it is", (place) => {
  Deno.chmodSync(place.root, 0o701);

  place.write([{ name: "./", type: "5", mode: 0o755 }, { name: "./file", content: "x" }]);

  strictEqual((Deno.statSync(place.root).mode ?? 0) & 0o7777, 0o701);
  strictEqual(Deno.readTextFileSync(place.path("file")), "x");
});

test("replaces a link and not what it leads to", (place) => {
  Deno.writeTextFileSync(place.path("target"), "old");
  Deno.symlinkSync("target", place.path("link"));

  place.write([{ name: "link", content: "new" }]);

  strictEqual(Deno.readTextFileSync(place.path("target")), "old");
  strictEqual(Deno.lstatSync(place.path("link")).isFile, true);
});

test("replaces no directory by a file", (place) => {
  Deno.mkdirSync(place.path("d"));

  throws(() => place.write([{ name: "d", content: "x" }]), {
    kind: "conflict",
    message: 'cannot overwrite directory "/dst/d" with non-directory "/dst"',
  });
});

for (const what of ["file", "link"]) {
  test(`replaces no ${what} by a directory`, (place) => {
    if (what === "file") Deno.writeTextFileSync(place.path("x"), "");
    else Deno.symlinkSync(place.outside, place.path("x"));

    throws(() => place.write([{ name: "x", type: "5" }, { name: "x/file" }]), {
      kind: "conflict",
      message: 'cannot overwrite non-directory "/dst/x" with directory "/dst"',
    });
  });
}

test("follows no link on the way", (place) => {
  Deno.symlinkSync(place.outside, place.path("x"));

  throws(() => place.write([{ name: "x/file", content: "y" }]), {
    kind: "conflict",
    message: 'Cannot copy "x/file": what has the name "x" is no directory',
  });
});

test("follows links on the way inside of the root if it is to", (place) => {
  Deno.mkdirSync(place.path("real"));
  Deno.symlinkSync("/../../real", place.path("x"));

  place.write([{ name: "x/file", content: "y" }], { followsLinks: true });

  strictEqual(Deno.readTextFileSync(place.path("real/file")), "y");
});

test("refuses a name that leads out", (place) => {
  throws(() => place.write([{ name: "a/../../x" }]), {
    kind: "corrupt",
    message: 'Cannot read archive: entry "a/../../x" leads out of the destination',
  });
});

test("refuses a hard link that leads out, or to nothing", (place) => {
  throws(() => place.write([{ name: "x", type: "1", link: "../outside" }]), /leads out/);
  throws(() => place.write([{ name: "x", type: "1", link: "y" }]), /is not there/);
});

test("keeps owner and setuid bit if it is told an owner", (place) => {
  place.write([{ name: "x", content: "y", mode: 0o4755 }], { owner: { uid: 12, gid: 34 } });

  const { mode, uid, gid } = Deno.statSync(place.path("x"));
  deepStrictEqual([(mode ?? 0) & 0o7777, uid, gid], [0o4755, 12, 34]);
});

test("leaves owners to the kernel otherwise, also of a directory that is there", (place) => {
  Deno.mkdirSync(place.path("d"));
  Deno.chownSync(place.path("d"), 12, 34);

  place.write([{ name: "d", type: "5", uid: 5 }, { name: "d/x", uid: 5 }]);

  const owners = ["d", "d/x"].map((name) => Deno.statSync(place.path(name)).uid);
  deepStrictEqual(owners, [12, 0]);
});

test("makes links, FIFOs and devices", (place) => {
  place.write([
    { name: "one", content: "1" },
    { name: "two", type: "1", link: "one" },
    { name: "link", type: "2", link: "/nowhere" },
    { name: "fifo", type: "6", mode: 0o622 },
    { name: "null", type: "3", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
  ], { owner: { uid: 5, gid: 6 } });

  strictEqual(Deno.statSync(place.path("one")).ino, Deno.statSync(place.path("two")).ino);
  strictEqual(Deno.readLinkSync(place.path("link")), "/nowhere");
  const described = ["link", "fifo", "null"].map((name) => {
    const { uid, gid, mode } = Deno.lstatSync(place.path(name));
    return [uid, gid, (mode ?? 0) & 0o777];
  });
  deepStrictEqual(described, [[5, 6, 0o777], [5, 6, 0o622], [5, 6, 0o666]]);
});

test("does not take a mount away to replace its file", (place) => {
  Deno.writeTextFileSync(place.path("x"), "below");
  Deno.writeTextFileSync(place.path("y"), "mounted");
  const run = (...args: [string, ...string[]]): void => {
    const [program, ...rest] = args;
    strictEqual(new Deno.Command(program, { args: rest }).outputSync().success, true);
  };
  run("mount", "--bind", place.path("y"), place.path("x"));
  try {
    throws(() => place.write([{ name: "x", content: "z" }]), {
      kind: "conflict",
      message: 'Cannot replace "/dst/x": something is mounted on it',
    });
    strictEqual(Deno.readTextFileSync(place.path("x")), "mounted");
  } finally {
    run("umount", place.path("x"));
  }
});
