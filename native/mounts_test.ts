import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { openForReading } from "../mod/kernel/open.ts";
import {
  eventually,
  execute,
  isAlive,
  type Monitor,
  plan,
  readLog,
  run,
  shell,
  testBoth,
} from "./testing.ts";

const NEW_NS = String(0x20000);
const PRIVATE = String(0x4000 + 0x80000);
const E2BIG = 7;
const SLEEP = execute("/bin/sleep", "100");
const NEVER = ["restart", "no", "0", "15"];
const LIST_FDS = execute("/bin/ls", "/proc/self/fd");
/** Descriptor 3 is ls's own directory. */
const PLAIN_FDS = "0\n1\n2\n3\n";

/** With `index=on` the kernel refuses an upper directory that another overlay has. */
function overlayData(directory: string): string {
  return `lowerdir=${directory}/lower,upperdir=${directory}/upper,workdir=${directory}/work,index=on`;
}

/** Steps of a child that has an overlay in its own mount namespace. */
function overlaySteps(directory: string): string[][] {
  for (const name of ["lower", "upper", "work", "merged"]) Deno.mkdirSync(`${directory}/${name}`);
  return [
    ["clone", NEW_NS],
    ["mount", "", "/", "", PRIVATE, ""],
    ["mount", "overlay", `${directory}/merged`, "overlay", "0", overlayData(directory)],
  ];
}

/** Mounts the same overlay as {@linkcode overlaySteps}, for a moment; fails while it is mounted elsewhere. */
async function mountAgain(directory: string): Promise<void> {
  const merged = `${directory}/merged`;
  await run("mount", "-t", "overlay", "-o", overlayData(directory), "overlay", merged);
  await run("umount", merged);
}

/** The mount namespaces that the monitor has descriptors of, as `mnt:[INODE]`. */
function heldNamespaces({ pid }: Monitor): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)]
    .map(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`))
    .filter((target) => target.startsWith("mnt:"));
}

testBoth("hold_mounts() keeps what init has mounted when it ends", async ({ start, directory }) => {
  await using monitor = start(plan(...overlaySteps(directory), SLEEP));
  const pid = await monitor.started();
  Deno.kill(monitor.pid, "SIGSTOP");
  Deno.kill(pid, "SIGKILL");
  await eventually(() => !isAlive(pid));

  await rejects(mountAgain(directory));
  Deno.kill(monitor.pid, "SIGCONT");

  strictEqual(await monitor.receive(), "exited 137");
});

testBoth("end_run() unmounts everything before exited is told", async ({ start, directory }) => {
  await using monitor = start(plan(...overlaySteps(directory), SLEEP));
  await monitor.started();
  monitor.send("signal 9");
  await monitor.receive();

  strictEqual(await monitor.receive(), "exited 137");
  await mountAgain(directory);
});

testBoth("end_run() unmounts everything before the next run", async ({ start, directory }) => {
  await using monitor = start(plan(NEVER, ...overlaySteps(directory), SLEEP));
  await monitor.started();

  for (let round = 0; round < 5; round++) {
    monitor.send("restart 9 0");
    if (round === 0) strictEqual(await monitor.receive(), "exited 137");
    strictEqual(await monitor.receive(), "ok");
  }
  monitor.send("signal 9");
});

testBoth("wake_run() holds up no unmounting", async ({ start, directory }) => {
  using cleanupProgram = openForReading("/usr/bin/busybox");
  const manyArguments = Array.from({ length: 150_000 }, () => "x"); // execve takes its time
  await using monitor = start(
    plan(["wake", "-1", "true", ...manyArguments], ...overlaySteps(directory), SLEEP),
    { cleanupProgram },
  );
  await monitor.started();
  monitor.send("wake 0");
  monitor.send("signal 9");
  for (const answer of ["ok", "ok", "exited 137"]) strictEqual(await monitor.receive(), answer);

  await mountAgain(directory);
});

testBoth("try_child() unmounts everything when a step fails", async ({ start, directory }) => {
  await using monitor = start(plan(...overlaySteps(directory), execute("/missing")));

  strictEqual(await monitor.receive(), "failed 3 2");
  await mountAgain(directory);
});

testBoth("hold_mounts() holds one namespace, that of the init that runs", async ({ start }) => {
  await using monitor = start(plan(NEVER, ["clone", NEW_NS], SLEEP));
  await monitor.started();
  monitor.send("restart 9 0");
  await monitor.receive();
  await monitor.receive();
  monitor.send("pidfd");
  const packet = await monitor.receiveWithDescriptors();
  using pidfd = packet?.descriptors[0];
  const pid = /^Pid:\s+(\d+)$/m.exec(
    Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd?.number}`),
  )?.[1];
  const held = heldNamespaces(monitor);
  const own = Deno.readLinkSync(`/proc/${pid}/ns/mnt`);
  monitor.send("signal 9");

  deepStrictEqual(held, [own]);
});

testBoth("hold_mounts() leaves the namespace of others alone", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], SLEEP));
  await monitor.started();
  const held = heldNamespaces(monitor);
  monitor.send("signal 9");

  deepStrictEqual(held, []);
});

testBoth("hold_mounts() passes nothing on to init", async ({ start, directory }) => {
  await using monitor = start(plan(
    ["log", `${directory}/log`, "cri", "0", "1"],
    ["restart", "on-failure", "1", "15"],
    ["clone", NEW_NS],
    shell("ls /proc/self/fd; exit 1"),
  ));
  await monitor.finished();

  strictEqual(await monitor.receive(), "end");
  strictEqual(readLog(`${directory}/log`), PLAIN_FDS + PLAIN_FDS);
});

testBoth("hold_mounts() passes nothing on to a health check", async ({ start, directory }) => {
  const path = `${directory}/health`;
  await using monitor = start(plan(
    ["health", "20", "10000", "0", "20", "1", "none", "15", "10000", path],
    ["clone", NEW_NS],
    SLEEP,
    ["check", "0"],
    LIST_FDS,
  ));
  await monitor.started();
  await eventually(() => [...Deno.readDirSync(directory)].some(({ name }) => name === "health"));
  const [, , code, output = ""] = Deno.readTextFileSync(path).split("\n", 1)[0]?.split(" ") ?? [];
  monitor.send("signal 9");

  strictEqual(code, "0");
  strictEqual(new TextDecoder().decode(Uint8Array.fromHex(output)), PLAIN_FDS);
});

/** Makes layers each of which has a file of its own and one that all have, topmost first. */
function makeLayers(directory: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const layer = `${directory}/${"long-name".repeat(20)}-${index}`;
    Deno.mkdirSync(layer);
    Deno.writeTextFileSync(`${layer}/file-${index}`, "");
    Deno.writeTextFileSync(`${layer}/shared`, `layer ${index}`);
    return layer;
  });
}

/** Any that all kernels take, and tell of. */
const OPTIONS = "default_permissions";

/** Steps of a child that has an overlay of so many layers. */
function manyLayersSteps(directory: string, count: number): string[][] {
  for (const name of ["upper", "work", "merged"]) Deno.mkdirSync(`${directory}/${name}`);
  const own = ["merged", "upper", "work"].map((name) => `${directory}/${name}`);
  const [merged = "", upper = "", work = ""] = own;
  return [
    ["clone", NEW_NS],
    ["mount", "", "/", "", PRIVATE, ""],
    ["overlay", merged, "0", OPTIONS, upper, work, ...makeLayers(directory, count)],
  ];
}

testBoth("step_overlay() mounts as many layers as the kernel can", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const show = shell(
    `cd ${directory}/merged; ls | wc -l; cat shared; echo; : > new; ls /proc/self/fd
    grep -c "${directory}/merged .*,${OPTIONS}" /proc/self/mountinfo`,
  );
  await using monitor = start(
    plan(["log", log, "cri", "0", "1"], ...manyLayersSteps(directory, 500), show),
  );

  strictEqual(await monitor.finished(), "exited 0");
  strictEqual(readLog(log), `501\nlayer 0\n${PLAIN_FDS}1\n`);
  strictEqual(Deno.statSync(`${directory}/upper/new`).size, 0);
});

testBoth("step_overlay() says that it cannot mount more layers", async ({ start, directory }) => {
  await using monitor = start(plan(...manyLayersSteps(directory, 501), SLEEP));

  strictEqual(await monitor.receive(), `failed 2 ${E2BIG}`);
});
