import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { needs } from "../../../tests/needs.ts";
import {
  AT_FDCWD,
  closeDescriptor,
  makeDirectoryAt,
  openDirectoryAt,
  setAttributeAt,
} from "../../kernel/file.ts";
import { type ByteString, byteStringOfText, textOf } from "../tar/byte_string.ts";
import { LayerUnpacker } from "./layer.ts";
import {
  changedMembers,
  layerMembers,
  type LayerSourceOptions,
  rootfsMembers,
} from "./layer_writer.ts";
import { type TarEntry, TarReader } from "../tar/tar_reader.ts";
import { type TarMember, writeTar } from "../tar/tar_writer.ts";
import { treeChanges } from "./tree_changes.ts";

const encoder = new TextEncoder();

/** Directories for a test, made by the commands of the host. */
class Trees implements Disposable {
  readonly base = Deno.makeTempDirSync();

  /** Makes the directory `name` with what `script` makes in it. */
  async make(name: string, script: string): Promise<string> {
    const path = `${this.base}/${name}`;
    Deno.mkdirSync(path);
    await output("sh", ["-e", "-c", script], path);
    return path;
  }

  /** Sets an extended attribute of what is at `path`. */
  mark(path: string, name: string, value: string): void {
    const slash = path.lastIndexOf("/");
    const fd = openDirectoryAt(AT_FDCWD, path.slice(0, slash));
    setAttributeAt(fd, path.slice(slash + 1), name, encoder.encode(value));
    closeDescriptor(fd);
  }

  /** Unpacks an archive into the new directory `name`. */
  unpack(archive: Uint8Array<ArrayBuffer>, name: string, { isBase = false } = {}): string {
    const path = `${this.base}/${name}`;
    Deno.mkdirSync(path);
    using unpacker = new LayerUnpacker(path, { isBase });
    const reader = new TarReader(unpacker);
    reader.push(archive);
    reader.end();
    unpacker.finish();
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}

async function output(command: string, args: string[], cwd = "/"): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (!success) throw new Error(`Cannot run ${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Makes directories in each other, deeper than any path leads. */
function descend(path: string, { name, levels }: { name: string; levels: number }): void {
  let fd = openDirectoryAt(AT_FDCWD, path);
  for (let level = 0; level < levels; level++) {
    makeDirectoryAt(fd, name, 0o755);
    const next = openDirectoryAt(fd, name);
    closeDescriptor(fd);
    fd = next;
  }
  closeDescriptor(fd);
}

async function archiveOf(members: Iterable<TarMember>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk.slice());
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function layerOf(path: string, options: LayerSourceOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return archiveOf(layerMembers(path, options));
}

function rootfsOf(...paths: string[]): Promise<Uint8Array<ArrayBuffer>> {
  return archiveOf(rootfsMembers(paths.map((path) => ({ path, mayHoldMounts: false }))));
}

function entriesOf(archive: Uint8Array<ArrayBuffer>): TarEntry[] {
  const entries: TarEntry[] = [];
  const reader = new TarReader({
    entry: (entry) => entries.push(entry),
    data: () => {},
    endEntry: () => {},
  });
  reader.push(archive);
  reader.end();
  return entries;
}

function namesOf(archive: Uint8Array<ArrayBuffer>): string[] {
  return entriesOf(archive).map(({ name }) => textOf(name));
}

function test(name: string, body: (trees: Trees) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !needs("root"),
    fn: async () => {
      using trees = new Trees();
      await body(trees);
    },
  });
}

/** One of everything; what it is made of changes from call to call only in what must not matter. */
const EVERYTHING = `
  mkdir -p b/deep/er a; touch a/z a/a; printf content > b/file; ln b/file b/link; ln -s ../x b/soft
  ln b/soft b/soft2; mkfifo p; mknod null c 1 3; mknod disk b 8 1; chmod 4711 b/file
  chown 1000:2000 a/a; chown -h 7:8 b/soft; chmod 1777 a; truncate -s 3000000 sparse
  printf end >> sparse; touch "$(printf 'new\\nline')" "$(printf 'caf\\351')"
  touch "$(printf 'x%.0s' $(seq 255))"; find . -exec touch -h -d '2020-01-02 03:04:05.678901234' {} +
`;

test("layerMembers() gives the same bytes once unpacked and written again", async (trees) => {
  const tree = await trees.make("tree", EVERYTHING);
  trees.mark(`${tree}/a/a`, "user.note", "value");
  trees.mark(`${tree}/b`, "trusted.note", "value");
  const archive = await layerOf(tree);

  const again = await layerOf(trees.unpack(archive, "again"));

  deepStrictEqual(again, archive);
});

test("layerMembers() sorts, whatever the order on disk", async (trees) => {
  const forth = await trees.make("forth", "touch a b c; mkdir d e; touch -d @0 a b c d e");
  const back = await trees.make("back", "mkdir e d; touch c b a; touch -d @0 a b c d e");

  const archive = await layerOf(forth);

  deepStrictEqual(await layerOf(back), archive);
  deepStrictEqual(namesOf(archive), ["a", "b", "c", "d/", "e/"]);
});

test("layerMembers() writes what GNU tar unpacks to the same tree", async (trees) => {
  const tree = await trees.make("tree", EVERYTHING);
  const archive = `${trees.base}/tar`;
  Deno.writeFileSync(archive, await layerOf(tree));

  const copy = await trees.make("copy", `tar --xattrs --xattrs-include='*' -xpf ${archive}`);

  const format = ["-mindepth", "1", "-printf", "%P %y %m %U:%G %n %T@ %s %l\\n"];
  const [expected, found] = await Promise.all(
    [tree, copy].map(async (root) =>
      (await output("find", [root, ...format])).replace(/ d (.*) \d+ \n/g, " d $1\n").split("\n")
        .sort()
    ),
  );
  deepStrictEqual(found, expected);
  await output("diff", ["-r", "--no-dereference", `${tree}/b`, `${copy}/b`]);
});

test("layerMembers() turns overlay's whiteouts and opaque directories into the image's", async (trees) => {
  const tree = await trees.make(
    "tree",
    "mkdir d e; touch d/new; mknod gone c 0 0; mknod e/x c 0 0",
  );
  trees.mark(`${tree}/d`, "trusted.overlay.opaque", "y");
  trees.mark(`${tree}/e`, "trusted.overlay.origin", "?");

  const archive = await layerOf(tree);

  deepStrictEqual(namesOf(archive), [".wh.gone", "d/", "d/.wh..wh..opq", "d/new", "e/", "e/.wh.x"]);
  deepStrictEqual(await layerOf(trees.unpack(archive, "again")), archive);
  ok(entriesOf(archive).every(({ attributes }) => attributes.length === 0));
});

test("changedMembers() writes the other names of a changed file, too", async (trees) => {
  const make = "mkdir d; echo x > d/a; ln d/a d/b; touch same gone; find . -exec touch -d @7 {} +";
  const lower = [{ path: await trees.make("lower", make), mayHoldMounts: false }];
  const copy = await trees.make("copy", `${make}; ln d/a new; rm gone`);
  const changes = treeChanges({ path: copy, isWhole: true }, lower);

  const archive = await archiveOf(changedMembers(copy, changes));

  deepStrictEqual(entriesOf(archive).map(({ type, name }) => [type, textOf(name)]), [
    ["file", ".wh.gone"],
    ["file", "new"],
    ["hardlink", "d/a"],
    ["hardlink", "d/b"],
  ]);
});

test("layerMembers() hides a file whose name is as long as names can be", async (trees) => {
  const name = "x".repeat(255);
  const archive = await layerOf(await trees.make("tree", `mknod ${name} c 0 0`));

  const again = trees.unpack(archive, "again");

  deepStrictEqual(Array.from(Deno.readDirSync(again), (entry) => entry.name), [name]);
});

test("layerMembers() leaves out sockets, and tells of names that mean deletions", async (trees) => {
  const tree = await trees.make(
    "tree",
    "mkdir -p d/.wh.dir; touch d/.wh.passwd d/.wh.dir/inside .wh..wh..opq kept",
  );
  using _socket = Deno.listen({ transport: "unix", path: `${tree}/socket` });
  const told: string[] = [];

  const archive = await layerOf(tree, { onUnnameable: (path) => told.push(textOf(path)) });

  deepStrictEqual(namesOf(archive), ["kept", "d/"]);
  deepStrictEqual(told, [".wh..wh..opq", "d/.wh.dir", "d/.wh.passwd"]);
});

test("rootfsMembers() keeps all names, but for those that no layer can hold", async (trees) => {
  const path = await trees.make("tree", "touch .wh.passwd kept");
  const sources = [{ path, mayHoldMounts: false }];
  const told: string[] = [];
  const onUnnameable = (path: ByteString): number => told.push(textOf(path));

  const all = Array.from(rootfsMembers(sources), ({ entry }) => textOf(entry.name));
  const nameable = Array.from(
    rootfsMembers(sources, { onUnnameable }),
    ({ entry }) => textOf(entry.name),
  );

  deepStrictEqual([all, nameable, told], [[".wh.passwd", "kept"], ["kept"], [".wh.passwd"]]);
});

test("layerMembers() leaves out what is excluded, with all that is below it", async (trees) => {
  const tree = await trees.make("tree", "mkdir -p dev/pts etc; touch dev/a etc/hosts etc/passwd");
  const excluded = new Set(["dev", "etc/hosts"].map(byteStringOfText));

  const archive = await layerOf(tree, { isExcluded: (path) => excluded.has(path) });

  deepStrictEqual(namesOf(archive), ["etc/", "etc/passwd"]);
});

test("layerMembers() never follows a link", async (trees) => {
  const tree = await trees.make("tree", "ln -s / root; ln -s /etc/passwd passwd");

  const entries = entriesOf(await layerOf(tree));

  deepStrictEqual(entries.map(({ type, linkName }) => [type, textOf(linkName)]), [
    ["symlink", "/etc/passwd"],
    ["symlink", "/"],
  ]);
});

test("layerMembers() refuses what overlayfs looks for elsewhere", async (trees) => {
  const tree = await trees.make("tree", "mkdir moved");
  trees.mark(`${tree}/moved`, "trusted.overlay.redirect", "/old");

  throws(() => [...layerMembers(tree)], {
    kind: "unsupported",
    message: /^Cannot write "moved" to an archive: it has the attribute trusted\.overlay\.redirect/,
  });
});

test("layerMembers() leaves out what an overlay of the container's own users keeps", async (trees) => {
  const tree = await trees.make("tree", "mkdir moved");
  trees.mark(`${tree}/moved`, "user.overlay.redirect", "/old");

  deepStrictEqual(Array.from(layerMembers(tree), ({ entry }) => entry.attributes), [[]]);
});

test("layerMembers() keeps the archive whole when a file shrinks or grows", async (trees) => {
  const tree = await trees.make("tree", "printf 1234567890 > a; printf 1234567890 > b; touch c");
  const members = function* (): Generator<TarMember> {
    for (const member of layerMembers(tree)) {
      if (textOf(member.entry.name) === "a") Deno.truncateSync(`${tree}/a`, 4);
      if (textOf(member.entry.name) === "b") {
        Deno.writeTextFileSync(`${tree}/b`, "more than before");
      }
      yield member;
    }
  };

  const copy = trees.unpack(await archiveOf(members()), "copy");

  strictEqual(Deno.readTextFileSync(`${copy}/a`), "1234\0\0\0\0\0\0");
  strictEqual(Deno.readTextFileSync(`${copy}/b`), "more than ");
  strictEqual(Deno.statSync(`${copy}/c`).size, 0);
});

test("layerMembers() passes over what goes while it reads", async (trees) => {
  const tree = await trees.make("tree", "mkdir a b c; touch a/x b/x c/x f g");
  const names: string[] = [];

  for (const { entry } of layerMembers(tree)) {
    names.push(textOf(entry.name));
    if (names.length > 1) continue;
    await output("sh", ["-e", "-c", "rm -r g a; rm -r b; ln -s /etc b"], tree);
  }

  deepStrictEqual(names, ["f", "c", "c/x"]);
});

test("layerMembers() refuses a path that the kernel does not resolve", async (trees) => {
  const tree = await trees.make("tree", "true");
  descend(tree, { name: "d".repeat(250), levels: 17 });

  throws(() => [...layerMembers(tree)], {
    kind: "unsupported",
    message: /its path has 4266 bytes, at most 4095 are possible$/,
  });
});

test("rootfsMembers() merges layers as overlayfs does", async (trees) => {
  const low = await trees.make(
    "low",
    "mkdir -p d/sub o r g; touch d/low d/both d/sub/low o/low r/low g/low gone; echo low > d/both",
  );
  const middle = await trees.make(
    "middle",
    "mkdir -p d o; touch d/middle o/middle; touch r; mknod d/x c 0 0; mknod g c 0 0",
  );
  const top = await trees.make(
    "top",
    "mkdir -p d o g; echo top > d/both; touch g/top; mknod gone c 0 0",
  );
  trees.mark(`${middle}/o`, "trusted.overlay.opaque", "y");
  const mounted = `${trees.base}/mounted`;
  Deno.mkdirSync(mounted);
  const data = `lowerdir=${top}:${middle}:${low}`;
  const script = `mount -t overlay -o ro,${data} overlay ${mounted}; cd ${mounted}; ` +
    "find . -mindepth 1 -printf '%P %y\\n'; cat d/both";

  const expected = await output("unshare", ["-m", "sh", "-e", "-c", script]);
  const copy = trees.unpack(await rootfsOf(top, middle, low), "copy", { isBase: true });

  const found = await output(
    "sh",
    ["-c", "find . -mindepth 1 -printf '%P %y\\n'; cat d/both"],
    copy,
  );
  deepStrictEqual(found.split("\n").sort(), expected.split("\n").sort());
});

test("rootfsMembers() does not look into what is mounted in a directory", async (trees) => {
  const tree = await trees.make("tree", "mkdir mnt; touch mnt/below");
  const script = `mount -t tmpfs tmpfs ${tree}/mnt; touch ${tree}/mnt/above; exec "$@"`;
  const program = `
    const { rootfsMembers } = await import("${import.meta.resolve("./layer_writer.ts")}");
    const sources = [{ path: ${JSON.stringify(tree)}, mayHoldMounts: true }];
    console.log([...rootfsMembers(sources)].map(({ entry }) => entry.name).join());`;

  const names = await output("unshare", [
    ...["-m", "sh", "-e", "-c", script, "sh"],
    ...[Deno.execPath(), "eval", "--no-check", program],
  ]);

  strictEqual(names, "mnt,mnt/below\n");
});
