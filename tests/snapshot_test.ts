/**
 * Processes that are made of a snapshot, which the first start has written: `native/snapshot.h`.
 *
 * Each test has a host of its own: mounts, network and processes, and an empty `/run`.
 */

import {
  deepStrictEqual,
  doesNotMatch,
  match,
  notStrictEqual,
  ok,
  strictEqual,
} from "node:assert/strict";
import { PROJECT_ROOT } from "../scripts/build.ts";
import { busyboxDirectory, type Result } from "./harness.ts";
import { needs } from "./needs.ts";
import { withPatience } from "./patience.ts";
import { shell, shellWithMounts } from "./shell.ts";

const PROGRAM = `${PROJECT_ROOT}dist/wherry`;

/** Where members of `struct snapshot` stand. */
const HEADER = {
  magic: 0,
  build: 8,
  processor: 32,
  kernel: 40,
  size: 48,
  programSize: 56,
  monotonic: 64,
  pieceCount: 72,
  descriptorCount: 80,
  libraryCount: 84,
  library: 88,
};

/** Where the build's id stands, in bytes from the end of wherry's file. */
const BUILD_FROM_END = 32;

/** No test takes longer, however slow the machine; one that does hangs. */
const TIMEOUT_SECONDS = withPatience(120_000) / 1000;

/**
 * What the tests' lines of shell begin with.
 *
 * $W calls wherry, $D is the directory for its snapshot, $R a root file system with busybox, $T a tar of it.
 */
const PRELUDE = `
  mount -t tmpfs none /run && mkdir -m 711 /run/wherry && mkdir /run/scratch && cd /run/scratch || exit
  export TMPDIR=/run/scratch
  W="$P --root /run/root"
  D=/run/wherry/cache/$BUILD

  is_written() { grep -qs "__snapsho[t]" /proc/[0-9]*/cmdline; }

  # Waits until there is a snapshot and nobody writes one
  await_snapshot() { until [ -s $D/snapshot ] && ! is_written; do sleep 0.01; done; }

  # Has a snapshot written, and removes what the ordinary start left beside it
  prepare() { $W version >/dev/null; await_snapshot; remove_code_cache; }

  remove_code_cache() { find $D -mindepth 1 ! -name "snapshot*" -delete; }

  # Makes a container that is never started, and prints its id
  create() { $W create --network none --rootfs $R "$@"; }

  in_container() { $W run --rm --network none --rootfs $R "$@"; }

  # Tells how a command starts, and what /proc/PID/status has of it in the lines that begin with $1
  start() {
    local line pid
    [ -e /run/root/containers ] || create true >/dev/null
    coproc EVENTS { exec $W events --since 0; }
    pid=$EVENTS_PID
    read -r line <&\${EVENTS[0]}
    if grep -q "/snapshot$" /proc/$pid/maps; then echo resumed; else echo ordinary; fi
    [ -z "\${1-}" ] || grep -E "^$1" /proc/$pid/status
    { kill -\${2-KILL} $pid; wait $pid; } 2>/dev/null
  }
`;

/** Runs lines of bash on a host of their own. */
async function runOnHost(lines: string, env: Record<string, string> = {}): Promise<Result> {
  const image = await busyboxDirectory();
  const namespaces = "--net --pid --fork --mount-proc --kill-child";
  const limit = `timeout -s KILL ${TIMEOUT_SECONDS}`;
  return await shell(
    `exec ${limit} unshare --mount --propagation private ${namespaces} bash -c "$LINE"`,
    {
      P: PROGRAM,
      BUILD,
      R: `${image}/rootfs`,
      T: `${image}/image.tar`,
      LINE: `${PRELUDE}${lines}\n:`,
      ...env,
    },
  );
}

/** The same, and what was printed; nothing may have been complained about. */
async function onHost(lines: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await runOnHost(lines, env);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" }, stdout);
  return stdout;
}

async function readBuild(): Promise<string> {
  const { stdout } = await shellWithMounts(`mount -t tmpfs none /run && exec "${PROGRAM}" version`);
  return /Build: +([0-9a-f]+)/.exec(stdout)?.[1] ?? "";
}

const isRoot = needs("root");
const BUILD = isRoot ? await readBuild() : "";

function testOnHost(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: !isRoot, fn: body });
}

testOnHost(
  "the first start has a snapshot written that only root can read, and nothing else stays",
  async () => {
    const stdout = await onHost(`
    $W version >/dev/null
    await_snapshot
    stat -c "%a %u:%g" /run/wherry/cache $D $D/snapshot $D/snapshot.attempt
    ls -A $D
    echo /proc/[0-9]*
  `);

    deepStrictEqual(stdout.trim().split("\n"), [
      "700 0:0",
      "700 0:0",
      "600 0:0",
      "600 0:0",
      "snapshot",
      "snapshot.attempt",
      "/proc/1",
    ]);
  },
);

testOnHost(
  "a later start is made of the snapshot, and an ordinary one where it is missing",
  async () => {
    const stdout = await onHost("prepare; start; rm $D/snapshot; start; start");

    strictEqual(stdout, "resumed\nordinary\nordinary\n");
  },
);

testOnHost("a start is made of the snapshot where no program may be run from /run", async () => {
  strictEqual(await onHost("mount -o remount,noexec /run; prepare; start"), "resumed\n");
});

testOnHost("a command that is made of the snapshot opens no code cache", async () => {
  strictEqual(await onHost("prepare; $W ps -q; ls -A $D"), "snapshot\nsnapshot.attempt\n");
});

testOnHost("a process of a snapshot has its own arguments", async () => {
  const stdout = await onHost(`
    prepare
    id=$(create echo "" $'a\\nb' ä€𝄞 --help "")
    $W inspect --format "{{json .Args}}" $id
    in_container sh -c 'echo $#' sh $(seq 20000)
    ls -A $D
  `);

  deepStrictEqual(stdout.trim().split("\n"), [
    '["","a\\nb","ä€𝄞","--help",""]',
    "20000",
    "snapshot",
    "snapshot.attempt",
  ]);
});

testOnHost("a process of a snapshot starts without arguments", async () => {
  const { code, stdout, stderr } = await runOnHost("prepare; $P | head -1; ls -A $D");

  match(stdout, /^Usage: .*\nsnapshot\nsnapshot\.attempt\n$/);
  deepStrictEqual([code, stderr], [0, ""]);
});

testOnHost(
  "a process of a snapshot has its own environment, hidden variables included",
  async () => {
    const variables = {
      NO_COLOR: "1",
      HOME: "/home/ä",
      DENO_DIR: "/nowhere",
      LD_PRELOAD: "/nowhere.so",
      NODE_OPTIONS: "--help",
      OTHER: "a=b\nc",
      EMPTY: "",
    };
    const names = [...Object.keys(variables), "MISSING", "WHERRY_BUILD_OF_MINE"];
    const settings = Object.entries(variables).map(([name, value]) =>
      `${name}=$'${value}'`.replace("\n", "\\n")
    );
    const stdout = await onHost(`
    OTHER=old prepare
    env ${settings.join(" ")} \\
      $W run --rm --network none ${
      names.map((name) => `-e ${name}`).join(" ")
    } --rootfs $R env -0 | tr "\\0" "|"
    echo
    ls -A $D
  `);

    const [printed = "", files] = stdout.split(/\|\n/);
    const found = Object.fromEntries(
      printed.split("|").map((
        line,
      ) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    deepStrictEqual(
      Object.fromEntries(names.filter((name) => name in found).map((name) => [name, found[name]])),
      variables,
    );
    strictEqual(files, "snapshot\nsnapshot.attempt\n");
  },
);

testOnHost("a process of a snapshot has its own time zone", async () => {
  const stdout = await onHost(`
    prepare
    create true >/dev/null
    for zone in Asia/Kolkata America/New_York UTC; do TZ=$zone $W events --since 0 --until 0s; done
    ls -A $D
  `);

  const zones = [...stdout.matchAll(/^\S+\.\d{9}(\S+) container create/gm)].map(([, zone]) => zone);
  match(zones.join(" "), /^\+05:30 -0[45]:00 Z$/);
  ok(stdout.endsWith("\nsnapshot\nsnapshot.attempt\n"), stdout);
});

testOnHost("a process of a snapshot is in its caller's directory", async () => {
  const stdout = await onHost(`
    prepare
    for name in one two; do
      mkdir $name
      (cd $name; create --cidfile id true >/dev/null)
    done
    mkdir deleted
    (cd deleted; rmdir ../deleted; $W ps -aq | wc -l)
    ls one two $D
  `);

  strictEqual(
    stdout,
    `2\n/run/wherry/cache/${BUILD}:\nsnapshot\nsnapshot.attempt\n\none:\nid\n\ntwo:\nid\n`,
  );
});

testOnHost("a process of a snapshot has its caller's umask and signals, as any other", async () => {
  const look = `
    (umask 027; trap "" HUP INT; start "(Umask|Sig|Shd)")
    (umask 022; trap - HUP INT; start "(Umask|Sig|Shd)")
  `;
  const stdout = await onHost(`prepare; ${look} rm $D/snapshot; ${look}`);

  const lines = stdout.trim().split("\n");
  const resumed = lines.slice(0, lines.length / 2);
  const ordinary = lines.slice(lines.length / 2);
  deepStrictEqual(
    resumed.map((line) => line.replace("resumed", "ordinary")).filter((line) =>
      !line.startsWith("SigQ")
    ),
    ordinary.filter((line) => !line.startsWith("SigQ")),
  );
  deepStrictEqual(resumed.filter((line) => line === "resumed").length, 2);
  deepStrictEqual(resumed.filter((line) => line.startsWith("Umask")), [
    "Umask:\t0027",
    "Umask:\t0022",
  ]);
  const ignored = resumed.filter((line) => line.startsWith("SigIgn"))
    .map((line) => BigInt(line.replace("SigIgn:\t", "0x")));
  deepStrictEqual(ignored.map((mask) => mask & 0b11n), [0b11n, 0n]);
});

testOnHost(
  "a process of a snapshot reads and writes its caller's streams, and any may be closed",
  async () => {
    const stdout = await onHost(`
    prepare
    echo input | $W run -i --rm --network none --rootfs $R sh -c "cat; echo error >&2" 2>error >output
    cat output error
    $W inspect nothing 2>error >output
    echo $? $(grep -c nothing error)
    $W version <&- | head -1
    $W version >&-; echo $?
    $W inspect nothing 2>&- >output; echo $?
    $W version <&- >&- 2>&-; echo $?
    in_container sh -c "cat; echo read" <&-
    ls -A $D
  `);

    deepStrictEqual(stdout.split("\n"), [
      "input",
      "error",
      "1 1",
      "wherry",
      "0",
      "1",
      "0",
      "read",
      "snapshot",
      "snapshot.attempt",
      "",
    ]);
  },
);

testOnHost("a process of a snapshot reads descriptors that its caller opened", async () => {
  const stdout = await onHost(`
    prepare
    $W import <(cat $T)
    $W import /dev/fd/3 3<$T
    $W import /dev/fd/99 99<$T
    $W import - <$T
    ls -A $D
  `);

  match(stdout, /^(sha256:[0-9a-f]{64}\n){4}snapshot\nsnapshot\.attempt\n$/);
});

testOnHost(
  "a container of a process of a snapshot gets its caller's limit of open files",
  async () => {
    const stdout = await onHost(`
    prepare
    for limit in 1000 777; do (ulimit -Sn $limit; in_container sh -c "ulimit -Sn"); done
    ls -A $D
  `);

    strictEqual(stdout, "1000\n777\nsnapshot\nsnapshot.attempt\n");
  },
);

testOnHost("a process of a snapshot ends as its command does, or by its signal", async () => {
  const stdout = await onHost(`
    prepare
    in_container sh -c "exit 7"; echo $?
    $W run --nonsense 2>error; echo $?
    id=$($W run -d --network none --rootfs $R sleep 1000)
    $W kill $id >/dev/null
    $W wait $id
    $W rm $id >/dev/null
    for signal in TERM HUP KILL; do start "" $signal; echo $?; done
    ls -A $D
  `);

  strictEqual(
    stdout,
    "7\n125\n137\nresumed\n143\nresumed\n129\nresumed\n137\nsnapshot\nsnapshot.attempt\n",
  );
});

testOnHost("processes of one snapshot choose different ids and names", async () => {
  // Each with directories of its own, where every name is free
  const stdout = await onHost(`
    prepare
    for i in $(seq 10); do
      W="$P --root /run/root$i --run-root /run/run$i"
      (id=$(create true); echo $id $($W inspect --format "{{.Name}}" $id)) &
    done
    wait
    ls -A $D
  `);

  const lines = stdout.split("\n");
  deepStrictEqual(lines.slice(10), ["snapshot", "snapshot.attempt", ""]);
  const words = lines.slice(0, 10).map((line) => line.split(" "));
  strictEqual(new Set(words.map(([id]) => id)).size, 10, stdout);
  // Two of ten may well be equal by chance
  ok(new Set(words.map(([, name]) => name)).size > 5, stdout);
});

testOnHost(
  "processes of one snapshot choose different names for directories that they fill",
  async () => {
    const stdout = await onHost(`
    prepare
    for i in $(seq 5); do
      mkfifo fifo$i
      $P --root /run/root$i --run-root /run/run$i import - <fifo$i >/dev/null 2>&1 &
      pids[i]=$!
      exec {writer}>fifo$i
      printf x >&$writer
    done
    for i in $(seq 5); do
      until directory=$(compgen -G "/run/root$i/*/staging/*" || compgen -G "/run/root$i/staging/*"); do
        sleep 0.01
      done
      echo \${directory##*/}
    done
    exec 2>/dev/null # bash tells of the killed
    kill -9 \${pids[*]}
    wait
    ls -A $D
  `);

    const lines = stdout.split("\n");
    for (const name of lines.slice(0, 5)) match(name, /^[0-9a-f-]{36}$/);
    strictEqual(new Set(lines.slice(0, 5)).size, 5, stdout);
    deepStrictEqual(lines.slice(5), ["snapshot", "snapshot.attempt", ""]);
  },
);

testOnHost("a process of a snapshot looks at the host that it is on", async () => {
  const stdout = await onHost(`
    prepare
    $W info --format "{{.NCPU}}"
    nproc
    taskset -c $(taskset -cp $$ | grep -o "[0-9]*$") $W info --format "{{.NCPU}}"
    unshare --uts sh -c "echo renamed >/proc/sys/kernel/hostname; exec $W info --format {{.Name}}"
    ls -A $D
  `);

  const [found, expected, ...rest] = stdout.trim().split("\n");
  strictEqual(found, expected);
  deepStrictEqual(rest, ["1", "renamed", "snapshot", "snapshot.attempt"]);
});

testOnHost(
  "monitor and container of a process of a snapshot have the files open that any has",
  async () => {
    const stdout = await onHost(`
    look() {
      id=$($W run -d --network none --rootfs $R sleep 1000)
      for pid in $($W inspect --format "{{.State.MonitorPid}} {{.State.Pid}}" $id); do
        find /proc/$pid/fd -type l -printf "%f %l\\n" | sort -n | sed "s/$id/ID/; s/[[][0-9]*/[/"
      done
      $W rm -f $id >/dev/null
    }
    prepare
    look >resumed
    ls -A $D
    rm $D/snapshot
    look >ordinary
    diff ordinary resumed
    wc -l <resumed
  `);

    match(stdout, /^snapshot\nsnapshot\.attempt\n[1-9]\d*\n$/);
  },
);

testOnHost("twenty first starts at once have one snapshot written, and all succeed", async () => {
  const stdout = await onHost(`
    for i in $(seq 20); do (create true >id.$i; echo $?) & done
    wait
    await_snapshot
    cat id.* | sort -u | wc -l
    ls $D/snapshot*
    remove_code_cache
    start
  `);

  strictEqual(
    stdout,
    `${"0\n".repeat(20)}20\n/run/wherry/cache/${BUILD}/snapshot\n` +
      `/run/wherry/cache/${BUILD}/snapshot.attempt\nresumed\n`,
  );
});

testOnHost("twenty containers are made at once by processes of one snapshot", async () => {
  const stdout = await onHost(`
    prepare
    for i in $(seq 20); do (create true >id.$i; echo $?) & done
    wait
    cat id.* | sort -u | wc -l
    $W ps -aq | wc -l
    ls -A $D
  `);

  strictEqual(stdout, `${"0\n".repeat(20)}20\n20\nsnapshot\nsnapshot.attempt\n`);
});

/** Lines that make something of a good snapshot that must not be used. */
const DAMAGES = {
  "is truncated": "truncate -s 1000000 $D/snapshot",
  "ends in its header": "truncate -s 100 $D/snapshot",
  "is empty": ": >$D/snapshot",
  "is of random bytes": "head -c 1000000 /dev/urandom >$D/snapshot",
  "has something appended": "echo >>$D/snapshot",
  "is a symbolic link": "mv $D/snapshot elsewhere; ln -s $PWD/elsewhere $D/snapshot",
  "belongs to another user": "chown 65534 $D/snapshot",
  "has another magic number": overwrite(HEADER.magic),
  "is another build's": overwrite(HEADER.build),
  "is another processor's": overwrite(HEADER.processor),
  "is another kernel's": overwrite(HEADER.kernel),
  "is said to be longer": overwrite(HEADER.size),
  "is of another file of wherry": overwrite(HEADER.programSize),
  "is of a time to come": overwrite(HEADER.monotonic + 6),
  "is of another C library": overwrite(HEADER.library + 20),
  "is said to have too many libraries": overwrite(HEADER.libraryCount + 3),
  "is said to have too many pieces": overwrite(HEADER.pieceCount + 3),
  "is said to have too many descriptors": overwrite(HEADER.descriptorCount + 3),
};

function overwrite(offset: number): string {
  return `printf "\\177" | dd of=$D/snapshot bs=1 seek=${offset} conv=notrunc status=none`;
}

for (const [state, damage] of Object.entries(DAMAGES)) {
  testOnHost(`a snapshot that ${state} is not used, and is written again later`, async () => {
    const stdout = await onHost(`
      prepare
      ${damage}
      start
      touch -d "1 hour ago" $D/snapshot.attempt
      start
      await_snapshot
      start
      ls $D/snapshot*
    `);

    strictEqual(
      stdout,
      "ordinary\nordinary\nresumed\n" +
        `/run/wherry/cache/${BUILD}/snapshot\n/run/wherry/cache/${BUILD}/snapshot.attempt\n`,
    );
  });
}

testOnHost("a snapshot in a directory that others can write to or own is not used", async () => {
  const stdout = await onHost(`
    prepare
    for path in $D /run/wherry/cache /run/wherry; do
      chmod o+w $path; start; chmod o-w $path; start
      chown 65534 $path; start; chown 0 $path; start
    done
  `);

  strictEqual(stdout, "ordinary\nresumed\n".repeat(6));
});

testOnHost("a failed attempt is not repeated at once", async () => {
  const stdout = await onHost(`
    $W version >/dev/null
    await_snapshot
    rm $D/snapshot
    $W version >/dev/null
    is_written; echo $?
    ls $D/snapshot*
  `);

  strictEqual(stdout, `1\n/run/wherry/cache/${BUILD}/snapshot.attempt\n`);
});

testOnHost(
  "an ordinary start is made where WHERRY_SNAPSHOT is 0, and no snapshot is written",
  async () => {
    const stdout = await onHost(`
    export WHERRY_SNAPSHOT=0
    $W version >/dev/null
    ls $D
    unset WHERRY_SNAPSHOT
    prepare
    start
    WHERRY_SNAPSHOT=0 start
  `);

    doesNotMatch(stdout, /snapshot/);
    match(stdout, /\nresumed\nordinary\n$/);
  },
);

testOnHost("an ordinary start is made where the caller has what the snapshot needs", async () => {
  const stdout = await onHost(`
    prepare
    start 100</dev/null
    (ulimit -n 64; start)
    start
  `);

  strictEqual(stdout, "ordinary\nordinary\nresumed\n");
});

testOnHost("a process of a snapshot starts with a small stack limit", async () => {
  strictEqual(await onHost("prepare; ulimit -s 256; start"), "resumed\n");
});

testOnHost("who writes a snapshot has nothing open of the caller's", async () => {
  const stdout = await onHost(`
    exec 5>lock 150</dev/null 251</dev/null
    flock 5
    $W version >/dev/null
    until is_written || [ -e $D/snapshot ]; do sleep 0.001; done
    exec 5>&-
    flock --nonblock lock echo free
    await_snapshot
    exec 150<&- 251<&-
    start
  `);

  strictEqual(stdout, "free\nresumed\n");
});

/** Lines that find the moment; $p is the process that writes the snapshot. */
const MOMENTS = {
  "as soon as it is there": "true",
  "when it begins": "[ -e $D/empty ]",
  "when it has a file without a name": "ls -l /proc/$p/fd 2>/dev/null | grep -q deleted",
};

for (const [moment, isReached] of Object.entries(MOMENTS)) {
  testOnHost(`no snapshot is left when who writes it is killed ${moment}`, async () => {
    const stdout = await onHost(`
      # Where it was too fast, the next one may be slower
      while true; do
        rm -rf $D
        $W version >/dev/null
        p=
        until [ -n "$p" ] || [ -e $D/snapshot ]; do
          p=$(grep -ls "__snapsho[t]" /proc/[0-9]*/cmdline | tail -1 | cut -d / -f 3)
        done
        [ -n "$p" ] || continue
        until ${isReached} || [ -e $D/snapshot ]; do :; done
        kill -9 $p 2>/dev/null
        while is_written; do :; done
        [ -e $D/snapshot ] || break
      done
      ls $D/snapshot*
      start
      touch -d "1 hour ago" $D/snapshot.attempt
      $W version >/dev/null
      await_snapshot
      start
      $W version >/dev/null
      remains=$(ls -A $D)
      echo $remains
    `);

    strictEqual(
      stdout,
      `/run/wherry/cache/${BUILD}/snapshot.attempt\nordinary\nresumed\nsnapshot snapshot.attempt\n`,
    );
  });
}

testOnHost("a copy and a moved file use the same snapshot, and know their own names", async () => {
  const stdout = await onHost(`
    prepare
    mount -t tmpfs none /mnt
    for name in "a copy" moved; do
      if [ $name = moved ]; then mv "/mnt/a copy" /mnt/moved; else cp $P "/mnt/a copy"; fi 2>/dev/null
      "/mnt/$name" --root /run/root generate systemd | grep ^ExecStart=
    done
    P=/mnt/moved; W="$P --root /run/root"; start
    ls -A $D
  `.replace("[ $name = moved ]", '[ "$name" = moved ]'));

  const [copy = "", moved = "", ...rest] = stdout.trim().split("\n");
  ok(copy.includes("/mnt/a copy") || copy.includes("/mnt/a\\x20copy"), copy);
  ok(moved.includes("/mnt/moved"), moved);
  deepStrictEqual(rest, ["resumed", "snapshot", "snapshot.attempt"]);
});

testOnHost("two builds side by side do not use each other's snapshots", async () => {
  const other = `${BUILD.startsWith("0") ? "1" : "0"}${BUILD.slice(1)}`;
  notStrictEqual(other, BUILD);
  const stdout = await onHost(`
    prepare
    mount -t tmpfs none /mnt
    cp $P /mnt/other
    size=$(stat -c %s $P)
    printf ${other} | dd of=/mnt/other bs=1 seek=$((size - ${BUILD_FROM_END})) conv=notrunc status=none
    first=$D
    P=/mnt/other W="/mnt/other --root /run/root" D=/run/wherry/cache/${other}
    start
    await_snapshot
    start
    cp -p $first/snapshot $D/snapshot
    start
    ls $first
  `);

  strictEqual(stdout, "ordinary\nresumed\nordinary\nsnapshot\nsnapshot.attempt\n");
});

testOnHost("a snapshot has nothing of the caller's who caused it", async () => {
  const stdout = await onHost(`
    SECRET_NAME=secret-in-variable $W inspect secret-in-argument <<<secret-in-input 2>/dev/null
    await_snapshot
    for word in wherry secret-in-variable SECRET_NAME secret-in-argument secret-in-input; do
      grep -aqF $word $D/snapshot; echo $?
    done
  `);

  strictEqual(stdout, "[]\n0\n1\n1\n1\n1\n");
});

testOnHost("a user who is not root has an ordinary start and no snapshot written", async () => {
  const user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  const stdout = await onHost(`
    mount -t tmpfs -o mode=755 none /mnt && cp $P /mnt/wherry && cd /
    ${user} /mnt/wherry version | head -1
    ls -A /run/wherry
    prepare
    ${user} /mnt/wherry version | head -1
    ls -A $D
  `);

  strictEqual(stdout, "wherry\nwherry\nsnapshot\nsnapshot.attempt\n");
});
