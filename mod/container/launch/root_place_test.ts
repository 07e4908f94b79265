import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import {
  AT_FDCWD,
  closeDescriptor,
  makeNodeAt,
  NODE_TYPE,
  openDirectoryAt,
  setAttributeAt,
} from "../../kernel/file.ts";
import { findRootPlace, type RootPlace } from "./root_place.ts";

/** Layers in a temporary directory, the topmost first. */
class Layers implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly names = ["top", "middle", "base"] as const;
  mayHoldMarkers = false;

  constructor() {
    for (const name of this.names) Deno.mkdirSync(this.path(name));
  }

  path(path: string): string {
    return this.#directory.join(path);
  }

  makeDirectories(...paths: readonly string[]): void {
    for (const path of paths) Deno.mkdirSync(this.path(path), { recursive: true });
  }

  makeLink(path: string, content: string): void {
    Deno.symlinkSync(content, this.path(path));
  }

  /** With the names of layers in place of their paths. */
  find(path: string): RootPlace {
    const directories = this.names.map((name) => this.path(name));
    const place = findRootPlace({ directories, mayHoldMarkers: this.mayHoldMarkers }, path);
    if (place.type !== "directory") return place;
    const shown = place.directories.map((directory) => directory.slice(this.path("").length));
    return { ...place, directories: shown };
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function directory(path: string, ...directories: readonly string[]): RootPlace {
  return { type: "directory", path, directories };
}

Deno.test("findRootPlace() names the layers that have a part of a directory", () => {
  using layers = new Layers();
  layers.makeDirectories("top/a/b", "middle/a", "base/a/b");

  deepStrictEqual(layers.find("/a/b"), directory("/a/b", "top", "base"));
  deepStrictEqual(layers.find("/a//./b/"), directory("/a/b", "top", "base"));
  deepStrictEqual(layers.find("/a/b/../x/.."), { type: "missing" });
  deepStrictEqual(layers.find("/a/b/../../../a"), directory("/a", "top", "middle", "base"));
});

Deno.test("findRootPlace() tells what is missing from what is no directory", () => {
  using layers = new Layers();
  Deno.writeTextFileSync(layers.path("base/file"), "");

  deepStrictEqual(layers.find("/none"), { type: "missing" });
  deepStrictEqual(layers.find("/none/below"), { type: "missing" });
  deepStrictEqual(layers.find("/file"), { type: "other", path: "/file" });
  deepStrictEqual(layers.find("/file/below"), { type: "missing" });
});

Deno.test("findRootPlace() has what is no directory hide what is below it", () => {
  using layers = new Layers();
  layers.makeDirectories("top/a", "base/a", "base/b");
  for (const name of ["a", "b"]) Deno.writeTextFileSync(layers.path(`middle/${name}`), "");

  deepStrictEqual(layers.find("/a"), directory("/a", "top"));
  deepStrictEqual(layers.find("/b"), { type: "other", path: "/b" });
});

Deno.test("findRootPlace() follows links through all layers", () => {
  using layers = new Layers();
  layers.makeDirectories("base/var", "top/run/app", "base/usr/lib/x");
  layers.makeLink("base/var/run", "/run");
  layers.makeLink("middle/lib", "usr/lib");
  layers.makeLink("top/up", "../../../../usr/./lib/../lib/x");

  deepStrictEqual(layers.find("/var/run/app"), directory("/run/app", "top"));
  deepStrictEqual(layers.find("/lib/x"), directory("/usr/lib/x", "base"));
  deepStrictEqual(layers.find("/up"), directory("/usr/lib/x", "base"));
});

Deno.test("findRootPlace() never follows a link out of the layers", () => {
  using layers = new Layers();
  Deno.mkdirSync(layers.path("outside"));
  layers.makeLink("top/absolute", layers.path("outside"));
  layers.makeLink("top/relative", "../outside");
  layers.makeLink("top/parent", "..");

  deepStrictEqual(layers.find("/absolute"), { type: "missing" });
  deepStrictEqual(layers.find("/relative"), { type: "missing" });
  deepStrictEqual(layers.find("/parent/outside"), { type: "missing" });
});

Deno.test("findRootPlace() gives up on links that lead nowhere", () => {
  using layers = new Layers();
  layers.makeLink("top/loop", "loop");

  strictEqual(layers.find("/loop/x").type, "missing");
});

Deno.test(
  "findRootPlace() sees whiteouts and opaque directories",
  { ignore: !needs("root") },
  () => {
    using layers = new Layers();
    layers.makeDirectories("base/gone", "base/a/gone", "middle/a", "top/a", "base/a/below");
    const top = openDirectoryAt(AT_FDCWD, layers.path("top"));
    makeNodeAt(top, "gone", NODE_TYPE.character, 0);
    closeDescriptor(top);
    const middle = openDirectoryAt(AT_FDCWD, layers.path("middle"));
    setAttributeAt(middle, "a", "trusted.overlay.opaque", new TextEncoder().encode("y"));
    closeDescriptor(middle);

    deepStrictEqual(layers.find("/gone"), { type: "missing" });
    deepStrictEqual(layers.find("/a"), directory("/a", "top", "middle"));
    deepStrictEqual(layers.find("/a/below"), { type: "missing" });
  },
);

Deno.test("findRootPlace() sees whiteouts by their names where there may be such", () => {
  using layers = new Layers();
  layers.makeDirectories("base/gone", "base/a/below", "middle/a", "top/a");
  Deno.writeTextFileSync(layers.path("top/.wh.gone"), "");
  Deno.writeTextFileSync(layers.path("middle/a/.wh..wh..opq"), "");

  deepStrictEqual(layers.find("/a/below"), directory("/a/below", "base"));
  layers.mayHoldMarkers = true;
  deepStrictEqual(layers.find("/gone"), { type: "missing" });
  deepStrictEqual(layers.find("/a"), directory("/a", "top", "middle"));
  deepStrictEqual(layers.find("/a/below"), { type: "missing" });
});
