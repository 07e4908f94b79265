import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseLogFlags } from "./log_flags.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("parseLogFlags() leaves the choice to the engine when nothing is given", () => {
  strictEqual(parseLogFlags(undefined, []), undefined);
});

const ACCEPTED: readonly [driver: string | undefined, options: string[], expected: unknown][] = [
  ["local", [], { driver: "local", maxBytes: 10 * MEBIBYTE, maxFiles: 3 }],
  ["k8s-file", [], { driver: "local", maxBytes: 10 * MEBIBYTE, maxFiles: 3 }],
  ["none", [], { driver: "none", maxBytes: 0, maxFiles: 1 }],
  ["json-file", ["max-size=10m"], {
    driver: "json-file",
    maxBytes: 10_000_000,
    maxFiles: 3,
    options: { "max-size": "10m" },
  }],
  [undefined, ["max-size=1.5k"], {
    driver: "local",
    maxBytes: 1500,
    maxFiles: 3,
    options: { "max-size": "1.5k" },
  }],
  [undefined, ["max-file=7"], {
    driver: "local",
    maxBytes: 10 * MEBIBYTE,
    maxFiles: 7,
    options: { "max-file": "7" },
  }],
  [undefined, ["max-size=-1"], {
    driver: "local",
    maxBytes: 0,
    maxFiles: 1,
    options: { "max-size": "-1" },
  }],
  [undefined, ["max-size=-1", "max-file=1"], {
    driver: "local",
    maxBytes: 0,
    maxFiles: 1,
    options: { "max-size": "-1", "max-file": "1" },
  }],
  ["local", ["max-size=1", "max-size=2"], {
    driver: "local",
    maxBytes: 2,
    maxFiles: 3,
    options: { "max-size": "2" },
  }],
  ["json-file", ["labels=a,b", "env-regex=^P"], {
    driver: "json-file",
    maxBytes: 10 * MEBIBYTE,
    maxFiles: 3,
    options: { labels: "a,b", "env-regex": "^P" },
  }],
];

for (const [driver, options, expected] of ACCEPTED) {
  Deno.test(`parseLogFlags() takes ${driver} with ${JSON.stringify(options)}`, () => {
    deepStrictEqual(parseLogFlags(driver, options), expected);
  });
}

const REFUSED: readonly [driver: string | undefined, options: string[], message: string][] = [
  ["syslog", [], "logger: no log driver named 'syslog' is registered"],
  ["json-file", ["frob=1"], "unknown log opt 'frob' for json-file log driver"],
  ["json-file", ["compress=true"], "unknown log opt 'compress' for json-file log driver"],
  ["json-file", ["labels-regex=["], "error parsing regexp: ["],
  ["none", ["max-size=1m"], "invalid logging opts for driver none"],
  ["local", ["max-size"], 'invalid logging option "max-size": it is not name=value'],
  ["local", ["max-size=0"], "max-size must be a positive number"],
  ["local", ["max-size=-5m"], "invalid size: '-5m'"],
  ["local", ["max-size=big"], "invalid size: 'big'"],
  ["local", ["max-size=1mm"], "invalid suffix: 'mm'"],
  ["local", ["max-file=0"], "max-file cannot be less than 1"],
  ["local", ["max-file=many"], "invalid value for max-file: many"],
  ["local", ["max-file=1001"], "max-file cannot be more than 1000"],
  ["local", ["max-size=-1", "max-file=2"], "max-file cannot be 2 when max-size is not set"],
];

for (const [driver, options, message] of REFUSED) {
  Deno.test(`parseLogFlags() refuses ${driver} with ${JSON.stringify(options)}`, () => {
    throws(() => parseLogFlags(driver, options), { name: "WherryError", message });
  });
}

Deno.test("parseLogFlags() has the exit code of a flag for what docker's client refuses alone", () => {
  throws(() => parseLogFlags("none", ["max-size=1m"]), { exitCode: 125 });
  throws(() => parseLogFlags("syslog", []), { exitCode: undefined });
});
