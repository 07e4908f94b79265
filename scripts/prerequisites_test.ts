import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hasPrerequisite, planInstall } from "./prerequisites.ts";

const NOTHING = (): boolean => false;
const EVERYTHING = (): boolean => true;

Deno.test("hasPrerequisite() is true when one place of each file exists", () => {
  const there = ["/usr/bin/gcc", "/usr/include/stdint.h"];

  strictEqual(hasPrerequisite("compiler", (path) => there.includes(path)), true);
});

Deno.test("hasPrerequisite() is false when one file of several is missing", () => {
  strictEqual(hasPrerequisite("compiler", (path) => path === "/usr/bin/gcc"), false);
});

Deno.test("planInstall() is undefined when nothing is missing", () => {
  strictEqual(planInstall(["compiler", "busybox"], EVERYTHING), undefined);
});

Deno.test("planInstall() names packages, reasons and the command when something is missing", () => {
  deepStrictEqual(planInstall(["compiler", "busybox"], NOTHING), {
    missing: ["compiler", "busybox"],
    reasons: [
      "gcc and libc6-dev: needed to compile native/",
      "busybox-static: needed to make the busybox image",
    ],
    command: [
      "apt-get",
      "install",
      "-y",
      "--no-install-recommends",
      "gcc",
      "libc6-dev",
      "busybox-static",
    ],
  });
});

Deno.test("planInstall() leaves out what is there", () => {
  const plan = planInstall(["compiler", "busybox"], (path) => path === "/bin/busybox");

  deepStrictEqual(plan?.missing, ["compiler"]);
});
