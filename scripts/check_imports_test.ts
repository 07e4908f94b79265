import { deepStrictEqual, throws } from "node:assert/strict";
import {
  findCycles,
  findHotNodeImports,
  findOutsideImports,
  findWrongDirections,
  type ImportEdge,
  type ImportGraph,
  parseGraph,
} from "./check_imports.ts";

/** A graph from `{ file: targets }`; a target that starts with `await ` is imported dynamically, `type ` as a type. */
function graphOf(files: Record<string, string[]>): ImportGraph {
  return new Map(Object.entries(files).map(([path, targets]) => [path, targets.map(edgeOf)]));
}

function edgeOf(text: string): ImportEdge {
  const target = text.replace(/^(await|type) /, "");
  return {
    specifier: target,
    target,
    isDynamic: text.startsWith("await "),
    isTypeOnly: text.startsWith("type "),
  };
}

Deno.test("findWrongDirections() accepts imports that go down", () => {
  const graph = graphOf({
    "main.ts": ["mod/cli/commands/run.ts"],
    "mod/cli/commands/run.ts": ["mod/engine/lifecycle/run.ts", "mod/errors.ts"],
    "mod/engine/lifecycle/run.ts": ["mod/container/launch/plan.ts", "mod/store/lock.ts"],
    "mod/kernel/mount.ts": ["ffi/errno.ts"],
  });

  deepStrictEqual(findWrongDirections(graph), []);
});

Deno.test("findWrongDirections() reports an import that goes up", () => {
  deepStrictEqual(
    findWrongDirections(graphOf({ "mod/store/lock.ts": ["mod/engine/lifecycle/run.ts"] })),
    [
      "mod/store/lock.ts: must not import mod/engine/lifecycle/run.ts: imports go down only",
    ],
  );
});

Deno.test("findWrongDirections() reports a type import that goes up", () => {
  const graph = graphOf({ "mod/store/lock.ts": ["type mod/engine/lifecycle/run.ts"] });

  deepStrictEqual(findWrongDirections(graph), [
    "mod/store/lock.ts: must not import mod/engine/lifecycle/run.ts: imports go down only",
  ]);
});

Deno.test("findWrongDirections() reports siblings that import each other", () => {
  deepStrictEqual(
    findWrongDirections(graphOf({ "mod/image/tar/pax.ts": ["mod/volume/volume.ts"] })),
    [
      "mod/image/tar/pax.ts: must not import mod/volume/volume.ts: rooms on one floor do not import each other",
    ],
  );
});

Deno.test("findWrongDirections() reports an import that goes up within a large room", () => {
  const graph = graphOf({
    "mod/image/tar/tar_reader.ts": ["mod/image/store/images.ts"],
    "mod/image/store/images.ts": ["mod/image/spec/oci.ts"],
    "mod/image/archive/load.ts": ["mod/image/registry/pull.ts"],
    "mod/image/store/images_test.ts": ["mod/image/archive/load.ts"],
  });

  deepStrictEqual(findWrongDirections(graph), [
    "mod/image/tar/tar_reader.ts: must not import mod/image/store/images.ts: imports go down only",
    "mod/image/archive/load.ts: must not import mod/image/registry/pull.ts: rooms on one floor do not import each other",
  ]);
});

Deno.test("findWrongDirections() reports a file of a large room that is in no inner one", () => {
  deepStrictEqual(findWrongDirections(graphOf({ "mod/image/pull.ts": [] })), [
    "mod/image/pull.ts: is in no room of ARCHITECTURE.md",
  ]);
});

Deno.test("findWrongDirections() reports mod/errors.ts in ffi", () => {
  deepStrictEqual(findWrongDirections(graphOf({ "ffi/errno.ts": ["mod/errors.ts"] })), [
    "ffi/errno.ts: must not import mod/errors.ts: ffi imports nothing of mod",
  ]);
});

Deno.test("findWrongDirections() reports an import of mod/errors.ts itself", () => {
  deepStrictEqual(findWrongDirections(graphOf({ "mod/errors.ts": ["ffi/errno.ts"] })), [
    "mod/errors.ts: must not import ffi/errno.ts: mod/errors.ts stands alone",
  ]);
});

Deno.test("findWrongDirections() reports a script imported by the program", () => {
  deepStrictEqual(
    findWrongDirections(graphOf({ "mod/cli/commands/run.ts": ["scripts/native.ts"] })),
    [
      "mod/cli/commands/run.ts: must not import scripts/native.ts: scripts and tests are no part of the program",
    ],
  );
});

Deno.test("findWrongDirections() accepts a script imported by a test", () => {
  deepStrictEqual(
    findWrongDirections(graphOf({ "mod/cli/commands/run_test.ts": ["scripts/native.ts"] })),
    [],
  );
});

Deno.test("findWrongDirections() reports a file outside all rooms", () => {
  deepStrictEqual(findWrongDirections(graphOf({ "mod/misc/helper.ts": [] })), [
    "mod/misc/helper.ts: is in no room of ARCHITECTURE.md",
  ]);
});

Deno.test("findOutsideImports() reports a module that is not on the room's list", () => {
  deepStrictEqual(findOutsideImports(graphOf({ "mod/store/lock.ts": ["await node:zlib"] })), [
    "mod/store/lock.ts: must not import node:zlib: it is not on its room's list",
  ]);
});

Deno.test("findOutsideImports() reports a listed module that is imported statically", () => {
  deepStrictEqual(findOutsideImports(graphOf({ "mod/image/gzip.ts": ["node:zlib"] })), [
    "mod/image/gzip.ts: must not import node:zlib statically: use await import()",
  ]);
});

Deno.test("findOutsideImports() accepts a listed module that is imported on demand", () => {
  deepStrictEqual(findOutsideImports(graphOf({ "mod/image/gzip.ts": ["await node:zlib"] })), []);
});

Deno.test("findOutsideImports() accepts node: modules in tests", () => {
  deepStrictEqual(findOutsideImports(graphOf({ "mod/store/lock_test.ts": ["node:assert"] })), []);
});

Deno.test("findOutsideImports() reports packages even in tests", () => {
  deepStrictEqual(findOutsideImports(graphOf({ "tests/run_test.ts": ["npm:left-pad"] })), [
    "tests/run_test.ts: must not import npm:left-pad: it is not on its room's list",
  ]);
});

Deno.test("findCycles() reports a circle once, whichever file it is entered by", () => {
  const graph = graphOf({
    "main.ts": ["c.ts", "a.ts"],
    "c.ts": ["a.ts"],
    "a.ts": ["b.ts"],
    "b.ts": ["type c.ts"],
  });

  deepStrictEqual(findCycles(graph), ["import cycle: a.ts -> b.ts -> c.ts -> a.ts"]);
});

Deno.test("findCycles() reports a file that imports itself", () => {
  deepStrictEqual(findCycles(graphOf({ "a.ts": ["a.ts"] })), ["import cycle: a.ts -> a.ts"]);
});

Deno.test("findCycles() accepts two ways to one file", () => {
  const graph = graphOf({
    "a.ts": ["b.ts", "c.ts"],
    "b.ts": ["d.ts"],
    "c.ts": ["d.ts"],
    "d.ts": [],
  });

  deepStrictEqual(findCycles(graph), []);
});

Deno.test("findHotNodeImports() reports a node: module with the chain that loads it", () => {
  const graph = graphOf({ "main.ts": ["a.ts"], "a.ts": ["node:path"] });

  deepStrictEqual(findHotNodeImports(graph, ["main.ts"]), [
    "a.ts: loads node:path on the hot path: main.ts -> a.ts -> node:path",
  ]);
});

Deno.test("findHotNodeImports() accepts a node: module behind a dynamic import", () => {
  const graph = graphOf({ "main.ts": ["await a.ts"], "a.ts": ["node:path"] });

  deepStrictEqual(findHotNodeImports(graph, ["main.ts"]), []);
});

Deno.test("findHotNodeImports() starts at every entry", () => {
  const graph = graphOf({ "main.ts": ["await a.ts"], "a.ts": ["node:path"] });

  deepStrictEqual(findHotNodeImports(graph, ["main.ts", "a.ts"]), [
    "a.ts: loads node:path on the hot path: a.ts -> node:path",
  ]);
});

Deno.test("findHotNodeImports() reports an entry that does not exist", () => {
  deepStrictEqual(findHotNodeImports(graphOf({}), ["main.ts"]), [
    "main.ts: is on the list of hot commands, but does not exist",
  ]);
});

Deno.test("parseGraph() tells type, dynamic and plain imports apart", () => {
  const modules = [{
    specifier: "file:///p/main.ts",
    dependencies: [
      { specifier: "./a.ts", code: { specifier: "file:///p/a.ts" } },
      { specifier: "./b.ts", type: { specifier: "file:///p/b.ts" } },
      { specifier: "node:zlib", code: { specifier: "node:zlib" }, isDynamic: true },
    ],
  }];

  deepStrictEqual(
    parseGraph({ modules }, "file:///p/").get("main.ts"),
    [
      { specifier: "./a.ts", target: "a.ts", isDynamic: false, isTypeOnly: false },
      { specifier: "./b.ts", target: "b.ts", isDynamic: false, isTypeOnly: true },
      { specifier: "node:zlib", target: "node:zlib", isDynamic: true, isTypeOnly: false },
    ],
  );
});

Deno.test("parseGraph() throws when a file is missing", () => {
  const modules = [{ specifier: "file:///p/a.ts", error: "Module not found" }];

  throws(() => parseGraph({ modules }, "file:///p/"), {
    name: "SyntaxError",
    message: 'Cannot read "a.ts": Module not found',
  });
});
