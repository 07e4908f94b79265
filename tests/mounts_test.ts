/** `run -v`: the host's files inside, and safe. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, listNames, readIfThere, testWhole } from "./harness.ts";

testWhole("-v shows a directory of the host, and writes go to it", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/in`, "from the host\n");

  const { stdout } = await wherry.runBusybox(
    ["-v", `${wherry.scratch}:/data`],
    ["sh", "-c", "cat /data/in; echo from inside >/data/out"],
  );

  strictEqual(stdout, "from the host\n");
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/out`), "from inside\n");
});

testWhole("-v with ro cannot be written to", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(
    ["-v", `${wherry.scratch}:/data:ro`],
    ["touch", "/data/file"],
  );

  strictEqual(code, 1);
  strictEqual(stderr, "touch: /data/file: Read-only file system\n");
});

testWhole("-v with ro holds for what is mounted below the source", async (wherry) => {
  const nested = `${wherry.scratch}/nested`;
  Deno.mkdirSync(nested);
  await wherry.runHost("mount", "-t", "tmpfs", "none", nested);
  try {
    const { code } = await wherry.runBusybox(
      ["-v", `${wherry.scratch}:/data:ro`],
      ["touch", "/data/nested/file"],
    );

    strictEqual(code, 1);
    deepStrictEqual(listNames(nested), []);
  } finally {
    await wherry.runHost("umount", nested);
  }
});

testWhole("-v shows a single file", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "one\n");

  const { stdout } = await wherry.runBusybox(
    ["-v", `${wherry.scratch}/file:/etc/motd`, "-v", `${wherry.scratch}/file:/new/dir/file:ro`],
    ["sh", "-c", "cat /etc/motd /new/dir/file; echo two >/etc/motd"],
  );

  strictEqual(stdout, "one\none\n");
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/file`), "two\n");
});

testWhole("-v takes the place of a file that wherry keeps", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/hosts`, "1.2.3.4 mine\n");

  const { stdout } = await wherry.runBusybox(
    ["-v", `${wherry.scratch}/hosts:/etc/hosts:ro`],
    ["cat", "/etc/hosts"],
  );

  strictEqual(stdout, "1.2.3.4 mine\n");
});

testWhole("-v makes a missing source, as a directory", async (wherry) => {
  const source = `${wherry.scratch}/new/source`;

  const { stdout } = await wherry.runBusybox(["-v", `${source}:/data`], [
    "stat",
    "-c",
    "%F",
    "/data",
  ]);

  strictEqual(stdout, "directory\n");
  ok(Deno.statSync(source).isDirectory);
  strictEqual((Deno.statSync(source).mode ?? 0) & 0o777, 0o755);
});

testWhole("-v takes sources relative to the working directory", async (wherry) => {
  Deno.mkdirSync(`${wherry.scratch}/sub`);
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "here\n");

  const { stdout } = await wherry.runBusybox(
    ["-v", ".:/one", "-v", "../scratch/sub/../file:/two"],
    ["cat", "/one/file", "/two"],
  );

  strictEqual(stdout, "here\nhere\n");
});

testWhole(
  "-v mounts parents before what is mounted in them, in whatever order they are given",
  async (wherry) => {
    for (const name of ["outer", "inner"]) {
      Deno.mkdirSync(`${wherry.scratch}/${name}`);
      Deno.writeTextFileSync(`${wherry.scratch}/${name}/name`, `${name}\n`);
    }

    const { stdout } = await wherry.runBusybox(
      ["-v", "./inner:/data/in/side", "-v", "./outer:/data", "--tmpfs", "/data/in/side/more"],
      ["sh", "-c", "cat /data/name /data/in/side/name; touch /data/in/side/more/x"],
    );

    strictEqual(stdout, "outer\ninner\n");
    ok(!exists(`${wherry.scratch}/inner/more/x`));
  },
);

testWhole("-v with a target that is there already hides what the image has", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["-v", ".:/home", "-v", ".:/usr/bin"], [
    "ls",
    "/home",
  ]);

  strictEqual(stdout, "");
});

testWhole("-v may name the same source several times", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["-v", ".:/a", "-v", ".:/b:ro"],
    ["sh", "-c", "echo shared >/a/file; cat /b/file"],
  );

  strictEqual(stdout, "shared\n");
});

testWhole("-v keeps data when the container is removed or killed", async (wherry) => {
  const id = await wherry.start(
    ["-v", ".:/data"],
    ["sh", "-c", "mkdir -p /data/deep/er; echo kept >/data/deep/er/file; exec sleep 100"],
  );
  const { monitorPid } = wherry.readStateRecord(id);
  await eventually(() => readIfThere(`${wherry.scratch}/deep/er/file`) === "kept\n");

  Deno.kill(monitorPid, "SIGKILL");
  await wherry.run(["rm", "-f", id]);

  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/deep/er/file`), "kept\n");
});

testWhole(
  "-v survives rm of a container that still has the mount in another's sight",
  async (wherry) => {
    Deno.writeTextFileSync(`${wherry.scratch}/file`, "kept\n");
    const id = await wherry.start(["-v", ".:/data"], ["sleep", "100"]);

    strictEqual((await wherry.run(["rm", "-f", id])).code, 0);

    strictEqual(Deno.readTextFileSync(`${wherry.scratch}/file`), "kept\n");
  },
);

for (const [option, isSeen] of [["rslave", true], ["rprivate", false]] as const) {
  testWhole(
    `-v with ${option} ${isSeen ? "shows" : "does not show"} what the host mounts later`,
    async (wherry) => {
      const { scratch } = wherry;
      Deno.mkdirSync(`${scratch}/shared/sub`, { recursive: true });
      await wherry.runHost("mount", "--bind", `${scratch}/shared`, `${scratch}/shared`);
      await wherry.runHost("mount", "--make-shared", `${scratch}/shared`);
      const id = await wherry.start(["-v", `./shared:/data:${option}`], ["sleep", "100"]);
      try {
        await wherry.runHost("mount", "-t", "tmpfs", "none", `${scratch}/shared/sub`);
        const { stdout } = await wherry.run([
          "exec",
          id,
          "grep",
          "-c",
          "/data/sub",
          "/proc/mounts",
        ]);

        strictEqual(stdout, isSeen ? "1\n" : "0\n");
      } finally {
        await wherry.run(["rm", "-f", id]);
        await wherry.runHost("umount", "-R", `${scratch}/shared`);
      }
    },
  );
}

testWhole(
  "-v of a file on a directory of the image is an error that names both",
  async (wherry) => {
    Deno.writeTextFileSync(`${wherry.scratch}/file`, "");

    const { code, stderr } = await wherry.runBusybox(["-v", "./file:/etc"], ["true"]);

    strictEqual(code, 125);
    match(stderr, /file/);
    match(stderr, /\/etc/);
  },
);

testWhole("-v works with names that hold spaces, commas and other alphabets", async (wherry) => {
  const source = `${wherry.scratch}/with space, comma and ü`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/file`, "found\n");

  const { stdout } = await wherry.runBusybox(["-v", `${source}:/t a,b ü`], [
    "cat",
    "/t a,b ü/file",
  ]);

  strictEqual(stdout, "found\n");
});

testWhole("--tmpfs /dev has the usual devices, and the options asked for", async (wherry) => {
  const { code, stdout, stderr } = await wherry.runBusybox(
    ["--tmpfs", "/dev:size=1m,exec"],
    ["sh", "-c", "echo x >/dev/null; ls /dev; grep ' /dev ' /proc/mounts"],
  );

  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, /^core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\n/);
  match(stdout, /^tmpfs \/dev tmpfs rw,nosuid,nodev,size=1024k/m);
});
