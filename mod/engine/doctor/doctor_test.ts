import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import { examineHost } from "./doctor.ts";
import { Engine } from "../base/engine.ts";

const ENGINE = new Engine({ root: "/nowhere/root", runRoot: "/nowhere/run" });

Deno.test("examineHost() finds that containers can run here, and makes no directories", async () => {
  const { canRun } = await examineHost(ENGINE);

  strictEqual(canRun, true);
  strictEqual(Array.from(Deno.readDirSync("/")).some(({ name }) => name === "nowhere"), false);
});

Deno.test("examineHost() finds that nothing runs on a host that has nothing", async () => {
  const { canRun, parts } = await examineHost(ENGINE, fakeHostFiles({}));

  strictEqual(canRun, false);
  const fatal = parts.flatMap(({ findings }) => findings).filter(({ isFatal }) => isFatal);
  deepStrictEqual(
    fatal.map(({ feature }) => feature).filter((feature) => feature.endsWith("namespaces")),
    ["mnt namespaces", "pid namespaces", "uts namespaces", "ipc namespaces"],
  );
});
