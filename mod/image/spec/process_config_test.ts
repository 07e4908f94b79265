import { deepStrictEqual } from "node:assert/strict";
import { parseImageConfig, type ProcessDefaults } from "./oci.ts";
import { formatProcessConfig } from "./process_config.ts";

/** What an image with `config` says about its process. */
function defaultsOf(config: unknown): ProcessDefaults {
  return parseImageConfig({ rootfs: { "diff_ids": [] }, config }).process;
}

Deno.test("formatProcessConfig() writes what was read", () => {
  const config = {
    "User": "5:6",
    "Env": ["A=1"],
    "Entrypoint": ["/init"],
    "Cmd": ["run"],
    "WorkingDir": "/srv",
    "ExposedPorts": { "80/tcp": {} },
    "Volumes": { "/data": {} },
    "Labels": { a: "1" },
    "StopSignal": "SIGQUIT",
    "Healthcheck": {
      "Test": ["CMD", "true"],
      "Interval": 30_000_000_000,
      "Timeout": 1_500_000_000,
      "StartPeriod": 1_000_000,
      "StartInterval": 2_000_000,
      "Retries": 3,
    },
    "Shell": ["/bin/bash", "-c"],
  };

  deepStrictEqual(formatProcessConfig(defaultsOf(config)), config);
});

Deno.test("formatProcessConfig() leaves out what is empty", () => {
  deepStrictEqual(formatProcessConfig(defaultsOf({ "Env": [], "User": "", "Labels": {} })), {});
});
