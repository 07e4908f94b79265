import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import { checkLimit, checkSubordinateIds } from "./doctor_limits.ts";

const LIMIT = { feature: "files", sysctl: "fs/file-max", enough: 100, consequence: "It fails" };

Deno.test("checkLimit() compares with what is enough", () => {
  const findings = ["100", "99", "9223372036854775807"].map((text) =>
    checkLimit(fakeHostFiles({ "/proc/sys/fs/file-max": `${text}\n` }), LIMIT)
  );

  deepStrictEqual(findings.map(({ state }) => state), ["ok", "limited", "ok"]);
  strictEqual(findings[1]?.remedy, "sysctl -w fs.file-max=100");
});

Deno.test("checkLimit() is content with a kernel that has no such limit", () => {
  strictEqual(checkLimit(fakeHostFiles({}), LIMIT).state, "ok");
});

Deno.test("checkSubordinateIds() wants the same in both files, or nothing", () => {
  const both = { "/etc/subuid": "containers:1:65536\n", "/etc/subgid": "containers:1:65536\n" };
  const others = { "/etc/subuid": "ann:1:65536\n" };

  const states = [{}, others, both, { ...both, "/etc/subgid": "" }]
    .map((texts) => checkSubordinateIds(fakeHostFiles(texts)).state);

  deepStrictEqual(states, ["ok", "ok", "ok", "limited"]);
});

Deno.test("checkSubordinateIds() prefers the ids that are wherry's own", () => {
  const text = "containers:1:65536\nwherry:100000:131072\nwherry:300000:65536\n";
  const files = fakeHostFiles({ "/etc/subuid": text, "/etc/subgid": text });

  strictEqual(
    checkSubordinateIds(files).detail,
    '196608 set aside for "wherry" in /etc/subuid and /etc/subgid',
  );
});
