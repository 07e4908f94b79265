import { strictEqual } from "node:assert/strict";
import { hasMountSetattr, hasOpenTree } from "./mount_api.ts";

Deno.test("hasOpenTree() and hasMountSetattr() find both on a kernel of Linux 5.12 or newer", () => {
  const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
  const isNew = major > 5 || minor >= 12;

  strictEqual(hasOpenTree(), true);
  strictEqual(hasMountSetattr(), isNew);
});
