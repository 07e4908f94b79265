import { deepStrictEqual } from "node:assert/strict";
import type { HealthCheck } from "./config.ts";
import { type HealthCheckResult, readHealthLog } from "./health_log.ts";

const CHECK: HealthCheck = {
  test: ["CMD", "true"],
  shell: ["/bin/sh", "-c"],
  intervalMs: 1000,
  timeoutMs: 90_500,
  startPeriodMs: 0,
  startIntervalMs: 1000,
  retries: 3,
  onFailure: "none",
};

const TIMES = "1763681025123456789 1763681026000000000";

function read(content: string): HealthCheckResult[] {
  const path = Deno.makeTempFileSync({ prefix: "wherry-health-" });
  try {
    Deno.writeTextFileSync(path, content);
    return readHealthLog(path, CHECK);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readHealthLog() reads what the monitor wrote", () => {
  deepStrictEqual(read(`${TIMES} 0 6f6b0a\n${TIMES} 7 \n`), [
    {
      startedAt: "2025-11-20T23:23:45.123456789Z",
      endedAt: "2025-11-20T23:23:46Z",
      exitCode: 0,
      output: "ok\n",
    },
    {
      startedAt: "2025-11-20T23:23:45.123456789Z",
      endedAt: "2025-11-20T23:23:46Z",
      exitCode: 7,
      output: "",
    },
  ]);
});

const ENDS: readonly [code: string, exitCode: number, output: string][] = [
  ["timeout ", -1, "Health check exceeded timeout (1m30.5s)"],
  ["timeout 6869", -1, "Health check exceeded timeout (1m30.5s): hi"],
  ["exec:2 ", -1, "Cannot start the check: exec: no such file or directory"],
  ["0 ff41", 0, "\ufffdA"],
];

for (const [code, exitCode, output] of ENDS) {
  Deno.test(`readHealthLog() understands "${code}"`, () => {
    const results = read(`${TIMES} ${code}\n`);

    deepStrictEqual(
      results.map((result) => [result.exitCode, result.output]),
      [[exitCode, output]],
    );
  });
}

Deno.test("readHealthLog() leaves out damaged lines", () => {
  deepStrictEqual(read(`torn\n${TIMES} 0 6\n${TIMES} 0 6f\n`).map(({ output }) => output), ["o"]);
});

Deno.test("readHealthLog() has nothing when there was no check yet", () => {
  deepStrictEqual(readHealthLog("/no/such/file", CHECK), []);
});
