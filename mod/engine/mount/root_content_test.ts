import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import type { RootSource } from "../../container/record/config.ts";
import { setAttributeAt } from "../../kernel/file.ts";
import { openForReading } from "../../kernel/open.ts";
import { Engine } from "../base/engine.ts";
import { copyEmptyDirectory, findRootContent, type RootContent } from "./root_content.ts";

/** An engine with an image of two layers, `base` and `top`. */
class Image implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly engine = new Engine({ root: this.#directory.path, runRoot: this.#directory.path });
  readonly #root: RootSource = {
    type: "image",
    imageId: "x",
    reference: "x",
    layers: ["base", "top"],
  };

  /** @param paths Directories of the layers. */
  constructor(...paths: readonly string[]) {
    for (const path of ["base", "top", ...paths]) {
      Deno.mkdirSync(this.path(path), { recursive: true });
    }
  }

  path(path: string): string {
    return `${this.engine.paths.layers}/${path}`;
  }

  find(target: string, root = this.#root): RootContent {
    return findRootContent(this.engine, { root, storageDriver: "overlay", target });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

Deno.test("findRootContent() tells nothing, empty directories, files and the rest apart", () => {
  using image = new Image("base/empty", "top/empty", "base/full", "top/full");
  for (const file of ["base/full/file", "top/file"]) Deno.writeTextFileSync(image.path(file), "");

  deepStrictEqual(image.find("/missing"), { type: "none" });
  deepStrictEqual(image.find("/empty"), { type: "empty", path: image.path("top/empty") });
  deepStrictEqual(image.find("/full"), { type: "tree" });
  deepStrictEqual(image.find("/file"), { type: "other" });
});

Deno.test("findRootContent() leaves a directory of the host to a closer look", () => {
  using image = new Image("base/empty");
  const root = { type: "directory", path: image.path("base") } as const;

  deepStrictEqual(image.find("/empty", root), { type: "tree" });
  deepStrictEqual(image.find("/missing", root), { type: "none" });
});

Deno.test(
  "findRootContent() leaves an empty directory with attributes to a closer look",
  { ignore: !needs("root") },
  () => {
    using image = new Image("base/data", "base/opaque");
    using base = openForReading(image.path("base"));
    setAttributeAt(base.number, "data", "user.note", new Uint8Array([1]));
    setAttributeAt(base.number, "opaque", "trusted.overlay.opaque", new Uint8Array([0x79]));

    strictEqual(image.find("/data").type, "tree");
    strictEqual(image.find("/opaque").type, "empty");
  },
);

Deno.test(
  "copyEmptyDirectory() copies owner, mode with all bits, and time",
  { ignore: !needs("root") },
  () => {
    using directory = new TemporaryDirectory();
    const [source, target] = [directory.join("source"), directory.join("target")];
    for (const path of [source, target]) Deno.mkdirSync(path);
    Deno.chownSync(source, 12, 34);
    Deno.chmodSync(source, 0o3751);
    Deno.utimeSync(source, 1_000_000_000, 1_100_000_000);

    copyEmptyDirectory(source, target);

    const { uid, gid, mode, mtime } = Deno.statSync(target);
    deepStrictEqual([uid, gid, (mode ?? 0) & 0o7777], [12, 34, 0o3751]);
    strictEqual(mtime?.getTime(), 1_100_000_000_000);
  },
);
