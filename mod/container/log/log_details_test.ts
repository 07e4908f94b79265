import { strictEqual } from "node:assert/strict";
import { DEFAULT_LOG } from "../record/config.ts";
import { formatLogDetails } from "./log_details.ts";

const LABELS = { app: "web", "com.x": 'a,b"< é', other: "1" };
const ENV = ["FOO=bar=baz", "PATH=/bin", "PORT=80"];

/** Of a container with {@linkcode LABELS} and {@linkcode ENV}. */
function detailsOf(options: Record<string, string>): string {
  return formatLogDetails({ log: { ...DEFAULT_LOG, options }, labels: LABELS, env: ENV });
}

Deno.test("formatLogDetails() is empty when no option asks for any", () => {
  strictEqual(formatLogDetails({ log: DEFAULT_LOG, labels: LABELS, env: ENV }), "");
  strictEqual(detailsOf({ "max-size": "1k", labels: "", env: "" }), "");
});

Deno.test("formatLogDetails() sorts labels and variables together", () => {
  strictEqual(detailsOf({ labels: "app,missing", env: "FOO" }), "FOO=bar%3Dbaz,app=web");
});

Deno.test("formatLogDetails() takes what a regular expression matches on top", () => {
  strictEqual(
    detailsOf({ labels: "app", "labels-regex": "^o", "env-regex": "^P" }),
    "PATH=%2Fbin,PORT=80,app=web,other=1",
  );
});

Deno.test("formatLogDetails() escapes as Go does in a query", () => {
  strictEqual(detailsOf({ labels: "com.x" }), "com.x=a%2Cb%22%3C+%C3%A9");
});
