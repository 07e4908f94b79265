import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { isPopulated, removeCgroup, removeEmptyCgroup } from "./cgroup.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "./proc.ts";

/** A cgroup of this test's own, in the hierarchy of the host. */
function makeCgroup(name: string): string {
  const mountPoint = findWritableCgroup2(
    findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
  );
  if (mountPoint === undefined) throw new Error("Cannot test: no cgroup2 file system is writable");
  const path = `${mountPoint}/wherry-test-${crypto.randomUUID()}-${name}`;
  Deno.mkdirSync(path);
  return path;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Starts a process in a cgroup. */
function startIn(cgroup: string): Deno.ChildProcess {
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  Deno.writeTextFileSync(`${cgroup}/cgroup.procs`, String(child.pid));
  return child;
}

Deno.test("removeCgroup() kills what runs in it and below", async () => {
  const path = makeCgroup("tree");
  Deno.mkdirSync(`${path}/below`);
  const children = [startIn(path), startIn(`${path}/below`)];

  removeCgroup(path);

  for (const child of children) strictEqual((await child.status).signal, "SIGKILL");
  strictEqual(exists(path), false);
});

Deno.test("removeCgroup() kills what is frozen", async () => {
  const path = makeCgroup("frozen");
  const child = startIn(path);
  Deno.writeTextFileSync(`${path}/cgroup.freeze`, "1");

  removeCgroup(path);

  strictEqual((await child.status).signal, "SIGKILL");
  strictEqual(exists(path), false);
});

Deno.test("removeCgroup() finds nothing to do when there is none", () => {
  const path = makeCgroup("gone");
  Deno.removeSync(path);

  removeCgroup(path);

  strictEqual(exists(path), false);
});

Deno.test("removeEmptyCgroup() leaves one with a process or a cgroup in it", async () => {
  const path = makeCgroup("used");
  Deno.mkdirSync(`${path}/below`);
  const child = startIn(`${path}/below`);

  const results = [isPopulated(path), removeEmptyCgroup(`${path}/below`), removeEmptyCgroup(path)];
  removeCgroup(`${path}/below`);
  await child.status;

  deepStrictEqual(results, [true, false, false]);
  deepStrictEqual([isPopulated(path), removeEmptyCgroup(path)], [false, true]);
  strictEqual(removeEmptyCgroup(path), false);
});
