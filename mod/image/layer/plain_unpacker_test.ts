import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import type { ByteString } from "../tar/byte_string.ts";
import { TarReader } from "../tar/tar_reader.ts";
import { writeTar } from "../tar/tar_writer.ts";
import { plainMembers } from "./layer_writer.ts";
import { PlainUnpacker, runsOfData } from "./plain_unpacker.ts";

function shell(script: string, cwd: string): string {
  const command = new Deno.Command("sh", { args: ["-ec", script], cwd });
  const { success, stdout, stderr } = command.outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Makes a tree by a script and takes it through a tar. */
class RoundTrip implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly source: string;
  readonly target: string;

  constructor(script: string) {
    this.source = this.#directory.join("source");
    this.target = this.#directory.join("target");
    for (const path of [this.source, this.target]) Deno.mkdirSync(path);
    shell(script, this.source);
  }

  async go(): Promise<PlainUnpacker> {
    const unpacker = new PlainUnpacker(this.target);
    const reader = new TarReader(unpacker);
    for await (const chunk of writeTar(plainMembers(this.source))) reader.push(chunk);
    reader.end();
    unpacker.finish();
    return unpacker;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: !needs("root"), fn: body });
}

test("plainMembers() and PlainUnpacker keep the top directory and all that is in it", async () => {
  using trip = new RoundTrip(`
    mkdir -p d/deep; echo 1 >d/deep/file; ln d/deep/file hard; ln -s nowhere sym; mkfifo fifo
    mknod device c 1 3; echo s >setuid; chown -h 7:8 d setuid sym; chmod 4711 setuid; chmod 1777 d
    touch -d '2001-02-03 04:05:06.789' hard; touch -d @1000 d; chown 5:6 .; chmod 2750 .; touch -d @2000 .
  `);
  const list = "find . -printf '%p %y %m %U %G %n %T@ %l\\n' | sort; stat -c %t:%T device";

  using _unpacker = await trip.go();

  strictEqual(shell(list, trip.target), shell(list, trip.source));
});

test("plainMembers() and PlainUnpacker keep what overlayfs has in a directory", async () => {
  using trip = new RoundTrip("mknod gone c 0 0; mkdir d; echo >.wh.file");
  shell(
    `python3 -c 'import os; os.setxattr("d", "trusted.overlay.opaque", b"y"); os.setxattr("d", "user.x", b"1")'`,
    trip.source,
  );
  const attributes = `python3 -c 'import os; print(sorted(os.listxattr("d")))'`;

  using _unpacker = await trip.go();

  strictEqual(
    shell("ls -A; stat -c '%F %t:%T' gone", trip.target),
    [
      ".wh.file",
      "d",
      "gone",
      "character special file 0:0",
    ].join("\n"),
  );
  strictEqual(shell(attributes, trip.target), "['trusted.overlay.opaque', 'user.x']");
});

test("PlainUnpacker makes holes of long runs of zeros, and of nothing else", async () => {
  using trip = new RoundTrip(`
    truncate -s 8M sparse; printf begin | dd of=sparse conv=notrunc status=none
    printf end | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
    head -c 1000000 /dev/urandom >random; head -c 100 /dev/zero >small; truncate -s 1M hole
  `);

  using _unpacker = await trip.go();

  const compare =
    "cmp sparse ../source/sparse; cmp random ../source/random; stat -c %s sparse hole small";
  strictEqual(shell(compare, trip.target), "8388608\n1048576\n100");
  const kilobytes = Number(shell("du -k sparse", trip.target).split("\t")[0]);
  ok(kilobytes < 64, `${kilobytes} KB`);
});

test("PlainUnpacker knows which directories an archive describes", async () => {
  using trip = new RoundTrip("mkdir -p d/e; echo >d/e/file");

  using unpacker = await trip.go();

  const paths = ["", "d", "d/e", "d/e/file", "other"] as ByteString[];
  deepStrictEqual(paths.map((path) => unpacker.isDescribed(path)), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("plainMembers() leaves out what is mounted in a directory", async () => {
  using trip = new RoundTrip("mkdir mounted; echo >mounted/own");
  shell("mount -t tmpfs tmpfs mounted; echo >mounted/foreign", trip.source);
  try {
    using _unpacker = await trip.go();
  } finally {
    shell("umount mounted", trip.source);
  }

  strictEqual(shell("ls mounted", trip.target), "own");
});

for (
  const [what, length, data, offset, expected] of [
    ["nothing but zeros", 10_000, [], 0, []],
    ["a block in the middle", 12_288, [5000], 0, [[4096, 8192]]],
    ["blocks by their place in the file", 8192, [0, 8191], 4000, [[0, 96], [4192, 8192]]],
    ["data at both ends", 20_000, [0, 19_999], 0, [[0, 4096], [16_384, 20_000]]],
    ["data alone", 4096, [1], 0, [[0, 4096]]],
  ] as const
) {
  Deno.test(`runsOfData() finds ${what}`, () => {
    const bytes = new Uint8Array(length);
    for (const at of data) bytes[at] = 1;

    deepStrictEqual([...runsOfData(bytes, offset)], expected);
  });
}
