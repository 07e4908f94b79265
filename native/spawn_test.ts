import { deepStrictEqual, match, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { SystemError } from "../ffi/errno.ts";
import { createSealedMemfd } from "../mod/kernel/memfd.ts";
import { openForReading, openReadWrite } from "../mod/kernel/open.ts";
import { startProgram } from "../mod/kernel/program.ts";
import { receivePacket, sendPacket, socketPair } from "../mod/kernel/socket.ts";
import { eventually, isAlive, readBytes } from "./testing.ts";

const BUSYBOX = "/usr/bin/busybox";

/** Runs an applet of busybox to its end. */
async function runBusybox(
  argv: string[],
  options: { descriptors: number[]; env?: string[]; openFilesLimit?: number },
): Promise<void> {
  using executable = openForReading(BUSYBOX);
  const { pid, pidfd } = startProgram({
    env: [],
    ...options,
    executable: executable.number,
    argv,
  });
  pidfd[Symbol.dispose]();
  await eventually(() => !isAlive(pid));
}

async function withOutput(
  body: (output: Descriptor, path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "wherry-spawn-" });
  try {
    using output = openReadWrite(path);
    await body(output, path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("wherry_spawn() places descriptors by number and closes all others", () =>
  withOutput(async (output, path) => {
    using low = openReadWrite("/dev/zero");
    using high = openReadWrite("/dev/full");

    await runBusybox(
      ["sh", "-c", "for n in 0 1 2 3 4 5 6; do readlink /proc/$$/fd/$n || echo closed; done"],
      { descriptors: [-1, output.number, output.number, high.number, -1, low.number] },
    );

    strictEqual(
      readBytes(path),
      `closed\n${path}\n${path}\n/dev/full\nclosed\n/dev/zero\nclosed\n`,
    );
  }));

Deno.test("wherry_spawn() swaps descriptors that are each other's target", () =>
  withOutput(async (_output, path) => {
    const [stdin, stdout] = [0, 1].map((number) => Deno.readLinkSync(`/proc/self/fd/${number}`));

    await runBusybox([
      "sh",
      "-c",
      `a=$(readlink /proc/$$/fd/0); b=$(readlink /proc/$$/fd/1); printf "%s\\n" "$a" "$b" > ${path}`,
    ], {
      descriptors: [1, 0],
    });

    deepStrictEqual(readBytes(path).trimEnd().split("\n"), [stdout, stdin]);
  }));

Deno.test("wherry_spawn() resets signals that Deno ignores", () =>
  withOutput(async (output, path) => {
    await runBusybox(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], {
      descriptors: [-1, output.number],
    });

    strictEqual(readBytes(path), `SigBlk:\t${"0".repeat(16)}\nSigIgn:\t${"0".repeat(16)}\n`);
  }));

Deno.test("wherry_spawn() sets the soft limit of open files only", () =>
  withOutput(async (output, path) => {
    await runBusybox(["sh", "-c", "ulimit -Sn"], {
      descriptors: [-1, output.number],
      openFilesLimit: 77,
    });

    strictEqual(readBytes(path), "77\n");
  }));

Deno.test("wherry_spawn() passes exactly the environment", () =>
  withOutput(async (output, path) => {
    await runBusybox(["env"], { descriptors: [-1, output.number], env: ["A=ü b", "EMPTY="] });

    strictEqual(readBytes(path), "A=Ã¼ b\nEMPTY=\n");
  }));

Deno.test("wherry_spawn() returns the errno of a program that cannot be executed", () => {
  using text = createSealedMemfd("text", new TextEncoder().encode("no program"));

  throws(
    () => startProgram({ executable: text.number, argv: ["x"], env: [], descriptors: [] }),
    (error) => error instanceof SystemError && error.code === "ENOEXEC",
  );
});

Deno.test("wherry_spawn() leaves no process behind when it fails", async () => {
  using text = createSealedMemfd("text", new TextEncoder().encode("no program"));
  const listChildren = (): string[] =>
    readBytes(`/proc/self/task/${Deno.pid}/children`).match(/\d+/g) ?? [];
  const before = listChildren();

  throws(() => startProgram({ executable: text.number, argv: ["x"], env: [], descriptors: [] }));

  await eventually(() => listChildren().every((pid) => before.includes(pid)));
});

Deno.test("wherry_spawn() makes an orphan, so that a long-lived caller keeps no zombies", () => {
  using executable = openForReading(BUSYBOX);

  const { pid, pidfd } = startProgram({
    executable: executable.number,
    argv: ["sleep", "100"],
    env: [],
    descriptors: [],
  });
  using _pidfd = pidfd;
  const [, parent] = /^PPid:\t(\d+)$/m.exec(readBytes(`/proc/${pid}/status`)) ?? [];
  Deno.kill(pid, "SIGKILL");

  // The test's process is no subreaper: who adopts orphans is somebody else
  notStrictEqual(Number(parent), Deno.pid);
});

Deno.test("wherry_spawn() returns the pidfd of the program, closed on exec", async () => {
  using executable = openForReading(BUSYBOX);

  const { pid, pidfd } = startProgram({
    executable: executable.number,
    argv: ["sleep", "100"],
    env: [],
    descriptors: [],
  });
  using _pidfd = pidfd;
  const info = readBytes(`/proc/self/fdinfo/${pidfd.number}`);
  Deno.kill(pid, "SIGKILL");

  match(info, new RegExp(`^Pid:\\t${pid}$`, "m"));
  match(info, /^flags:\t02[0-7]{6}$/m);
  await eventually(() => !isAlive(pid));
});

Deno.test("wherry_spawn() leaves the caller's descriptors as they are", () => {
  using executable = openForReading(BUSYBOX);
  const listDescriptors = (): string[] =>
    Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => name).toSorted();
  const before = listDescriptors();

  startProgram({ executable: executable.number, argv: ["true"], env: [], descriptors: [0, -1, 0] })
    .pidfd[Symbol.dispose]();

  deepStrictEqual(listDescriptors(), before);
});

Deno.test("wherry_spawn() refuses more than 16 descriptors", () => {
  using executable = openForReading(BUSYBOX);

  throws(
    () =>
      startProgram({
        executable: executable.number,
        argv: ["true"],
        env: [],
        descriptors: Array(17).fill(-1),
      }),
    (error) => error instanceof SystemError && error.code === "EINVAL",
  );
});

Deno.test("wherry_receive() returns the packet and the descriptors of wherry_send()", async () => {
  const [near, far] = socketPair();
  using _near = near;
  using _far = far;
  using zero = openReadWrite("/dev/zero");
  using full = openReadWrite("/dev/full");

  sendPacket(near, "hello", [zero.number, full.number]);
  const packet = await receivePacket(far);
  const links = packet?.descriptors.map(({ number }) =>
    Deno.readLinkSync(`/proc/self/fd/${number}`)
  );
  for (const descriptor of packet?.descriptors ?? []) descriptor[Symbol.dispose]();

  strictEqual(packet?.text, "hello");
  deepStrictEqual(links, ["/dev/zero", "/dev/full"]);
});

Deno.test("wherry_send() refuses more than 4 descriptors", () => {
  const [near, far] = socketPair();
  using _near = near;
  using _far = far;

  throws(
    () => sendPacket(near, "hello", [0, 0, 0, 0, 0]),
    (error) => error instanceof SystemError && error.code === "EINVAL",
  );
});
