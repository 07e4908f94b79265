import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { needs } from "../../tests/needs.ts";
import { copyContent, type CopyOptions } from "./copy.ts";
import { AT_FDCWD, closeDescriptor, createFileAt } from "./file.ts";
import { openForReading } from "./open.ts";

/** A directory that is removed at the end. */
class Scratch implements Disposable {
  readonly path = Deno.makeTempDirSync();

  /** Copies `source` and returns the copy's path. */
  copy(source: string, options?: CopyOptions): string {
    using from = openForReading(source);
    const path = `${this.path}/copy`;
    const to = createFileAt(AT_FDCWD, path, 0o644);
    try {
      copyContent(from.number, to, path, options);
    } finally {
      closeDescriptor(to);
    }
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test({
  name: "copyContent() copies all bytes",
  ignore: !needs("root"),
  fn: () => {
    using scratch = new Scratch();
    const bytes = new Uint8Array(2_500_000).map((_, i) => i * 7);
    Deno.writeFileSync(`${scratch.path}/source`, bytes);

    deepStrictEqual(Deno.readFileSync(scratch.copy(`${scratch.path}/source`)), bytes);
  },
});

Deno.test({
  name: "copyContent() keeps holes, also one at the end",
  ignore: !needs("root"),
  fn: () => {
    using scratch = new Scratch();
    const size = 3_000_000_000;
    {
      using file = Deno.openSync(`${scratch.path}/source`, { write: true, createNew: true });
      file.seekSync(2_500_000_000, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode("island"));
      file.truncateSync(size);
    }

    const copy = scratch.copy(`${scratch.path}/source`);

    const info = Deno.statSync(copy);
    strictEqual(info.size, size);
    strictEqual((info.blocks ?? Infinity) < 100, true);
    using file = Deno.openSync(copy);
    file.seekSync(2_500_000_000, Deno.SeekMode.Start);
    const found = new Uint8Array(7);
    file.readSync(found);
    strictEqual(new TextDecoder().decode(found), "island\0");
  },
});

Deno.test({
  name: "copyContent() copies nothing behind the limit, and tells of what it has copied",
  ignore: !needs("root"),
  fn: () => {
    using scratch = new Scratch();
    Deno.writeFileSync(`${scratch.path}/source`, new Uint8Array(5_000).fill(7));
    let told = 0;

    const copy = scratch.copy(`${scratch.path}/source`, {
      limit: 1_234,
      onBytes: (count) => told += count,
    });

    deepStrictEqual(Deno.readFileSync(copy), new Uint8Array(1_234).fill(7));
    strictEqual(told, 1_234);
  },
});

Deno.test({
  name: "copyContent() copies between file systems",
  ignore: !needs("root"),
  fn: () => {
    using scratch = new Scratch();
    const source = Deno.makeTempFileSync({ dir: "/dev/shm" });
    try {
      const bytes = new Uint8Array(1_500_000).map((_, i) => i * 3);
      Deno.writeFileSync(source, bytes);

      deepStrictEqual(Deno.readFileSync(scratch.copy(source)), bytes);
    } finally {
      Deno.removeSync(source);
    }
  },
});
