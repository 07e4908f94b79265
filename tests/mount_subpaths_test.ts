/** Parts of volumes and images that are mounted, and what is mounted below the source of a bind mount. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { listNames, type Result, type TestEngine, testWhole } from "./harness.ts";
import { importBusybox } from "./images.ts";

/** Makes the volume `vol` with files, and links that lead elsewhere. */
async function makeVolume(wherry: TestEngine): Promise<void> {
  await wherry.run(["volume", "create", "vol"]);
  const script = `
    mkdir -p /vol/in/side; echo found >/vol/in/side/file
    ln -s in/side /vol/inside
    ln -s ../../../etc /vol/outside
    ln -s /etc /vol/absolute
    ln -s /proc/self/root /vol/process`;
  const { code, stderr } = await wherry.runBusybox(["-v", "vol:/vol"], ["sh", "-ec", script]);
  deepStrictEqual([code, stderr], [0, ""]);
}

/** Mounts with docker's long flag, and prints what `script` does. */
async function runWith(wherry: TestEngine, mount: string, script = ":"): Promise<Result> {
  return await wherry.runBusybox(["--mount", mount], ["sh", "-c", script]);
}

testWhole(
  "a subpath of a volume is a directory or a file, in place of the whole",
  async (wherry) => {
    await makeVolume(wherry);
    const mount = (subpath: string, target: string): string[] => [
      "--mount",
      `source=vol,target=${target},volume-subpath=${subpath}`,
    ];

    const { stdout, stderr } = await wherry.runBusybox(
      [...mount("in", "/a"), ...mount("in/side/file", "/b"), ...mount("inside", "/c")],
      ["sh", "-c", "ls /a; cat /b; cat /c/file; echo more >/c/more; ls /a/side"],
    );

    deepStrictEqual([stdout, stderr], ["side\nfound\nfound\nfile\nmore\n", ""]);
    await wherry.run(["volume", "rm", "vol"]);
  },
);

testWhole("a subpath never leads out of its volume", async (wherry) => {
  await makeVolume(wherry);
  for (
    const [subpath, why] of [
      ["outside", 'its subpath "outside" leads out of it'],
      ["outside/passwd", 'its subpath "outside/passwd" leads out of it'],
      ["absolute", 'its subpath "absolute" leads out of it'],
      ["process", 'its subpath "process" leads out of it'],
      ["missing", 'it has no "missing"'],
      ["in/side/file/x", 'a part of its subpath "in/side/file/x" is a file'],
    ] as const
  ) {
    const { code, stderr } = await runWith(
      wherry,
      `source=vol,target=/data,volume-subpath=${subpath}`,
    );

    strictEqual(code, 125);
    strictEqual(stderr.split("\n")[0], `wherry: Cannot mount volume "vol" on "/data": ${why}`);
  }
  await wherry.run(["volume", "rm", "vol"]);
});

testWhole("a container that swaps a link cannot lead a subpath out of a volume", async (wherry) => {
  await makeVolume(wherry);
  Deno.writeTextFileSync(`${wherry.scratch}/secret`, "secret\n");
  // What a kubelet that looked twice would fall for (CVE-2017-1002101, CVE-2021-25741)
  const swap = `cd /vol; mkdir -p real; echo mine >real/secret
    ln -s ${wherry.scratch} link; touch ready
    while :; do mv real swap; mv link real; mv swap link; mv link swap; mv real link; mv swap real
    done`;
  const id = await wherry.start(["-v", "vol:/vol"], ["sh", "-c", swap]);
  const data = `${wherry.root}/volumes/vol/_data`;
  while (!listNames(data).includes("ready")) await new Promise((go) => setTimeout(go, 10));

  for (let round = 0; round < 12; round++) {
    const { stdout } = await runWith(
      wherry,
      "source=vol,target=/data,volume-subpath=real",
      "cat /data/secret 2>/dev/null; :",
    );
    ok(["", "mine\n"].includes(stdout), stdout);
  }
  await wherry.run(["rm", "-f", id]);
  await wherry.run(["volume", "rm", "vol"]);
});

/** Imports an image, and makes another one of it that has a second layer. */
async function makeImages(wherry: TestEngine): Promise<void> {
  await importBusybox(wherry, "one");
  const script = `
    mkdir -p /new/deep; echo layered >/new/deep/file; rm /bin/true
    ln -s /new/deep /absolute; ln -s ../../new/deep/file /new/relative`;
  const { stdout } = await wherry.run(["create", "one", "sh", "-ec", script]);
  const id = stdout.trim();
  strictEqual((await wherry.run(["start", "-a", id])).code, 0);
  strictEqual((await wherry.run(["commit", id, "two"])).code, 0);
  await wherry.run(["rm", id]);
}

for (const userns of [[], ["--userns", "auto"]]) {
  testWhole(`the files of images are mounted read-only ${userns.join(" ")}`, async (wherry) => {
    await makeImages(wherry);

    const { stdout, stderr } = await wherry.runBusybox(
      [
        ...userns,
        ...["--mount", "type=image,source=one,target=/one"],
        ...["--mount", "type=image,source=two,target=/two"],
        ...["--mount", "type=image,source=two,target=/deep,image-subpath=absolute"],
        ...["--mount", "type=image,source=two,target=/file,image-subpath=new/deep/file"],
        ...["--mount", "type=image,source=one,target=/two/bin,image-subpath=bin"],
      ],
      [
        "sh",
        "-c",
        `ls -d /one/bin/true /two/bin/true; cat /two/new/deep/file /deep/file /file
        for place in /one /two /deep; do touch $place/x 2>/dev/null || echo read-only; done
        stat -c %u /two/new`,
      ],
    );

    strictEqual(stderr, "");
    strictEqual(
      stdout,
      "/one/bin/true\n/two/bin/true\n" + "layered\n".repeat(3) + "read-only\n".repeat(3) + "0\n",
    );
    await wherry.run(["image", "rm", "two", "one"]);
  });
}

testWhole("a subpath that an image has not is an error that names both", async (wherry) => {
  await makeImages(wherry);

  for (const image of ["one", "two"]) {
    const { code, stderr } = await runWith(
      wherry,
      `type=image,source=${image},target=/data,image-subpath=none/such`,
    );

    strictEqual(code, 125);
    match(
      stderr,
      new RegExp(`^wherry: Cannot mount image "${image}" on "/data": it has no "none/`),
    );
  }
  await wherry.run(["image", "rm", "two", "one"]);
});

testWhole("an image of several layers is refused where there is no overlay", async (wherry) => {
  await makeImages(wherry);
  const run = async (image: string): Promise<Result> =>
    await wherry.run([
      ...["--storage-driver", "copy", "run", "--rm"],
      ...["--mount", `type=image,source=${image},target=/data`],
      ...await wherry.busybox(),
      ...["ls", "/data/bin/sh"],
    ]);

  const several = await run("two");

  strictEqual((await run("one")).stdout, "/data/bin/sh\n");
  strictEqual(several.code, 125);
  match(several.stderr, /Cannot mount image "two" on "\/data": its 2 layers take an overlay, and/);
  strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
  await wherry.run(["image", "rm", "two", "one"]);
});

for (
  const [recursion, seen] of [
    ["enabled", ["below seen"]],
    ["disabled", []],
    ["writable", ["below seen", "below written"]],
    ["readonly,bind-propagation=rprivate", ["below seen"]],
  ] as const
) {
  testWhole(`bind-recursive=${recursion} does what it says`, async (wherry) => {
    const source = `${wherry.scratch}/source`;
    Deno.mkdirSync(`${source}/below`, { recursive: true });
    await wherry.runHost("mount", "-t", "tmpfs", "none", `${source}/below`);
    try {
      Deno.writeTextFileSync(`${source}/below/file`, "");
      const { stdout } = await runWith(
        wherry,
        `type=bind,source=${source},target=/data,readonly,bind-recursive=${recursion}`,
        `touch /data/new 2>/dev/null && echo written
        test -e /data/below/file && echo "below seen"
        touch /data/below/new 2>/dev/null && echo "below written"; :`,
      );

      deepStrictEqual(stdout.split("\n").slice(0, -1), seen);
    } finally {
      await wherry.runHost("umount", `${source}/below`);
    }
  });
}

testWhole(
  "ids of a file system that cannot have them mapped are refused by its name",
  async (wherry) => {
    const source = `${wherry.scratch}/source`;
    Deno.mkdirSync(`${source}/proc`, { recursive: true });
    Deno.writeTextFileSync(`${source}/file`, "mine\n");
    const run = async (mount: string): Promise<Result> =>
      await wherry.runBusybox(["--userns", "auto", "--mount", mount], [
        "stat",
        "-c",
        "%u",
        "/data",
      ]);
    await wherry.runHost("mount", "-t", "proc", "proc", `${source}/proc`);
    try {
      const { code, stderr } = await run(`type=bind,source=${source},target=/data,idmap`);
      const alone = await run(
        `type=bind,source=${source},target=/data,idmap,bind-recursive=disabled`,
      );

      strictEqual(code, 125);
      match(
        stderr,
        /^wherry: Cannot mount "\S+\/source" on "\/data": with ids of the container's own/,
      );
      match(stderr, /proc on "\S+\/source\/proc"/);
      deepStrictEqual([alone.stdout, alone.stderr], ["0\n", ""]);
    } finally {
      await wherry.runHost("umount", `${source}/proc`);
    }
  },
);
