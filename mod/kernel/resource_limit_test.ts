import { strictEqual } from "node:assert/strict";
import { limitNumber, readHardLimits } from "./resource_limit.ts";

Deno.test("limitNumber() is the kernel's", () => {
  strictEqual(limitNumber("cpu"), 0);
  strictEqual(limitNumber("nofile"), 7);
  strictEqual(limitNumber("rttime"), 15);
});

Deno.test("limitNumber() is undefined for what is no limit", () => {
  strictEqual(limitNumber("NOFILE"), undefined);
});

const OPTIONS = { nofile: "-n", core: "-c", stack: "-s", cpu: "-t" } as const;
/** What the shell counts in. */
const UNITS = { nofile: 1n, core: 512n, stack: 1024n, cpu: 1n } as const;
for (const name of ["nofile", "core", "stack", "cpu"] as const) {
  Deno.test(`readHardLimits() knows ${name} as the shell does`, async () => {
    const command = new Deno.Command("sh", { args: ["-c", `ulimit -H ${OPTIONS[name]}`] });
    const text = new TextDecoder().decode((await command.output()).stdout).trim();

    const limit = readHardLimits()[limitNumber(name) ?? -1] ?? 0n;

    strictEqual(limit < 0n ? "unlimited" : String(limit / UNITS[name]), text);
  });
}
