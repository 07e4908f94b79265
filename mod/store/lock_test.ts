import { strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { acquireLock, isLocked, tryAcquireLock } from "./lock.ts";

Deno.test("tryAcquireLock() fails while somebody holds the lock", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  using _held = tryAcquireLock(path, { create: true });

  strictEqual(tryAcquireLock(path, { create: true }), undefined);
});

Deno.test("tryAcquireLock() succeeds once the lock was let go", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  tryAcquireLock(path, { create: true })?.[Symbol.dispose]();

  using lock = tryAcquireLock(path, { create: true });

  strictEqual(lock === undefined, false);
});

Deno.test("tryAcquireLock() makes no file when it must not", () => {
  using directory = new TemporaryDirectory();

  strictEqual(tryAcquireLock(directory.join("lock"), { create: false }), undefined);
});

Deno.test("tryAcquireLock() does not wait for shared holders either", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  using _shared = acquireLock(path, "shared");

  strictEqual(tryAcquireLock(path, { create: true }), undefined);
});

Deno.test("acquireLock() lets several share", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  using _first = acquireLock(path, "shared");
  using second = acquireLock(path, "shared");

  strictEqual(second.number > 0, true);
});

Deno.test("isLocked() is true exactly while somebody holds the lock", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  const before = isLocked(path);
  const lock = tryAcquireLock(path, { create: true });
  const during = isLocked(path);
  lock?.[Symbol.dispose]();

  strictEqual(`${before} ${during} ${isLocked(path)}`, "false true false");
});

Deno.test("isLocked() does not disturb who wants the lock", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lock");
  tryAcquireLock(path, { create: true })?.[Symbol.dispose]();

  isLocked(path);
  using lock = tryAcquireLock(path, { create: false });

  strictEqual(lock === undefined, false);
});
