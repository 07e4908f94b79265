/** Where mounts go inside, and what they are made of. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { listNames, type TestEngine, testWhole } from "./harness.ts";

/** Mounts on `target` in a copy of the image that is changed by `prepare`; @returns how it ended. */
async function runIn(
  wherry: TestEngine,
  prepare: (root: string) => void,
  flags: readonly string[],
  argv: readonly string[] = ["true"],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const root = await wherry.copyOfImage();
  prepare(root);
  return await wherry.run(["run", "--rm", ...flags, "--rootfs", root, ...argv]);
}

testWhole("mounts are made in each other in whatever order they are given", async (wherry) => {
  for (const name of ["a", "b", "c"]) {
    Deno.mkdirSync(`${wherry.scratch}/${name}`);
    Deno.writeTextFileSync(`${wherry.scratch}/${name}/${name}`, "");
  }

  const { stdout, stderr } = await wherry.runBusybox(
    ["-v", "./c:/x/y/z/w", "-v", "./a:/x", "--tmpfs", "/x/y/z", "-v", "./b:/x/y"],
    ["sh", "-c", "ls /x /x/y /x/y/z /x/y/z/w"],
  );

  strictEqual(stderr, "");
  strictEqual(stdout, "/x:\na\ny\n\n/x/y:\nb\nz\n\n/x/y/z:\nw\n\n/x/y/z/w:\nc\n");
  // What is made for them is a directory of the one above
  deepStrictEqual(listNames(`${wherry.scratch}/a`), ["a", "y"]);
  deepStrictEqual(listNames(`${wherry.scratch}/b`), ["b", "z"]);
});

testWhole("targets that are missing are made as docker makes them", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "");
  const id = await wherry.run([
    ...["create", "-v", "./file:/new/file", "-v", ".:/new/directory", "--tmpfs", "/new/tmpfs"],
    ...await wherry.busybox(),
    "true",
  ]).then(({ stdout }) => stdout.trim());

  strictEqual((await wherry.run(["start", "-a", id])).code, 0);

  const upper = wherry.containerPath(id, "upper/new");
  const modes = [".", "directory", "tmpfs", "file"].map((name) => {
    const { mode, uid, isFile, size } = Deno.statSync(`${upper}/${name}`);
    return [((mode ?? 0) & 0o7777).toString(8), uid, isFile, isFile ? size : 0];
  });
  deepStrictEqual(modes, [...Array(3).fill(["755", 0, false, 0]), ["644", 0, true, 0]]);
  await wherry.run(["rm", id]);
});

testWhole(
  "--tmpfs follows a link of the image and has the mode of what it covers",
  async (wherry) => {
    const { stdout, stderr } = await runIn(
      wherry,
      (root) => {
        Deno.mkdirSync(`${root}/run`, { recursive: true });
        Deno.chmodSync(`${root}/run`, 0o750);
        Deno.mkdirSync(`${root}/var`, { recursive: true });
        Deno.symlinkSync("/run", `${root}/var/run`);
      },
      ["--tmpfs", "/var/run", "--tmpfs", "/new", "--tmpfs", "/more:mode=700"],
      ["sh", "-c", "stat -c '%n %a' /run /new /more; grep -c '^tmpfs /run ' /proc/mounts"],
    );

    deepStrictEqual([stdout, stderr], ["/run 750\n/new 1777\n/more 700\n1\n", ""]);
  },
);

testWhole("targets never lead out of the container by links of the image", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "inside\n");

  const { stdout, stderr } = await runIn(
    wherry,
    (root) => {
      Deno.symlinkSync("../../../../../../../../escape", `${root}/relative`);
      Deno.symlinkSync("/escape/two", `${root}/absolute`);
    },
    ["-v", "./file:/relative/file", "-v", "./file:/absolute"],
    ["cat", "/escape/file", "/escape/two"],
  );

  deepStrictEqual([stdout, stderr], ["inside\ninside\n", ""]);
});

for (
  const [link, target] of [
    ["/proc/self/attr/current", "/link"],
    ["/proc/self", "/link/attr/current"],
    ["/sys/kernel", "/link"],
    ["proc/sys/kernel/core_pattern", "/link"],
  ] as const
) {
  for (const flag of ["-v", "--tmpfs"]) {
    testWhole(`${flag} ${target} refuses a link of the image to ${link}`, async (wherry) => {
      Deno.writeTextFileSync(`${wherry.scratch}/file`, "");
      const source = link.startsWith("/sys") ? "." : "./file";

      const { code, stderr } = await runIn(
        wherry,
        (root) => Deno.symlinkSync(link, `${root}/link`),
        [flag, flag === "-v" ? `${source}:${target}` : target],
      );

      strictEqual(code, 125);
      match(stderr, /^wherry: Cannot mount .* on "\/link\S*": links in the container lead from/);
    });
  }
}

testWhole(
  "a link of the image cannot have wherry's own files cover those of the kernel",
  async (wherry) => {
    const { code, stderr } = await runIn(
      wherry,
      (root) => {
        Deno.mkdirSync(`${root}/etc`, { recursive: true });
        Deno.symlinkSync("/proc/self/attr/current", `${root}/etc/hosts`);
      },
      [],
    );

    strictEqual(code, 125);
    match(stderr, /on "\/etc\/hosts": links in the container lead from there into \/proc or \/sys/);
  },
);

testWhole(
  "mounts of one kind on the other are refused by an error that names both",
  async (wherry) => {
    const { scratch } = wherry;
    Deno.writeTextFileSync(`${scratch}/file`, "");
    const cases = [
      [
        "-v",
        "./file:/etc",
        `"${scratch}/file" on "/etc": it is a file, and the target a directory`,
      ],
      [
        "-v",
        ".:/bin/busybox",
        `"${scratch}" on "/bin/busybox": it is a directory, and the target a`,
      ],
      [
        "-v",
        ".:/bin/busybox/x",
        `"${scratch}" on "/bin/busybox/x": a part of the target's path is a`,
      ],
      [
        "--tmpfs",
        "/bin/busybox",
        'a tmpfs on "/bin/busybox": it is a directory, and the target a file',
      ],
    ] as const;
    for (const [flag, value, message] of cases) {
      const { code, stderr } = await wherry.runBusybox([flag, value], ["true"]);

      strictEqual(code, 125);
      ok(stderr.startsWith(`wherry: Cannot mount ${message}`), stderr);
    }
  },
);

testWhole("targets are made before the root becomes read-only, not in what is", async (wherry) => {
  const made = await wherry.runBusybox(
    ["--read-only", "-v", ".:/new/place", "--tmpfs", "/new/tmpfs"],
    ["sh", "-c", "touch /new/place/file /new/tmpfs/file; touch /new/file"],
  );
  const { code, stderr } = await wherry.runBusybox(
    ["-v", ".:/data:ro", "-v", ".:/data/missing"],
    ["true"],
  );

  deepStrictEqual([made.code, made.stderr], [1, "touch: /new/file: Read-only file system\n"]);
  strictEqual(code, 125);
  match(
    stderr,
    /^wherry: Cannot mount "\S+" on "\/data\/missing": the target would have to be made/,
  );
});

testWhole("a directory on /etc has wherry's own files on top of its own", async (wherry) => {
  Deno.mkdirSync(`${wherry.scratch}/etc`);
  Deno.writeTextFileSync(`${wherry.scratch}/etc/hosts`, "mine\n");
  Deno.writeTextFileSync(`${wherry.scratch}/etc/other`, "other\n");

  const { stdout } = await wherry.runBusybox(
    ["-v", "./etc:/etc", "--hostname", "box"],
    ["sh", "-c", "grep -c localhost /etc/hosts >/dev/null && cat /etc/hostname /etc/other"],
  );

  strictEqual(stdout, "box\nother\n");
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/etc/hosts`), "mine\n");
});

testWhole("sources may be of any kind, and links are followed", async (wherry) => {
  const { scratch } = wherry;
  using _listener = Deno.listen({ transport: "unix", path: `${scratch}/socket` });
  await wherry.runHost("mkfifo", `${scratch}/fifo`);
  Deno.mkdirSync(`${scratch}/directory`);
  Deno.symlinkSync("directory", `${scratch}/link`);
  const names = ["socket", "fifo", "directory", "link"];

  const { stdout, stderr } = await wherry.runBusybox(
    [...names.flatMap((name) => ["-v", `./${name}:/x/${name}`]), "-v", "/dev/zero:/x/zero"],
    ["stat", "-c", "%F", ...names.map((name) => `/x/${name}`), "/x/zero"],
  );

  strictEqual(stderr, "");
  strictEqual(stdout, "socket\nfifo\ndirectory\ndirectory\ncharacter special file\n");
});

testWhole("what belongs to a process is no source", async (wherry) => {
  for (const source of ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/proc/self/cwd"]) {
    const { code, stderr } = await wherry.runBusybox(["-v", `${source}:/data`], ["true"]);

    strictEqual(code, 125, source);
    match(
      stderr,
      /^wherry: Cannot mount "\/\S+" on "\/data": it (is in no file system|means)/,
    );
  }
});

testWhole("a source that has become a file is an error that says so", async (wherry) => {
  Deno.mkdirSync(`${wherry.scratch}/source`);
  const { stdout } = await wherry.run([
    ...["create", "-v", "./source:/data"],
    ...await wherry.busybox(),
    "true",
  ]);
  const id = stdout.trim();
  strictEqual((await wherry.run(["start", "-a", id])).code, 0);
  Deno.removeSync(`${wherry.scratch}/source`);
  Deno.writeTextFileSync(`${wherry.scratch}/source`, "");

  const { code, stderr } = await wherry.run(["start", "-a", id]);

  strictEqual(code === 0, false);
  match(stderr, /Cannot mount "\S+\/source" on "\/data": it is a file, and the target a directory/);
  await wherry.run(["rm", id]);
});

for (const count of [50, 500]) {
  testWhole(`${count} mounts work`, async (wherry) => {
    const numbers = Array.from({ length: count }, (_, index) => index);
    for (const index of numbers) {
      Deno.mkdirSync(`${wherry.scratch}/${index}`);
      Deno.writeTextFileSync(`${wherry.scratch}/${index}/file`, "");
    }

    const { stdout, stderr } = await wherry.runBusybox(
      numbers.flatMap((index) => ["-v", `./${index}:/data/${index}`]),
      ["sh", "-c", "ls /data/*/file | wc -l"],
    );

    deepStrictEqual([stdout, stderr], [`${count}\n`, ""]);
  });
}
