/** Attacks on the engine itself: its program, its descriptors, its processes, and who called it. @module */

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import { compileAttack, install, testAttack, type Victim } from "./attack.ts";
import { eventually, isAlive } from "./harness.ts";
import { Terminal } from "./terminal.ts";

/** How often an engine enters a container that waits for it; wherry takes longer for each time. */
const ENTRIES = { unprotected: 300, wherry: 15 } as const;

/** The command line with another program file at its beginning: a copy that may be lost. */
async function withCopyOfProgram(
  { wherry }: Victim,
  [program = "", ...words]: readonly string[],
): Promise<string[]> {
  const copy = `${wherry.scratch}/engine`;
  await wherry.runHost("cp", program, copy);
  return [copy, ...words];
}

/** What `overwrite_engine` writes. */
const OVERWRITTEN = "exit # overwritten\n";

/** What is at the beginning of a file. */
function readHead(path: string): string {
  using file = Deno.openSync(path);
  const head = new Uint8Array(OVERWRITTEN.length);
  file.readSync(head);
  return new TextDecoder().decode(head);
}

for (
  const [what, path, content] of [
    ["an exec", "/bin/true", undefined],
    ["an exec of #!/proc/self/exe", "/bin/evil", "#!/proc/self/exe\n"],
  ] as const
) {
  testAttack(
    `overwriting the engine by the /proc/PID/exe of ${what} (CVE-2019-5736)`,
    async (victim) => {
      await install(victim, "overwrite_engine");
      if (content !== undefined) {
        Deno.writeTextFileSync(victim.image + path, content, { mode: 0o755 });
      }
      await victim.start([], ["/overwrite_engine", "/bin/busybox"]);
      await eventually(() => victim.readOutput().includes("watching"));
      const argv = await withCopyOfProgram(victim, victim.execCommandLine([], [path]));
      const engine = argv[0] ?? "";
      const entries = ENTRIES[victim.isProtected ? "wherry" : "unprotected"];

      for (let i = 0; i < entries && readHead(engine) !== OVERWRITTEN; i++) {
        await victim.wherry.runCommand(argv, { redirect: "2>/dev/null" });
      }

      const output = victim.readOutput();
      await victim.stop();
      return { head: readHead(engine), output };
    },
    {
      unprotected: ({ head, output }) => {
        strictEqual(head, OVERWRITTEN, output);
        match(output, /caught\noverwrote/);
      },
      wherry: ({ head, output }) => {
        match(head, /^\x7fELF/);
        doesNotMatch(output, /overwrote/);
      },
    },
  );
}

const LEAKED = Array.from({ length: 18 }, (_, index) => index + 3);

/** A directory of the host, with a secret in it. */
function makeSecret({ wherry }: Victim): string {
  const directory = `${wherry.scratch}/host`;
  Deno.mkdirSync(directory);
  Deno.writeTextFileSync(`${directory}/secret`, "the host's secret\n");
  return directory;
}

testAttack(
  "a working directory that is a descriptor of the engine, in run (CVE-2024-21626)",
  async (victim) => {
    const cwd = makeSecret(victim);
    const outputs: string[] = [];
    for (const descriptor of LEAKED) {
      const { stdout } = await victim.run(["-w", `/proc/self/fd/${descriptor}`], [
        "cat",
        "secret",
      ], { cwd, redirect: "9<." });
      outputs.push(stdout);
    }
    return outputs.join("");
  },
  {
    unprotected: (output) => match(output, /the host's secret/),
    wherry: (output) => strictEqual(output, ""),
  },
);

testAttack(
  "a working directory that is a descriptor of the engine, in exec and by a link (CVE-2024-21626)",
  async (victim) => {
    const cwd = makeSecret(victim);
    for (const descriptor of LEAKED) {
      Deno.symlinkSync(`/proc/self/fd/${descriptor}`, `${victim.image}/link${descriptor}`);
    }
    await victim.start([], ["sleep", "1000"]);
    const outputs: string[] = [];
    for (const descriptor of LEAKED) {
      const argv = victim.execCommandLine(["-w", `/link${descriptor}`], ["cat", "secret"]);
      outputs.push((await victim.wherry.runCommand(argv, { cwd, redirect: "9<." })).stdout);
    }
    await victim.stop();
    return outputs.join("");
  },
  {
    unprotected: (output) => match(output, /the host's secret/),
    wherry: (output) => strictEqual(output, ""),
  },
);

testAttack(
  "reading a directory of the host through a descriptor that was left open",
  async (victim) => {
    const cwd = makeSecret(victim);
    const script = "for d in /proc/self/fd/* /proc/1/fd/*; do cat $d/secret; done 2>/dev/null";
    return (await victim.run([], ["sh", "-c", script], { cwd, redirect: "9<." })).stdout;
  },
  {
    unprotected: (output) => match(output, /the host's secret/),
    wherry: (output) => strictEqual(output, ""),
  },
);

testAttack(
  "looking at the host through the /proc/PID of whoever enters the container",
  async (victim) => {
    const cwd = makeSecret(victim);
    const script = `echo looking; while :; do
      for place in /proc/[0-9]*/fd/* /proc/[0-9]*/cwd /proc/[0-9]*/root; do
        test -e $place/secret && cat $place/secret
      done; done 2>/dev/null`;
    await victim.start([], ["sh", "-c", script]);
    await eventually(() => victim.readOutput().includes("looking"));
    for (let i = 0; i < 10; i++) {
      const argv = victim.execCommandLine([], ["sleep", "0.1"]);
      await victim.wherry.runCommand(argv, { cwd, redirect: "9<." });
    }
    await victim.stop();
    return victim.readOutput();
  },
  {
    unprotected: (output) => match(output, /the host's secret/),
    wherry: (output) => doesNotMatch(output, /secret/),
  },
);

for (const act of ["kill", "trace"]) {
  testAttack(
    `reaching the process of the engine to ${act} it`,
    async (victim) => {
      await install(victim, "reach_process");
      if (!victim.isProtected) {
        // Its own parent is the engine, and who is killed cannot pass its answer on
        const argv = victim.runCommandLine(["-n"], ["/reach_process", act, "0"]);
        const report = ["sh", "-c", '"$@"; echo $?', "sh", ...argv];
        const [answer = "", code] = (await victim.wherry.runCommand(report)).stdout.split("\n");
        return { results: [answer], isEngineAlive: code === "0" };
      }
      await victim.start([], ["sleep", "1000"]);
      const [id = ""] = (await victim.wherry.run(["ps", "-q", "--no-trunc"])).stdout.split("\n");
      const { monitorPid } = victim.wherry.readStateRecord(id);
      const argv = ["/reach_process", act, "0", `${monitorPid}`, `${Deno.pid}`];
      const inside = await victim.wherry.runCommand(victim.execCommandLine([], argv));
      const isEngineAlive = isAlive(monitorPid);
      await victim.stop();
      return { results: inside.stdout.trim().split("\n"), isEngineAlive };
    },
    {
      unprotected: ({ results, isEngineAlive }) => {
        ok(act === "kill" ? !isEngineAlive : results.includes("reached"), results.join());
      },
      wherry: ({ results, isEngineAlive }) => {
        ok(isEngineAlive);
        deepStrictEqual(results, Array(3).fill("No such process"));
      },
    },
  );
}

/** What tells one file from all others on this host. */
const IDENTIFY = ["stat", "-L", "-c", "%d:%i", "/proc/self/fd/0"];

testAttack(
  "changing the host's /dev/null, which a process without input has",
  async (victim) => {
    const { dev, ino } = Deno.statSync("/dev/null");
    const inRun = await victim.run([], IDENTIFY);
    await victim.start([], ["sleep", "1000"]);
    const inExec = await victim.wherry.runCommand(victim.execCommandLine([], IDENTIFY));
    await victim.stop();
    return { host: `${dev}:${ino}`, inside: [inRun, inExec].map(({ stdout }) => stdout.trim()) };
  },
  {
    unprotected: ({ host, inside }) => deepStrictEqual(inside, [host, host]),
    wherry: ({ host, inside }) => {
      for (const file of inside) match(file, /^\d+:\d+$/);
      ok(!inside.includes(host), inside.join());
    },
  },
);

testAttack(
  "reading a key of the caller's session",
  async (victim) => {
    await install(victim, "keys");
    const holder = await compileAttack("keys");
    const read = victim.runCommandLine([], ["/keys", "read"]);
    return (await victim.wherry.runCommand([holder, "hold", "the host's key", ...read])).stdout;
  },
  {
    unprotected: (output) => strictEqual(output, "read the host's key\n"),
    wherry: (output) => match(output, /^no key: /),
  },
);

for (const flag of ["", "-i", "-t", "-it"]) {
  testAttack(
    `typing on the caller's terminal${flag === "" ? "" : ` with ${flag}`}`,
    async (victim) => {
      await install(victim, "type_for_caller");
      const flags = flag === "" || !victim.isProtected ? [] : [flag];
      const argv = victim.runCommandLine(flags, ["/type_for_caller", "echo from inside"]);
      const script = '"$@"; echo ended; read -r line; echo "the shell read: <$line>"';
      await using terminal = victim.wherry.network.within(() =>
        Terminal.open(["sh", "-c", script, "sh", ...argv], { directory: victim.wherry.scratch })
      );
      await terminal.waitFor("ended");
      terminal.type("by hand\n");
      await terminal.waitFor("the shell read: ");
      await terminal.finish();
      return /the shell read: <(.*)>/.exec(terminal.shown)?.[1];
    },
    {
      unprotected: (line) => strictEqual(line, "echo from inside"),
      wherry: (line) => strictEqual(line, "by hand"),
    },
  );
}
