import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type Demands, formatTally, isSuccess, needsMachine, parseReport } from "./test.ts";

const LENIENT: Demands = { isClean: true, requiresAll: false };

/** A report as `deno test --junit-path` writes it, with these test cases. */
function report(...cases: string[]): string {
  return `<?xml version="1.0"?><testsuites name="deno test">${cases.join("\n")}</testsuites>`;
}

Deno.test("parseReport() counts each outcome", () => {
  const xml = report(
    `<testcase name="a" line="1">\n</testcase>`,
    `<testcase name="b" line="1">\n<failure message="x">y</failure></testcase>`,
    `<testcase name="c" line="1">\n<skipped/></testcase>`,
  );

  deepStrictEqual(parseReport(xml), { passed: 1, failed: 1, ignored: 1 });
});

Deno.test("parseReport() counts a test with steps once", () => {
  const xml = report(
    `<testcase name="a" line="1"><failure message="1 test step failed">x</failure></testcase>`,
    `<testcase name="a &gt; step" line="1"><failure message="x">y</failure></testcase>`,
  );

  deepStrictEqual(parseReport(xml), { passed: 0, failed: 1, ignored: 0 });
});

Deno.test("parseReport() throws when the text is no report", () => {
  throws(() => parseReport("oops"), { name: "SyntaxError" });
});

Deno.test("isSuccess() is false when no test ran", () => {
  strictEqual(isSuccess({ passed: 0, failed: 0, ignored: 7 }, LENIENT), false);
});

Deno.test("isSuccess() is false when deno test failed without a failed test", () => {
  strictEqual(
    isSuccess({ passed: 3, failed: 0, ignored: 0 }, { ...LENIENT, isClean: false }),
    false,
  );
});

Deno.test("isSuccess() is true when tests ran and all held", () => {
  strictEqual(isSuccess({ passed: 3, failed: 0, ignored: 1 }, LENIENT), true);
});

Deno.test("isSuccess() is false when a test was left out and all are required", () => {
  const demands = { ...LENIENT, requiresAll: true };

  strictEqual(isSuccess({ passed: 3, failed: 0, ignored: 1 }, demands), false);
});

Deno.test("formatTally() writes the numbers after the name", () => {
  strictEqual(
    formatTally("unit", { passed: 120, failed: 0, ignored: 2 }),
    "unit: 120 passed, 0 failed",
  );
});

Deno.test("needsMachine() is true for tests of another kernel and of cgroup v2", () => {
  const names = ["lan_kernel_test.ts", "limits_v2_test.ts", "lan_test.ts", "v2_test.ts", "lan.ts"];

  deepStrictEqual(names.filter(needsMachine), ["lan_kernel_test.ts", "limits_v2_test.ts"]);
});
