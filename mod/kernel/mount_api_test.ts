import { strictEqual } from "node:assert/strict";
import { hasMountSetattr, hasOpenTree } from "./mount_api.ts";

Deno.test("hasOpenTree() and hasMountSetattr() find both on a kernel of Linux 5.12 or newer", () => {
  strictEqual(hasOpenTree(), true);
  strictEqual(hasMountSetattr(), true);
});
