import { deepStrictEqual, throws } from "node:assert/strict";
import { parseRegistryConfig, readRegistryConfig } from "./registry_config.ts";

Deno.test("parseRegistryConfig() reads what is documented", () => {
  const config = parseRegistryConfig({
    registries: {
      "docker.io": { mirrors: ["https://mirror.example/proxied"] },
      "registry.lan:5000": { insecure: true, ca: "/path.pem" },
    },
  }, "f");

  deepStrictEqual(config.get("docker.io"), {
    mirrors: [new URL("https://mirror.example/proxied")],
  });
  deepStrictEqual(config.get("registry.lan:5000"), {
    mirrors: [],
    insecure: true,
    ca: "/path.pem",
  });
});

const MALFORMED: readonly [unknown, string][] = [
  [[], "it is not an object"],
  [{ registry: {} }, '"registry" is not known'],
  [{ registries: [] }, "registries is not an object"],
  [{ registries: { a: { insecur: true } } }, 'of "a", "insecur" is not known'],
  [{ registries: { a: { insecure: "yes" } } }, 'of "a", insecure is not a boolean'],
  [{ registries: { a: { ca: "ca.pem" } } }, 'of "a", ca is not an absolute path'],
  [{ registries: { a: { mirrors: "b" } } }, 'of "a", mirrors is not a list'],
  [{ registries: { a: { mirrors: ["b"] } } }, 'of "a", "b" is not the address of a mirror'],
  [
    { registries: { a: { mirrors: ["https://u:p@b"] } } },
    'of "a", "https://u:p@b" is not the address of a mirror',
  ],
];

for (const [json, state] of MALFORMED) {
  Deno.test(`parseRegistryConfig() refuses ${JSON.stringify(json)}`, () => {
    throws(() => parseRegistryConfig(json, "f"), {
      kind: "invalid_argument",
      message: `Cannot read "f": ${state}`,
    });
  });
}

Deno.test("readRegistryConfig() takes a missing file for an empty one", () => {
  deepStrictEqual(readRegistryConfig("/nonexistent/registries.json"), new Map());
});
