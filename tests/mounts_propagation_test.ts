/** Propagation of mounts between the host and a container, in a mount namespace that stands for the host's. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type Result, type TestEngine, testWhole } from "./harness.ts";

/** Runs a shell script as the host, whose `/` is shared as systemd has it; `w` calls wherry. */
async function onHost(wherry: TestEngine, script: string): Promise<Result> {
  const prelude = `
    mount --make-rshared /
    w() { ${wherry.commandLine(['"$@"']).join(" ")}; }
    is_mounted() { mountpoint -q "$1" && echo "$2"; true; }
    mount -t tmpfs none "$PWD"; cd "$PWD"
  `;
  return await wherry.runCommand([
    ...["unshare", "-m", "--propagation", "private"],
    ...["sh", "-ec", prelude + script],
  ]);
}

/** A shared mount, with another one below, and places to mount something on. */
const SOURCE = `
  mkdir source; mount -t tmpfs none source
  mkdir source/below; mount -t tmpfs none source/below
  mkdir source/host source/inside source/below/host source/below/inside
`;

async function runDetached(wherry: TestEngine, flags: string): Promise<string> {
  const image = (await wherry.busybox()).join(" ");
  return `id=$(w run -d --privileged --network none ${flags} ${image} sleep 1000)`;
}

const BOTH = ["host seen inside", "inside seen on the host"];
const BELOW = BOTH.map((text) => `below: ${text}`);

for (
  const [mode, expected] of [
    ["rshared", [...BOTH, ...BELOW]],
    ["shared", BOTH],
    ["rslave", [BOTH[0], BELOW[0]]],
    ["slave", [BOTH[0]]],
    ["rprivate", []],
    ["private", []],
  ] as const
) {
  testWhole(`-v with ${mode} propagates what it says, and nothing stays`, async (wherry) => {
    const run = await runDetached(wherry, `-v $PWD/source:/data:${mode}`);

    const { code, stdout, stderr } = await onHost(
      wherry,
      `${SOURCE}
      cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" >before
      ${run}
      cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" | diff before -
      for at in "" below/; do
        say=\${at:+below: }
        mount -t tmpfs none source/\${at}host
        w exec $id grep -q " /data/\${at}host " /proc/mounts && echo "\${say}host seen inside"
        w exec $id mount -t tmpfs none /data/\${at}inside
        is_mounted source/\${at}inside "\${say}inside seen on the host"
      done
      w rm -f $id >&2
      for at in source/host source/below/host source/inside source/below/inside; do
        umount $at 2>/dev/null || true
      done
      cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" | diff before -`,
    );

    deepStrictEqual([stdout.split("\n").slice(0, -1), code], [expected, 0], stderr);
  });
}

testWhole("-v with rshared of a directory in a shared mount propagates", async (wherry) => {
  const run = await runDetached(wherry, "-v $PWD/source/sub:/data:rshared");

  const { stdout } = await onHost(
    wherry,
    `mkdir -p source/sub/inside
    ${run}
    w exec $id mount -t tmpfs none /data/inside
    is_mounted source/sub/inside "seen on the host"
    w rm -f $id >&2; umount source/sub/inside`,
  );

  strictEqual(stdout, "seen on the host\n");
});

testWhole("-v with ro and rshared is read-only inside alone", async (wherry) => {
  const run = await runDetached(wherry, "-v $PWD/source:/data:ro,rshared");

  const { stdout } = await onHost(
    wherry,
    `${SOURCE}
    ${run}
    for at in "" below/; do
      w exec $id touch /data/\${at}file 2>/dev/null || echo read-only
      touch source/\${at}file
    done
    w rm -f $id >&2`,
  );

  strictEqual(stdout, "read-only\nread-only\n");
});

for (
  const [mode, propagation, why] of [
    ["rshared", "private", "it is not a shared mount"],
    ["shared", "private", "it is not a shared mount"],
    ["rslave", "private", "it is not a shared or slave mount"],
    ["slave", "private", "it is not a shared or slave mount"],
    ["rshared", "slave", "it is not a shared mount"],
  ] as const
) {
  testWhole(`-v with ${mode} refuses a ${propagation} mount, and makes nothing`, async (wherry) => {
    const image = (await wherry.busybox()).join(" ");

    const { code, stderr } = await onHost(
      wherry,
      `${SOURCE}
      mount --make-r${propagation} source
      w run --rm -v $PWD/source/host:/data:${mode} ${image} true`,
    );

    strictEqual(code, 125);
    match(stderr, /^wherry: path \S+\/source\/host is mounted on \S+\/source but /);
    match(stderr, new RegExp(why));
    strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
  });
}

testWhole("-v with rslave takes a mount that is a slave itself", async (wherry) => {
  const run = await runDetached(wherry, "-v $PWD/source:/data:rslave");

  const { stdout } = await onHost(
    wherry,
    `${SOURCE}
    mkdir master; mount --bind source master; mount --make-slave source
    ${run}
    mount -t tmpfs none master/host
    w exec $id grep -q " /data/host " /proc/mounts && echo seen
    w rm -f $id >&2; umount master/host`,
  );

  strictEqual(stdout, "seen\n");
});

testWhole(
  "-v with rshared mounts nothing else in it, where it would reach the host",
  async (wherry) => {
    const image = (await wherry.busybox()).join(" ");

    const { code, stderr } = await onHost(
      wherry,
      `${SOURCE}
    w run --rm -v $PWD/source:/data:rshared --tmpfs /data/inside ${image} true`,
    );

    strictEqual(code, 125);
    match(
      stderr,
      /Cannot mount anything on "\/data\/inside": what is mounted on "\/data" is shared/,
    );
  },
);

testWhole(
  "-v with rshared on /etc leaves wherry's own files out of the host's sight",
  async (wherry) => {
    const image = (await wherry.busybox()).join(" ");

    const { stdout } = await onHost(
      wherry,
      `${SOURCE}
    w run --rm -v $PWD/source:/etc:rshared ${image} ls /etc; ls source`,
    );

    strictEqual(stdout, "below\nhost\ninside\n".repeat(2));
  },
);

/** The root file system of a container, in which links lead from some names to others. */
function linkIn(script: string): string {
  return `id=$(w create IMAGE true); mkdir root; w export $id | tar x -C root; w rm $id >&2; ${script}`;
}

for (
  const [what, script, flags] of [
    ["another shared mount", "ln -s data root/other", "-v $PWD/source/inside:/other:rshared"],
    [
      "wherry's files in /etc",
      "rm -r root/etc; ln -s data root/etc",
      "-v $PWD/source/inside:/etc",
    ],
    ["a device", "ln -s data root/other", "--device /dev/null:/other/null"],
  ] as const
) {
  testWhole(`links of an image lead ${what} to nothing that the host shares`, async (wherry) => {
    const image = (await wherry.busybox()).join(" ");

    const { stdout, stderr } = await onHost(
      wherry,
      `${SOURCE}
      ${linkIn(script).replace("IMAGE", image)}
      cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" >before
      w run --rm --network none -v $PWD/source:/data:rshared ${flags} --rootfs root true || echo failed
      cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" | diff before -`,
    );

    strictEqual(stdout, flags.endsWith(":rshared") ? "failed\n" : "", stderr);
  });
}

testWhole(
  "-v with rshared refuses what would cover the host's /proc, or be on it",
  async (wherry) => {
    const image = (await wherry.busybox()).join(" ");
    const run = (flags: string): string =>
      `w run --rm --network none ${flags} ${image} true || true`;

    const { stdout, stderr } = await onHost(
      wherry,
      `cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" >before
    ${run("-v /proc:/proc:rshared")}
    ${run("-t -v /dev:/dev:rshared")}
    cut -d " " -f 5- /proc/self/mountinfo | sed "s/:[0-9]*//g" | diff before -`,
    );

    strictEqual(stdout, "");
    match(stderr, /Cannot mount a cover on "\/proc\/\w+": what is mounted on "\/proc" is shared/);
    match(
      stderr,
      /Cannot mount anything on "\/dev\/console": what is mounted on "\/dev" is shared/,
    );
  },
);

testWhole("-t has a terminal in the /dev that is mounted", async (wherry) => {
  const flags = ["--rm", "-t", "-v", "/dev:/dev"];

  const { stdout, code } = await wherry.run([
    ...["run", ...flags, ...await wherry.busybox(), "sh", "-c"],
    "tty; test -c /dev/console && test -t 1 && echo terminal",
  ]);

  match(stdout, /^\/dev\/\S+\r\nterminal\r\n$/);
  strictEqual(code, 0);
});

testWhole("a container that is restarted shares with the host again", async (wherry) => {
  const run = await runDetached(wherry, "-v $PWD/source:/data:rshared");

  const { stdout } = await onHost(
    wherry,
    `${SOURCE}
    ${run}
    w restart -t 0 $id >&2
    w exec $id mount -t tmpfs none /data/inside
    is_mounted source/inside "seen on the host"
    w stop -t 0 $id >&2; w start $id >&2
    w exec $id grep -q " /data/inside " /proc/mounts && echo "still there"
    w exec $id umount /data/inside
    is_mounted source/inside "not seen any more"
    w rm -f $id >&2`,
  );

  strictEqual(stdout, "seen on the host\nstill there\n");
});
