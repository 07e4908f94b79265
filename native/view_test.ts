import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { Descriptor } from "../ffi/descriptor.ts";
import { lockDescription, openOrCreate } from "../mod/kernel/open.ts";
import { openProcessRoot } from "../mod/kernel/process_root.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  type Monitor,
  plan,
  readBytes,
  run,
  testBoth,
  type TestContext,
} from "./testing.ts";

const NS = String(0x20000);
const PRIVATE_RECURSIVE = String(0x4000 + 0x80000);
const PRIVATE = String(0x40000);
const ENOENT = 2;
const EINVAL = 22;
const SIGKILL = "9";
const END = [["parent-death", SIGKILL], ["show"]];

/** With `index=on` the kernel refuses an upper directory that another overlay has. */
function overlayData(directory: string): string {
  return `lowerdir=${directory}/lower,upperdir=${directory}/upper,workdir=${directory}/work,index=on`;
}

/** Steps that show an overlay with a directory of the host mounted on its `volume`. */
function viewSteps(directory: string): string[][] {
  for (const name of ["lower", "upper", "work", "merged", "volume"]) {
    Deno.mkdirSync(`${directory}/${name}`);
  }
  Deno.writeTextFileSync(`${directory}/lower/of-image`, "image");
  Deno.writeTextFileSync(`${directory}/volume/of-volume`, "volume");
  return [
    ["clone", NS],
    ["mount", "", "/", "", PRIVATE_RECURSIVE, ""],
    ["mount", "overlay", `${directory}/merged`, "overlay", "0", overlayData(directory)],
    ["root", `${directory}/merged`],
    ["attach-tree", `${directory}/volume`, "/volume", "0", "0", PRIVATE],
    ["pivot-root"],
    ...END,
  ];
}

function startView({ start, directory }: TestContext, lock?: Descriptor): Monitor {
  return start(plan(...viewSteps(directory)), {
    isView: true,
    ...(lock === undefined ? {} : { lock }),
  });
}

/** Waits until there is something to see; the pid of the process in whose root it is, and a pidfd of it. */
async function shown(view: Monitor): Promise<{ pid: number; pidfd: Descriptor }> {
  const packet = await view.receiveWithDescriptors();
  const [pidfd] = packet?.descriptors ?? [];
  strictEqual(packet?.text, "pidfd");
  if (pidfd === undefined) throw new Error("Cannot go on: no pidfd came along");
  const text = Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd.number}`);
  return { pid: Number(/^Pid:\t(\d+)$/m.exec(text)?.[1]), pidfd };
}

/** Mounts the overlay of {@linkcode viewSteps} for a moment; fails while it is mounted elsewhere. */
async function mountAgain(directory: string): Promise<void> {
  const merged = `${directory}/merged`;
  await run("mount", "-t", "overlay", "-o", overlayData(directory), "overlay", merged);
  await run("umount", merged);
}

testBoth("view_serve() shows files in the root of a process", async (context) => {
  await using view = startView(context);
  using pidfd = (await shown(view)).pidfd;
  using root = openProcessRoot(pidfd);
  const path = `/proc/self/fd/${root?.directory.number}`;

  strictEqual(Deno.readTextFileSync(`${path}/of-image`), "image");
  strictEqual(Deno.readTextFileSync(`${path}/volume/of-volume`), "volume");
  strictEqual(isThere(`${context.directory}/merged/of-image`), false);
});

testBoth("step_show() holds nothing of the host's, and hears nobody", async (context) => {
  await using view = startView(context);
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  await eventually(() => [...Deno.readDirSync(`/proc/${pid}/fd`)].length === 0);

  const mounts = readBytes(`/proc/${pid}/mountinfo`).trimEnd().split("\n");
  deepStrictEqual(mounts.map((line) => line.split(" ")[4]), ["/", "/volume"]);
  strictEqual(readBytes(`/proc/${pid}/environ`), "");
  match(readBytes(`/proc/${pid}/status`), /^SigBlk:\tfffffffffffbfeff$/m);
});

testBoth("view_serve() ends with its caller, and nothing is mounted then", async (context) => {
  await using view = startView(context);
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  await rejects(mountAgain(context.directory));

  view.disconnect();
  await eventually(() => !isAlive(view.pid));

  strictEqual(isAlive(pid), false);
  await mountAgain(context.directory);
});

testBoth("view_serve() ends when its process is killed", async (context) => {
  await using view = startView(context);
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  Deno.kill(pid, "SIGKILL");

  strictEqual(await view.receive(), "end");
  await mountAgain(context.directory);
});

testBoth("view_serve() ends when it is told to", async (context) => {
  await using view = startView(context);
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  Deno.kill(view.pid, "SIGTERM");

  strictEqual(await view.receive(), "end");
  strictEqual(isAlive(pid), false);
});

testBoth("step_show() ends with the monitor", async (context) => {
  await using view = startView(context);
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  Deno.kill(view.pid, "SIGKILL");

  await eventually(() => !isAlive(pid));
  await eventually(() => !isAlive(view.pid));
  await mountAgain(context.directory);
});

testBoth("view_serve() holds the lock until all is unmounted", async (context) => {
  const path = `${context.directory}/lock`;
  const held = openOrCreate(path);
  lockDescription(held, "exclusive", { wait: true });
  await using view = startView(context, held);
  held[Symbol.dispose]();
  const { pid, pidfd } = await shown(view);
  using _pidfd = pidfd;
  using other = openOrCreate(path);
  strictEqual(lockDescription(other, "exclusive", { wait: false }), false);

  view.disconnect();
  lockDescription(other, "exclusive", { wait: true });

  strictEqual(isAlive(pid), false);
  await mountAgain(context.directory);
});

testBoth("launch() tells which step of a view has failed", async ({ start, directory }) => {
  const steps = viewSteps(directory);
  steps[4] = ["attach-tree", `${directory}/missing`, "/volume", "0", "0", PRIVATE];

  await using view = start(plan(...steps), { isView: true });

  strictEqual(await view.receive(), `failed 4 ${ENOENT}`);
  strictEqual(await view.receive(), "end");
  await mountAgain(directory);
});

testBoth("launch() of a view whose caller has gone leaves nothing", async (context) => {
  await using view = startView(context);
  view.disconnect();

  await eventually(() => !isAlive(view.pid));
  await mountAgain(context.directory);
});

testBoth("plan_check() takes nothing behind show", async ({ start }) => {
  await using monitor = start(plan(["clone", NS], ["show"], execute("/bin/true")));

  strictEqual(await monitor.receive(), `failed 2 ${EINVAL}`);
});

testBoth("openProcessRoot() shows what is above a root of the process's own", async (context) => {
  const { start, directory } = context;
  const top = `${directory}/top`;
  Deno.mkdirSync(`${top}/a/b`, { recursive: true });
  Deno.writeTextFileSync(`${top}/found`, "");
  await Deno.copyFile("/usr/bin/busybox", `${top}/busybox`);
  await Deno.copyFile("/usr/bin/busybox", `${top}/a/b/busybox`);
  await using monitor = start(plan(
    ["clone", NS],
    ["mount", "", "/", "", PRIVATE_RECURSIVE, ""],
    ["mount", top, top, "", String(0x1000), ""],
    ["root", top],
    ["pivot-root"],
    execute("/busybox", "chroot", "/a/b", "/busybox", "sleep", "100"),
  ));
  const pid = await monitor.started();
  await eventually(() => Deno.readLinkSync(`/proc/${pid}/root`) === "/a/b");
  monitor.send("pidfd");
  using pidfd = (await monitor.receiveWithDescriptors())?.descriptors[0];

  using root = pidfd === undefined ? undefined : openProcessRoot(pidfd);

  strictEqual(isThere(`/proc/self/fd/${root?.directory.number}/found`), true);
  monitor.send("signal 9");
});

testBoth("openProcessRoot() finds nothing once the process has ended", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], execute("/bin/sleep", "100")));
  await monitor.started();
  monitor.send("pidfd");
  using pidfd = (await monitor.receiveWithDescriptors())?.descriptors[0];
  monitor.send("signal 9");
  for (const answer of ["ok", "exited 137"]) strictEqual(await monitor.receive(), answer);

  strictEqual(pidfd === undefined ? null : openProcessRoot(pidfd), undefined);
});
