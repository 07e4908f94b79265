import { deepStrictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { type HostTrust, readHostTrust } from "./trust.ts";

/** What is trusted about a host if these files are all there are. */
function trustIn(host: string, files: Readonly<Record<string, string>>): HostTrust {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("system"), "system");
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(directory.join(path.replace(/\/[^/]*$/, "")), { recursive: true });
    Deno.writeTextFileSync(directory.join(path), text);
  }
  return readHostTrust(host, {
    registries: new Map([["a.example", { ca: directory.join("system") }]]),
    authoritiesFile: directory.join("system"),
    certificatesDirectory: directory.path,
  });
}

Deno.test("readHostTrust() reads docker's directory of a registry", () => {
  const trust = trustIn("b.example:5000", {
    "b.example:5000/ca.crt": "ca",
    "b.example:5000/client.cert": "certificate",
    "b.example:5000/client.key": "key",
    "b.example:5000/README": "no",
    "other.example/ca.crt": "other",
  });

  deepStrictEqual(trust, {
    authorities: ["system", "ca"],
    identity: { certificate: "certificate", key: "key" },
  });
});

Deno.test("readHostTrust() knows a registry by its usual port, too", () => {
  deepStrictEqual(trustIn("b.example", { "b.example:443/ca.crt": "ca" }).authorities, [
    "system",
    "ca",
  ]);
});

Deno.test("readHostTrust() reads the authority that is configured", () => {
  deepStrictEqual(trustIn("a.example", {}).authorities, ["system", "system"]);
});

Deno.test("readHostTrust() refuses a certificate without its key", () => {
  throws(() => trustIn("b.example", { "b.example/client.cert": "certificate" }), {
    kind: "invalid_argument",
    message: /^Cannot use certificates of ".*\/client\.key": no such file$/,
  });
});

Deno.test("readHostTrust() does not choose between two certificates", () => {
  throws(() => trustIn("b.example", { "b.example/a.cert": "a", "b.example/b.cert": "b" }), {
    kind: "unsupported",
  });
});
