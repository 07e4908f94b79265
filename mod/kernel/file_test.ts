import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { tarOf } from "../../tests/fakes/tar_builder.ts";
import { RenameStorm } from "../../tests/fakes/rename_storm.ts";
import {
  AT_FDCWD,
  closeDescriptor,
  createFileAt,
  createMembersAt,
  createWholeFileAt,
  deviceNumber,
  makeDirectoryAt,
  makeSymlinkAt,
  openDirectoryAt,
  openDirectoryInRoot,
  writeAllAt,
} from "./file.ts";

/** A temporary directory and a descriptor of it. */
class OpenDirectory implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly fd = openDirectoryAt(AT_FDCWD, this.path);

  [Symbol.dispose](): void {
    closeDescriptor(this.fd);
    Deno.removeSync(this.path, { recursive: true });
  }
}

function targetOf(fd: number): string {
  return Deno.readLinkSync(`/proc/self/fd/${fd}`);
}

Deno.test("openDirectoryInRoot() follows .. while others rename files", async () => {
  using directory = new OpenDirectory();
  await using _storm = await RenameStorm.begin(directory.path);
  Deno.mkdirSync(`${directory.path}/inner`);

  const targets = Array.from({ length: 5000 }, () => {
    const fd = openDirectoryInRoot(directory.fd, "inner/../inner");
    const target = targetOf(fd);
    closeDescriptor(fd);
    return target;
  });

  deepStrictEqual(new Set(targets), new Set([`${directory.path}/inner`]));
});

Deno.test("createFileAt() names call and path when the file exists", () => {
  using directory = new OpenDirectory();
  closeDescriptor(createFileAt(directory.fd, "taken", 0o600));

  throws(() => createFileAt(directory.fd, "taken", 0o600), {
    name: "SystemError",
    code: "EEXIST",
    message: 'Cannot openat "taken": file exists (EEXIST)',
  });
});

/** Set by {@linkcode createWholeFileAt} in these tests. */
const NEW_FILE = {
  mode: 0o600,
  owner: undefined,
  exactMode: undefined,
  seconds: -5n,
  nanoseconds: 500_000_000n,
};

Deno.test("createWholeFileAt() writes all bytes and sets time and mode", () => {
  using directory = new OpenDirectory();
  const bytes = crypto.getRandomValues(new Uint8Array(5_000));

  createWholeFileAt(directory.fd, "file", bytes, { ...NEW_FILE, exactMode: 0o4757 });

  const { mode, mtime } = Deno.statSync(`${directory.path}/file`);
  deepStrictEqual(Deno.readFileSync(`${directory.path}/file`), bytes);
  strictEqual((mode ?? 0) & 0o7777, 0o4757);
  strictEqual(mtime?.getTime(), -4_500);
});

Deno.test("createWholeFileAt() names call and path when a dangling link has the name", () => {
  using directory = new OpenDirectory();
  makeSymlinkAt("nowhere", directory.fd, "link");

  throws(() => createWholeFileAt(directory.fd, "link", new Uint8Array(1), NEW_FILE), {
    name: "SystemError",
    message: 'Cannot openat "link": file exists (EEXIST)',
  });
});

Deno.test("createWholeFileAt() names the call that fails after the file is there", () => {
  using directory = new OpenDirectory();

  throws(
    () =>
      createWholeFileAt(directory.fd, "file", new Uint8Array(1), {
        ...NEW_FILE,
        nanoseconds: 1_000_000_000n,
      }),
    { name: "SystemError", message: 'Cannot utimensat "file": invalid argument (EINVAL)' },
  );
});

Deno.test("createFileAt() does not follow a dangling link", () => {
  using directory = new OpenDirectory();
  makeSymlinkAt("elsewhere", directory.fd, "link");

  throws(() => createFileAt(directory.fd, "link", 0o600), { code: "EEXIST" });
});

Deno.test("openDirectoryAt() refuses a link to a directory", () => {
  using directory = new OpenDirectory();
  makeSymlinkAt("/", directory.fd, "link");

  throws(() => openDirectoryAt(directory.fd, "link"), { code: "ENOTDIR" });
});

Deno.test("openDirectoryInRoot() resolves absolute links and dots inside the root", () => {
  using directory = new OpenDirectory();
  makeDirectoryAt(directory.fd, "etc", 0o755);
  makeSymlinkAt("/../../etc", directory.fd, "link");

  const fd = openDirectoryInRoot(directory.fd, "link");

  strictEqual(targetOf(fd), `${directory.path}/etc`);
  closeDescriptor(fd);
});

Deno.test("openDirectoryInRoot() does not follow the kernel's own links", () => {
  const proc = openDirectoryAt(AT_FDCWD, "/proc");

  throws(() => openDirectoryInRoot(proc, "self/root"), { code: "ELOOP" });

  closeDescriptor(proc);
});

Deno.test("writeAllAt() leaves a hole beyond 4 GiB", () => {
  using directory = new OpenDirectory();
  const fd = createFileAt(directory.fd, "large", 0o600);

  writeAllAt(fd, Uint8Array.of(1), 5 * 2 ** 30, "large");

  strictEqual(Deno.statSync(`${directory.path}/large`).size, 5 * 2 ** 30 + 1);
  closeDescriptor(fd);
});

Deno.test("deviceNumber() splits a large minor number", () => {
  strictEqual(deviceNumber(259, 70_000), (70_000 & 0xff) | (259 << 8) | ((70_000 & ~0xff) << 12));
});

Deno.test("deviceNumber() refuses a major number of 4,096", () => {
  throws(() => deviceNumber(4096, 0), RangeError);
});

Deno.test("createMembersAt() makes files until one is not below the prefix", () => {
  using directory = new OpenDirectory();
  const prefix = new TextEncoder().encode("d/");
  const archive = tarOf({ name: "d/a", content: "1" }, { name: "d/b" }, { name: "e/c" });

  const made = createMembersAt({ directory: directory.fd, prefix, specialBits: 0 }, archive);

  deepStrictEqual(made, { count: 2, bytes: 3 * 512 });
  deepStrictEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name).sort(), ["a", "b"]);
  strictEqual(Deno.readTextFileSync(`${directory.path}/a`), "1");
});

Deno.test("createMembersAt() leaves a file alone that is there already", () => {
  using directory = new OpenDirectory();
  const archive = tarOf({ name: "a", content: "new" });
  Deno.writeTextFileSync(`${directory.path}/a`, "old");

  const made = createMembersAt(
    { directory: directory.fd, prefix: new Uint8Array(0), specialBits: 0 },
    archive,
  );

  deepStrictEqual(made, { count: 0, bytes: 0 });
  strictEqual(Deno.readTextFileSync(`${directory.path}/a`), "old");
});

for (const size of [0, 1, 511, 512, 1023]) {
  Deno.test(`createMembersAt() reads nothing behind the ${size} bytes it has`, () => {
    using directory = new OpenDirectory();
    const archive = tarOf({ name: "a", content: "1" }).slice(0, size);

    const made = createMembersAt(
      { directory: directory.fd, prefix: new Uint8Array(0), specialBits: 0 },
      archive,
    );

    deepStrictEqual(made, { count: 0, bytes: 0 });
    deepStrictEqual([...Deno.readDirSync(directory.path)], []);
  });
}
