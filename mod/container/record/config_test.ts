import { deepStrictEqual } from "node:assert/strict";
import { mergeEnv, processEnv } from "./config.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Deno.test("mergeEnv() takes the last value of a name, where the name came first", () => {
  deepStrictEqual(mergeEnv(["A=1", "B=2"], ["A=3", "C="]), ["A=3", "B=2", "C="]);
});

Deno.test("processEnv() puts PATH, HOSTNAME and TERM before the container's own", () => {
  const env = processEnv({ hostname: "box", env: ["A=1"] }, true);

  deepStrictEqual(env, [PATH, "HOSTNAME=box", "TERM=xterm", "A=1"]);
});

Deno.test("processEnv() lets the container's own entries win, and adds no TERM without a terminal", () => {
  const env = processEnv({ hostname: "box", env: ["PATH=/bin", "HOSTNAME=other"] }, false);

  deepStrictEqual(env, ["PATH=/bin", "HOSTNAME=other"]);
});
