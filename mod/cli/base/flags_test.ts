import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { type FlagSpec, type ParsedFlags, parseFlags } from "./flags.ts";

const RUN_FLAGS = [
  { name: "detach", short: "d", type: "boolean", help: "" },
  { name: "interactive", short: "i", type: "boolean", help: "" },
  { name: "tty", short: "t", type: "boolean", help: "" },
  { name: "rm", type: "boolean", help: "" },
  { name: "sig-proxy", type: "boolean", default: true, help: "" },
  { name: "name", type: "string", help: "" },
  { name: "network", aliases: ["net"], type: "list", help: "" },
  { name: "env", short: "e", type: "list", help: "" },
  { name: "hostname", short: "h", type: "string", help: "" },
  { name: "publish", short: "p", type: "list", help: "" },
  { name: "ip", type: "string", singleDashValue: /^\d+(\.\d+){3}(\/\d+)?$/, help: "" },
  { name: "memory", short: "m", aliases: ["mem"], type: "size", help: "" },
  { name: "cpu-shares", short: "c", aliases: ["cpushare"], type: "number", help: "" },
  { name: "cpus", type: "decimal", help: "" },
  { name: "cpuset-cpus", aliases: ["cpuset"], type: "string", help: "" },
  { name: "health-interval", type: "duration", help: "" },
] as const satisfies readonly FlagSpec[];

function parseRun(args: readonly string[]): ParsedFlags<typeof RUN_FLAGS> {
  return parseFlags(RUN_FLAGS, args, { interspersed: false, commandPath: "wherry run" });
}

const DEFAULTS = parseRun([]).flags;

Deno.test("parseFlags() gives false, empty lists and undefined for flags that are not given", () => {
  deepStrictEqual(DEFAULTS, {
    detach: false,
    interactive: false,
    tty: false,
    rm: false,
    "sig-proxy": true,
    name: undefined,
    network: [],
    env: [],
    hostname: undefined,
    publish: [],
    ip: undefined,
    memory: undefined,
    "cpu-shares": undefined,
    cpus: undefined,
    "cpuset-cpus": undefined,
    "health-interval": undefined,
  });
});

const ACCEPTED: [args: string[], flags: Partial<typeof DEFAULTS>, positionals: string[]][] = [
  [["--name", "x", "img"], { name: "x" }, ["img"]],
  [["--name=x", "img"], { name: "x" }, ["img"]],
  [["--name=", "img"], { name: "" }, ["img"]],
  [["--name", "--rm", "img"], { name: "--rm" }, ["img"]],
  [["--name", "a", "--name", "b"], { name: "b" }, []],
  [["-dit", "img"], { detach: true, interactive: true, tty: true }, ["img"]],
  [["-it"], { interactive: true, tty: true }, []],
  [["-ti"], { interactive: true, tty: true }, []],
  [["-d=false"], { detach: false }, []],
  [["-dit=false"], { detach: true, interactive: true, tty: false }, []],
  [["--rm=T"], { rm: true }, []],
  [["--rm=0"], { rm: false }, []],
  [["--rm", "false"], { rm: true }, ["false"]],
  [["--sig-proxy=false"], { "sig-proxy": false }, []],
  [["-eFOO=1", "-e", "BAR=2", "-e=BAZ=3", "--env", "Q"], {
    env: ["FOO=1", "BAR=2", "BAZ=3", "Q"],
  }, []],
  [["-e", "A=1,B=2"], { env: ["A=1,B=2"] }, []],
  [["-e="], { env: ["="] }, []],
  [["-ite", "A=1", "img"], { interactive: true, tty: true, env: ["A=1"] }, ["img"]],
  [["img", "-d", "--", "--name"], {}, ["img", "-d", "--", "--name"]],
  [["--", "-d", "--", "x"], {}, ["-d", "--", "x"]],
  [["-", "-d"], {}, ["-", "-d"]],
  [["", "-d"], {}, ["", "-d"]],
  [["--net", "a", "--network", "b"], { network: ["a", "b"] }, []],
  [["-name", "x"], { name: "x" }, []],
  [["-name=x"], { name: "x" }, []],
  [["-net", "n", "-mem", "64m", "-cpuset", "0-1", "-cpushare", "512"], {
    network: ["n"],
    memory: 67_108_864,
    "cpuset-cpus": "0-1",
    "cpu-shares": 512,
  }, []],
  [["-rm", "img"], { rm: true }, ["img"]],
  [["-ip", "10.0.0.2/24"], { ip: "10.0.0.2/24" }, []],
  [["-ip=10.0.0.2"], { ip: "10.0.0.2" }, []],
  [["-ip", "8080:80"], { interactive: true, publish: ["8080:80"] }, []],
  [["-m", "100m"], { memory: 104_857_600 }, []],
  [["-c", "0x10"], { "cpu-shares": 16 }, []],
  [["-c", "010"], { "cpu-shares": 8 }, []],
  [["-c", "-1"], { "cpu-shares": -1 }, []],
  [["--cpus", "1.5"], { cpus: 1.5 }, []],
  [["--health-interval", "1m30s"], { "health-interval": 90_000 }, []],
];

for (const [args, flags, positionals] of ACCEPTED) {
  Deno.test(`parseFlags() reads ${JSON.stringify(args)}`, () => {
    const parsed = parseRun(args);

    deepStrictEqual(parsed.flags, { ...DEFAULTS, ...flags });
    deepStrictEqual(parsed.positionals, positionals);
  });
}

const REFUSED: [args: string[], message: string][] = [
  [["--foo"], "unknown flag: --foo"],
  [["--foo=1"], "unknown flag: --foo"],
  [["-xyz"], "unknown shorthand flag: 'x' in -xyz"],
  [["-dxz"], "unknown shorthand flag: 'x' in -xz"],
  [["-d="], "unknown shorthand flag: '=' in -="],
  [["-é"], "unknown shorthand flag: 'é' in -é"],
  [["--name"], "flag needs an argument: --name"],
  [["-m"], "flag needs an argument: 'm' in -m"],
  [["-dm"], "flag needs an argument: 'm' in -m"],
  [["--=x"], "bad flag syntax: --=x"],
  [["---x"], "bad flag syntax: ---x"],
  [
    ["--rm=maybe"],
    'invalid argument "maybe" for "--rm" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  [
    ["-d=maybe"],
    'invalid argument "maybe" for "-d, --detach" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  [["-m", "x"], `invalid argument "x" for "-m, --memory" flag: invalid size: 'x'`],
  [["-m", "5x"], `invalid argument "5x" for "-m, --memory" flag: invalid suffix: 'x'`],
  [
    ["-c", "x"],
    'invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    ["-c", "99999999999999999999"],
    'invalid argument "99999999999999999999" for "-c, --cpu-shares" flag: ' +
    'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  [
    ["--cpus", "x"],
    'invalid argument "x" for "--cpus" flag: failed to parse x as a rational number',
  ],
  [
    ["--health-interval", "10"],
    'invalid argument "10" for "--health-interval" flag: time: missing unit in duration "10"',
  ],
];

for (const [args, message] of REFUSED) {
  Deno.test(`parseFlags() refuses ${JSON.stringify(args)} in docker's words`, () => {
    throws(() => parseRun(args), {
      name: "WherryError",
      kind: "invalid_argument",
      exitCode: 125,
      message,
    });
  });
}

Deno.test("parseFlags() points to the command's help when a flag is unknown", () => {
  throws(() => parseRun(["--foo"]), { hint: "See 'wherry run --help'" });
});

Deno.test("parseFlags() tells which flags were given, whatever their value", () => {
  const { given } = parseRun(["--rm=false", "-e", "A=1", "img", "-d"]);

  deepStrictEqual([...given], ["rm", "env"]);
});

Deno.test("parseFlags() accepts flags after positionals when interspersed", () => {
  const { flags, positionals } = parseFlags(RUN_FLAGS, ["a", "-d", "b", "--", "-t"], {
    interspersed: true,
  });

  strictEqual(flags.detach, true);
  deepStrictEqual(positionals, ["a", "b", "-t"]);
});

const HELP_REQUESTS: [args: string[], isHelp: boolean][] = [
  [["--help"], true],
  [["-help"], true],
  [["--rm", "--help", "img"], true],
  [["img", "--help"], false],
  [["-h", "host"], false],
];

for (const [args, isHelp] of HELP_REQUESTS) {
  Deno.test(`parseFlags() ${isHelp ? "sees" : "sees no"} call for help in ${args.join(" ")}`, () => {
    strictEqual(parseRun(args).isHelp, isHelp);
  });
}

Deno.test("parseFlags() takes -h for help when it is no flag of the command", () => {
  strictEqual(parseFlags([], ["-h"], { interspersed: true }).isHelp, true);
});

Deno.test("parseFlags() accepts 100000 positionals", () => {
  const args = ["img", ...Array.from({ length: 100_000 }, () => "x")];

  strictEqual(parseRun(args).positionals.length, 100_001);
});

/** A linear congruential generator, so that a failure can be repeated. */
function* pseudoRandom(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const PIECES = ["-", "--", "=", "d", "e", "m", "ip", "name", "rm", "1", "x", "é", " ", "\0", ""];

Deno.test("parseFlags() throws nothing but WherryError on random arguments", () => {
  const random = pseudoRandom(1);
  const pick = (limit: number): number => Math.floor(random.next().value * limit);

  for (let round = 0; round < 5000; round++) {
    const args = Array.from(
      { length: pick(5) },
      () => Array.from({ length: pick(5) }, () => PIECES[pick(PIECES.length)]).join(""),
    );
    try {
      parseRun(args);
    } catch (error) {
      strictEqual(error instanceof WherryError, true, `${JSON.stringify(args)}: ${error}`);
    }
  }
});
