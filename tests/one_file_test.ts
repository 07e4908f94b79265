/**
 * The executable file as such: what `native/launcher.c` promises, whatever the program in it does.
 *
 * A file is packed with a script that reports how it was started.
 */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { packProgram } from "../scripts/pack.ts";
import { buildNative } from "../scripts/native.ts";
import { PROJECT_ROOT } from "../scripts/build.ts";
import type { Result } from "./harness.ts";
import { run, shell as runShell, shellWithMounts as runShellWithMounts } from "./shell.ts";

/** What the packed script prints. */
interface Report {
  label: string;
  args: string[];
  env: Record<string, string>;
  executable: string;
  directory: string;
  abi: number;
  monitorMagic: number[];
  isMonitorSealed: boolean;
}

const SCRIPT = `
function isSealed(fd) {
  try {
    Deno.openSync("/proc/self/fd/" + fd, { write: true }).writeSync(new Uint8Array(1));
    return false;
  } catch {
    return true;
  }
}
function report() {
  const path = (name) => "/proc/self/fd/" + Deno.env.get(name);
  const symbols = { wherry_abi: { parameters: [], result: "i32" } };
  let directory;
  try { directory = Deno.cwd(); } catch (error) { directory = error.name; }
  return {
    label: LABEL,
    args: Deno.args,
    env: Deno.env.toObject(),
    executable: Deno.execPath(),
    directory,
    abi: Deno.dlopen(path("WHERRY_LIBRARY_FD"), symbols).symbols.wherry_abi(),
    monitorMagic: [...Deno.readFileSync(path("WHERRY_MONITOR_FD")).subarray(0, 4)],
    isMonitorSealed: isSealed(Deno.env.get("WHERRY_MONITOR_FD")),
  };
}
if (Deno.args[0] === "count") console.log(Deno.args.length);
else if (Deno.args[0] === "wait") { console.log("started"); setTimeout(() => {}, 60_000); }
else if (Deno.args[0] === "execute") {
  const { stdout } = new Deno.Command(Deno.args[1], { args: Deno.args.slice(2) }).outputSync();
  Deno.stdout.writeSync(stdout);
} else if (Deno.args[0] === "rm" && !globalThis.hasBegun) {
  globalThis.hasBegun = true;
  Deno.removeSync(Deno.execPath());
  wherryStartOver();
} else console.log(JSON.stringify(report()));
`;

/** Where members of the trailer stand, in bytes from the end of the file. */
const BASE_FROM_END = 280 - 208;
const BUNDLE_FROM_END = 280 - 32;
const MAIN_MODULE_SIZE_FROM_END = 280 - 24;

const directory = await Deno.makeTempDir({ prefix: "wherry-one-file-" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

/** Packs the reporting script. */
async function packReporter(label: string): Promise<string> {
  const path = `${directory}/${label}`;
  const script = new TextEncoder().encode(SCRIPT.replace("LABEL", JSON.stringify(label)));
  await packProgram(path, {
    hotScript: script,
    script,
    library: await Deno.readFile(`${PROJECT_ROOT}native/build/libwherry.so`),
    monitor: await Deno.readFile(`${PROJECT_ROOT}native/build/wherry-monitor`),
  });
  return path;
}

await buildNative();
const program = await packReporter("first");

/** Runs a line of shell in which $P is the packed program. */
async function shell(line: string, env: Record<string, string> = {}): Promise<Result> {
  return await runShell(line, { P: program, ...env });
}

/** The same in a mount namespace of its own. */
async function shellWithMounts(line: string): Promise<Result> {
  return await runShellWithMounts(line, { P: program });
}

function parseReport(result: Result): Report {
  strictEqual(result.stderr, "");
  strictEqual(result.code, 0);
  return JSON.parse(result.stdout);
}

/** A copy of the program whose bytes can be damaged. */
async function copyProgram(name: string): Promise<string> {
  const path = `${directory}/${name}`;
  await Deno.copyFile(program, path);
  return path;
}

function failsWith(result: Result, message: RegExp): void {
  match(result.stderr, message);
  strictEqual(result.stderr.split("\n").length, 2, "one line");
  strictEqual(result.stdout, "");
  strictEqual(result.code, 125);
}

Deno.test("it starts with an empty environment", async () => {
  strictEqual(parseReport(await run(program)).label, "first");
});

Deno.test("it finds its library and its sealed monitor in itself", async () => {
  const { abi, monitorMagic, isMonitorSealed } = parseReport(await run(program));
  deepStrictEqual({ abi, monitorMagic, isMonitorSealed }, {
    abi: 1,
    monitorMagic: [0x7f, 0x45, 0x4c, 0x46],
    isMonitorSealed: true,
  });
});

Deno.test("it sees itself as the program that runs", async () => {
  strictEqual(parseReport(await run(program)).executable, program);
});

Deno.test("it hands on arguments that look like deno's own options", async () => {
  const args = ["--help", "-it", "-A", "--", "--version", "", "--v8-flags=--help", "ä\n"];
  deepStrictEqual(parseReport(await run(program, args)).args, args);
});

Deno.test("it hands on 60,000 arguments", async () => {
  const { stdout } = await shell(`exec $P count $(seq 59999)`);
  strictEqual(stdout, "60000\n");
});

Deno.test("it starts whatever name it is called by", async () => {
  for (const name of ["node", "", "-bash", "deno"]) {
    const { code, stdout } = await shell(`exec -a '${name}' $P count x`);
    deepStrictEqual({ name, code, stdout }, { name, code: 0, stdout: "2\n" });
  }
});

Deno.test("it starts from a copy under another name and through a symbolic link", async () => {
  const copy = await copyProgram("other name");
  await Deno.symlink(copy, `${directory}/link`);
  strictEqual(parseReport(await run(copy)).label, "first");
  strictEqual(parseReport(await run(`${directory}/link`)).executable, copy);
});

Deno.test("it begins again with the whole program when its file has been deleted meanwhile", async () => {
  const copy = await copyProgram("deleted");
  strictEqual(parseReport(await run(copy, ["rm"])).label, "first");
});

Deno.test("what it executes inherits neither its file nor the memory of its parts", async () => {
  const { stdout } = await run(program, ["execute", "/bin/ls", "-l", "/proc/self/fd"]);
  const targets = [...stdout.matchAll(/ -> (.*)/g)].map(([, target]) => target);
  ok(targets.length > 3, stdout);
  deepStrictEqual(targets.filter((target) => target === program || target?.includes("memfd")), []);
});

Deno.test("two builds run side by side", async () => {
  const second = await packReporter("second");
  const [a, b] = (await Promise.all([run(program), run(second)])).map(parseReport);
  deepStrictEqual([a?.label, b?.label], ["first", "second"]);
  notStrictEqual(a?.env["WHERRY_BUILD"], b?.env["WHERRY_BUILD"]);
});

Deno.test("no variable that deno, node, V8, Rust, ld.so or malloc look at changes anything", async () => {
  const result = await run(program, ["x"], {
    env: {
      COMPLETE: "bash",
      DENO_DIR: "/nowhere",
      DENO_V8_FLAGS: "--help",
      DENO_CERT: "/nowhere",
      DENO_AUTH_TOKENS: "x",
      DENO_JOBS: "x",
      NODE_OPTIONS: "--help",
      NODE_CHANNEL_FD: "1",
      NODE_V8_COVERAGE: "/nowhere",
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "console",
      NPM_CONFIG_REGISTRY: "nonsense",
      npm_config_registry: "nonsense",
      JSR_URL: "nonsense",
      RUST_LOG: "trace",
      RUST_BACKTRACE: "full",
      RUST_MIN_STACK: "1",
      TOKIO_WORKER_THREADS: "0",
      LD_PRELOAD: "/nowhere.so",
      LD_LIBRARY_PATH: "/nowhere",
      LD_DEBUG: "all",
      LD_TRACE_LOADED_OBJECTS: "1",
      GLIBC_TUNABLES: "glibc.malloc.check=3",
      MALLOC_PERTURB_: "1",
      V8_FLAGS: "--help",
    },
  });
  deepStrictEqual(parseReport(result).args, ["x"]);
});

Deno.test("variables that it takes away come back under another name", async () => {
  const { env } = parseReport(
    await run(program, [], {
      env: { NODE_OPTIONS: "a=b", HOME: "/home/x", LD_PRELOAD: "", PATH: "/p", NO_COLOR: "1" },
    }),
  );
  deepStrictEqual(
    Object.fromEntries(
      Object.entries(env).filter(([name]) =>
        name.startsWith("WHERRY_CALLER_") || name === "PATH" || name === "NO_COLOR"
      ),
    ),
    {
      "WHERRY_CALLER_NODE_OPTIONS": "a=b",
      "WHERRY_CALLER_HOME": "/home/x",
      "WHERRY_CALLER_LD_PRELOAD": "",
      "PATH": "/p",
      "NO_COLOR": "1",
    },
  );
});

Deno.test("a caller cannot set the variables that it sets", async () => {
  const { env, abi } = parseReport(
    await run(program, [], {
      env: {
        WHERRY_BUILD: "x",
        WHERRY_BUNDLE_FD: "0",
        WHERRY_BUNDLE_OFFSET: "0",
        WHERRY_CALLER_HOME: "/x",
        WHERRY_LIBRARY_FD: "0",
      },
    }),
  );
  match(env["WHERRY_BUILD"] ?? "", /^[0-9a-f]{16}$/);
  strictEqual(env["WHERRY_CALLER_HOME"], undefined);
  strictEqual(abi, 1);
});

Deno.test("it says which soft limit of open files the caller had", async () => {
  const { env } = parseReport(await shell("ulimit -Sn 1000; exec $P"));
  strictEqual(env["WHERRY_OPEN_FILES"], "1000");
});

Deno.test("broken configuration files in the home and the current directory change nothing", async () => {
  const cwd = await Deno.makeTempDir({ dir: directory });
  for (const name of [".npmrc", "deno.json", "package.json", "deno.lock", ".env"]) {
    await Deno.writeFile(`${cwd}/${name}`, new Uint8Array([0xff, 0x00, 0x7b]));
  }
  strictEqual(parseReport(await run(program, [], { cwd, env: { HOME: cwd } })).directory, cwd);
});

Deno.test("it starts in a directory that has been deleted", async () => {
  const { directory: found } = parseReport(
    await shell("cd $(mktemp -d) && rmdir $PWD && exec $P"),
  );
  match(found, /^\/proc\/\d+\/fdinfo$/);
});

Deno.test("it starts with standard streams closed, and nothing takes their place", async () => {
  strictEqual(parseReport(await shell("exec $P <&-")).label, "first");
  strictEqual((await shell("exec $P >&-")).code, 0);
  deepStrictEqual(await shell("$P <&- >&- 2>&-; echo $?"), {
    code: 0,
    stdout: "0\n",
    stderr: "",
  });
});

Deno.test("it starts with many descriptors of the caller's open", async () => {
  const result = await shell('for i in $(seq 10 900); do eval "exec $i</dev/null"; done; exec $P');
  strictEqual(parseReport(result).label, "first");
});

Deno.test("it starts with a small stack limit", async () => {
  strictEqual(parseReport(await shell("ulimit -s 256; exec $P")).label, "first");
});

Deno.test("it starts for a user who is not root and writes nothing", async () => {
  await Deno.chmod(directory, 0o755);
  const { env } = parseReport(
    await shell("cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups $P"),
  );
  strictEqual(env["DENO_DIR"], "/proc/none");
});

Deno.test("it keeps V8's code cache where only root can enter", async () => {
  const { stdout } = await shellWithMounts(
    "mount -t tmpfs none /run && mkdir -m 711 /run/wherry && $P >/dev/null && stat -c %a:%u /run/wherry/cache",
  );
  strictEqual(stdout, "700:0\n");
});

/**
 * Lines of shell that start the real program in a run directory of its own; $C is its code cache then. Nobody has a
 * snapshot written, because somebody seems to be doing it: each process is one of deno's own start.
 */
const WITH_FRESH_CACHE = "mount -t tmpfs none /run && " +
  `W="${PROJECT_ROOT}dist/wherry --root /run/root" && B=$($W version | sed -n "s/ Build: *//p") && ` +
  "mkdir -m 711 /run/wherry && (umask 077 && mkdir -p /run/wherry/cache/$B && " +
  "touch /run/wherry/cache/$B/snapshot.attempt) && C=/run/wherry/cache/$B/v8_code_cache_v2 && ";

Deno.test("it starts with the code cache of each use that it carries, and V8 takes it", async () => {
  // Together they evaluate both scripts under each of their names
  const uses = [
    "import --help",
    "inspect --help",
    "images --help",
    "network --help",
    "version",
    "exec --help",
    "ps --help",
    "run --help",
    "run --network none --help",
  ];
  const { stdout } = await shellWithMounts(
    `${WITH_FRESH_CACHE} for use in ${
      uses.map((use) => `"${use}"`).join(" ")
    }; do $W $use >/dev/null || exit; done; stat -c %s $C $C-wal`,
  );
  const [carried = 0, written = Infinity] = stdout.trim().split("\n").map(Number);
  // A cache that V8 refuses is written anew: the hot script alone makes 200 KB
  ok(carried > 1_000_000, `${carried} bytes were carried`);
  ok(written < 100_000, `${written} bytes were written`);
});

Deno.test("it starts many times at once where there is no code cache yet", async () => {
  const { stdout, stderr, code } = await shellWithMounts(
    `${WITH_FRESH_CACHE} for i in 1 2 3 4 5 6 7 8; do $W ps -q & done; wait; stat -c %a $C; ` +
      "ls -A /run/wherry/cache/* | grep -c code_cache",
  );
  deepStrictEqual([stdout, stderr, code], ["600\n3\n", "", 0]);
});

Deno.test("it uses no cache directory that somebody else could have prepared", async () => {
  for (const preparation of ["chown 65534 /run/wherry", "chmod 777 /run/wherry"]) {
    const { env } = parseReport(
      await shellWithMounts(
        `mount -t tmpfs none /run && mkdir /run/wherry && ${preparation} && exec $P`,
      ),
    );
    strictEqual(env["DENO_DIR"], "/proc/none", preparation);
  }
});

Deno.test("it starts when every file system is read-only", async () => {
  const line = "for m in / /tmp /run /dev/shm; do mount --bind $m $m 2>/dev/null; " +
    "mount -o remount,bind,ro $m; done; cd /; touch /tmp/x 2>/dev/null && exit 1; exec $P";
  strictEqual(parseReport(await shellWithMounts(line)).label, "first");
});

Deno.test("it leaves nothing behind when it is killed", async () => {
  const { stdout } = await shellWithMounts(
    "for m in /run /dev/shm /var/tmp; do mount -t tmpfs none $m; done; mkdir /run/t; mkfifo /run/f; " +
      "TMPDIR=/run/t $P wait >/run/f & read started </run/f; kill -9 $!; wait $! 2>/dev/null; " +
      "echo $started; find /run/t /dev/shm /var/tmp -mindepth 1",
  );
  strictEqual(stdout, "started\n");
});

Deno.test("it runs on a host without a C library", async () => {
  const { label, env } = parseReport(
    await shellWithMounts(
      "mount -t tmpfs none /run && mount --bind /run /usr/lib && exec $P",
    ),
  );
  strictEqual(label, "first");
  match(env["LD_PRELOAD"] ?? "", /^\/proc\/self\/fd\/\d+(:\/proc\/self\/fd\/\d+){5}$/);
});

Deno.test("it uses the host's C library when that is recent enough", async () => {
  strictEqual(parseReport(await run(program)).env["LD_PRELOAD"], undefined);
});

Deno.test("it starts when the address that deno was relocated for is taken", async () => {
  const path = await copyProgram("elsewhere");
  using file = await Deno.open(path, { write: true });
  await file.seek(-BASE_FROM_END, Deno.SeekMode.End);
  await file.write(new Uint8Array([0, 0, 0, 0, 0, 0x80, 0xff, 0xff]));
  file.close();
  strictEqual(parseReport(await run(path)).label, "first");
});

Deno.test("a truncated file is refused", async () => {
  const path = await copyProgram("truncated");
  await Deno.truncate(path, 50_000_000);
  failsWith(await run(path), /^wherry: Cannot start wherry: its file is damaged: the trailer/);
});

Deno.test("a file with something appended is refused", async () => {
  const path = await copyProgram("appended");
  await Deno.writeFile(path, new Uint8Array(10), { append: true });
  failsWith(await run(path), /^wherry: Cannot start wherry: its file is damaged/);
});

Deno.test("a file whose trailer points outside it is refused", async () => {
  const path = await copyProgram("outside");
  using file = await Deno.open(path, { write: true });
  await file.seek(-MAIN_MODULE_SIZE_FROM_END, Deno.SeekMode.End);
  await file.write(new Uint8Array(8).fill(0xff));
  file.close();
  failsWith(await run(path), /its file is damaged: a section is not inside it$/m);
});

Deno.test("a file whose bundle ends too early is refused", async () => {
  const path = await copyProgram("no bundle");
  using file = await Deno.open(path, { write: true });
  const size = await file.seek(-BUNDLE_FROM_END, Deno.SeekMode.End) + BUNDLE_FROM_END;
  const lastSection = BigInt(size - 272) & ~0xffffn;
  await file.write(new Uint8Array(new BigUint64Array([lastSection, 0n]).buffer));
  file.close();
  failsWith(await run(path), /its file is damaged: the bundle ends too early$/m);
});

Deno.test("it says so when /proc is missing", async () => {
  failsWith(await shellWithMounts("umount -l /proc; exec $P"), /: \/proc is not mounted \(/);
});

Deno.test("it refuses to run set-user-ID", async () => {
  const path = await copyProgram("set-user-id");
  await Deno.chmod(path, 0o4755);
  const user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  failsWith(await shell(`cd / && exec ${user} ${path}`), /its file must not be set-user-ID/);
});

Deno.test("dist/wherry prints its version when a user who is not root starts a copy of it", async () => {
  const copy = `${directory}/copy of wherry`;
  await Deno.copyFile(`${PROJECT_ROOT}dist/wherry`, copy);
  const user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  const result = await shell(`cd / && exec env -i ${user} "${copy}" version`);
  match(result.stdout, /Version: /);
  deepStrictEqual([result.code, result.stderr], [0, ""]);
});
