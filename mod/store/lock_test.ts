import { strictEqual } from "node:assert/strict";
import { acquireLock, isLocked, tryAcquireLock } from "./lock.ts";

function lockPath(): string {
  return `${Deno.makeTempDirSync()}/lock`;
}

Deno.test("tryAcquireLock() fails while somebody holds the lock", () => {
  const path = lockPath();
  using _held = tryAcquireLock(path, { create: true });

  strictEqual(tryAcquireLock(path, { create: true }), undefined);
});

Deno.test("tryAcquireLock() succeeds once the lock was let go", () => {
  const path = lockPath();
  tryAcquireLock(path, { create: true })?.[Symbol.dispose]();

  using lock = tryAcquireLock(path, { create: true });

  strictEqual(lock === undefined, false);
});

Deno.test("tryAcquireLock() makes no file when it must not", () => {
  strictEqual(tryAcquireLock(lockPath(), { create: false }), undefined);
});

Deno.test("tryAcquireLock() does not wait for shared holders either", () => {
  const path = lockPath();
  using _shared = acquireLock(path, "shared");

  strictEqual(tryAcquireLock(path, { create: true }), undefined);
});

Deno.test("acquireLock() lets several share", () => {
  const path = lockPath();
  using _first = acquireLock(path, "shared");
  using second = acquireLock(path, "shared");

  strictEqual(second.number > 0, true);
});

Deno.test("isLocked() is true exactly while somebody holds the lock", () => {
  const path = lockPath();
  const before = isLocked(path);
  const lock = tryAcquireLock(path, { create: true });
  const during = isLocked(path);
  lock?.[Symbol.dispose]();

  strictEqual(`${before} ${during} ${isLocked(path)}`, "false true false");
});

Deno.test("isLocked() does not disturb who wants the lock", () => {
  const path = lockPath();
  tryAcquireLock(path, { create: true })?.[Symbol.dispose]();

  isLocked(path);
  using lock = tryAcquireLock(path, { create: false });

  strictEqual(lock === undefined, false);
});
