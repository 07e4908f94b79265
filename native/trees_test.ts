import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { plan, readLog, shell, testBoth, type TestContext } from "./testing.ts";

const NEW_NS = String(0x20000);
const ALL = 0x4000;
const PRIVATE = 0x40000;
const SLAVE = 0x80000;
const SHARED = 0x100000;
const READ_ONLY = "1";
const RECURSIVE = 1;
const MAKE_SOURCE = 2;
const LINKS_IN_ROOT = 8;
const TOP_IN_GROUP = 16;
const EEXIST = 17;
const EXDEV = 18;
const ENOENT = 2;
const ENOTDIR = 20;
const EISDIR = 21;
const EROFS = 30;
const EREMOTE = 66;

/** Numbers of the steps that {@linkcode begin} makes. */
const FIRST = 4;

/** Steps that begin the plan of a child whose root is `root`, in a mount namespace of its own. */
function begin({ directory }: TestContext, { propagation = PRIVATE } = {}): string[][] {
  for (const name of ["root", "source"]) Deno.mkdirSync(`${directory}/${name}`);
  return [
    ["log", `${directory}/log`, "cri", "0", "1"],
    ["clone", NEW_NS],
    ["mount", "", "/", "", String(ALL + propagation), ""],
    ["root", `${directory}/root`],
  ];
}

interface Taking {
  number?: number;
  source?: string;
  subpath?: string;
  flags?: number;
}

/** Copies `source` of the test's directory. */
function take({ directory }: TestContext, taking: Taking = {}): string[] {
  const { number = 0, source = "source", subpath = "", flags = RECURSIVE } = taking;
  return ["take-tree", String(number), `${directory}/${source}`, subpath, String(flags)];
}

/** Attaches what has been copied, private. */
function attach(target: string, number = 0, attributes = "0", topAttributes = "0"): string[] {
  const propagation = String(ALL + PRIVATE);
  return ["attach-taken", String(number), target, "0", attributes, topAttributes, propagation];
}

/** What a script prints in the mount namespace of a child with these steps; the root is its working directory. */
async function print(
  { start, directory }: TestContext,
  steps: string[][],
  script: string,
): Promise<string> {
  await using monitor = start(plan(...steps, shell(`exec 2>&1; cd ${directory}/root; ${script}`)));
  strictEqual(await monitor.finished(), "exited 0");
  return readLog(`${directory}/log`);
}

/** What the monitor says of steps of which one fails. */
async function fail({ start }: TestContext, steps: string[][]): Promise<string> {
  await using monitor = start(plan(...steps, shell("exit 0")));
  return await monitor.receive();
}

testBoth("step_attach_taken() makes what it mounts over, of the same kind", async (context) => {
  const steps = begin(context);
  Deno.writeTextFileSync(`${context.directory}/file`, "content\n");

  const text = await print(context, [
    ...steps,
    take(context),
    attach("/new/directory"),
    take(context, { source: "file" }),
    attach("/other/file"),
  ], "umount new/directory other/file; stat -c '%F %a %u' new new/directory other/file");

  strictEqual(text, "directory 755 0\ndirectory 755 0\nregular empty file 644 0\n");
});

testBoth("step_attach_taken() mounts what has been taken by number", async (context) => {
  const steps = begin(context);
  for (const name of ["one", "two"]) {
    Deno.mkdirSync(`${context.directory}/${name}`);
    Deno.writeTextFileSync(`${context.directory}/${name}/file`, `${name}\n`);
  }

  const text = await print(context, [
    ...steps,
    take(context, { number: 0, source: "one" }),
    take(context, { number: 1, source: "two" }),
    attach("/second", 1),
    attach("/first", 0),
  ], "cat first/file second/file");

  strictEqual(text, "one\ntwo\n");
});

testBoth("step_take_tree() takes nothing that the program gets", async (context) => {
  const steps = begin(context);

  const text = await print(
    context,
    [...steps, take(context), take(context, { number: 7 })],
    "ls /proc/self/fd",
  );

  strictEqual(text, "0\n1\n2\n3\n"); // 3 is ls's own
});

testBoth("step_take_tree() makes a missing source", async (context) => {
  const { directory } = context;
  const steps = begin(context);

  await print(context, [
    ...steps,
    take(context, { source: "new/source", flags: RECURSIVE | MAKE_SOURCE }),
    attach("/data"),
  ], "touch data/file");

  strictEqual((Deno.statSync(`${directory}/new/source`).mode ?? 0) & 0o7777, 0o755);
  strictEqual(Deno.statSync(`${directory}/new/source/file`).size, 0);
});

testBoth("step_take_tree() says that the source is missing", async (context) => {
  const steps = begin(context);

  strictEqual(
    await fail(context, [...steps, take(context, { source: "missing" }), attach("/data")]),
    `failed ${FIRST} ${ENOENT}`,
  );
});

/** Makes what subpaths lead to. */
function fillSource({ directory }: TestContext): void {
  const source = `${directory}/source`;
  Deno.mkdirSync(`${source}/in/side`, { recursive: true });
  Deno.writeTextFileSync(`${source}/in/side/file`, "found\n");
  Deno.writeTextFileSync(`${directory}/secret`, "secret\n");
  const links = {
    relative: "in/side",
    absolute: "/in/side",
    outside: "../secret",
    host: `${directory}/secret`,
    around: "in/../in/side/file",
    process: "/proc/self/root",
  };
  for (const [name, target] of Object.entries(links)) {
    Deno.symlinkSync(target, `${source}/${name}`);
  }
}

testBoth("step_take_tree() takes what a subpath leads to", async (context) => {
  const steps = begin(context);
  fillSource(context);
  const subpaths = ["in", "in/side/file", "relative", "around"];

  const text = await print(context, [
    ...steps,
    ...subpaths.flatMap((subpath, index) => [take(context, { subpath }), attach(`/${index}`)]),
  ], "cat 0/side/file 1 2/file 3");

  strictEqual(text, "found\n".repeat(4));
});

for (
  const [subpath, errno] of [
    ["outside", EXDEV],
    ["host", EXDEV],
    ["absolute", EXDEV],
    ["..", EXDEV],
    ["/in", EXDEV],
    ["process", EXDEV],
    ["missing", ENOENT],
    ["in/side/file/more", ENOTDIR],
  ] as const
) {
  testBoth(`step_take_tree() refuses the subpath ${subpath}`, async (context) => {
    const steps = begin(context);
    fillSource(context);

    strictEqual(
      await fail(context, [...steps, take(context, { subpath }), attach("/data")]),
      `failed ${FIRST} ${errno}`,
    );
  });
}

testBoth("step_take_tree() has links begin at the source when told so", async (context) => {
  const steps = begin(context);
  fillSource(context);

  const text = await print(context, [
    ...steps,
    take(context, { subpath: "absolute", flags: LINKS_IN_ROOT }),
    attach("/data"),
  ], "cat data/file");

  strictEqual(text, "found\n");
});

testBoth(
  "step_take_tree() leads nowhere out of the source that has links begin there",
  async (context) => {
    const steps = begin(context);
    fillSource(context);

    for (const subpath of ["outside", "host"]) {
      strictEqual(
        await fail(context, [
          ...steps,
          take(context, { subpath, flags: LINKS_IN_ROOT }),
          attach("/data"),
        ]),
        `failed ${FIRST} ${ENOENT}`,
      );
    }
  },
);

testBoth(
  "step_attach_taken() refuses a file over a directory, and the reverse",
  async (context) => {
    const steps = begin(context);
    Deno.writeTextFileSync(`${context.directory}/file`, "");
    Deno.mkdirSync(`${context.directory}/root/directory`);
    Deno.writeTextFileSync(`${context.directory}/root/file`, "");

    strictEqual(
      await fail(context, [...steps, take(context, { source: "file" }), attach("/directory")]),
      `failed ${FIRST + 1} ${EISDIR}`,
    );
    strictEqual(
      await fail(context, [...steps, take(context), attach("/file")]),
      `failed ${FIRST + 1} ${EEXIST}`,
    );
    strictEqual(
      await fail(context, [...steps, take(context), attach("/file/below")]),
      `failed ${FIRST + 1} ${ENOTDIR}`,
    );
  },
);

testBoth(
  "step_attach_taken() sets attributes of all mounts, or of the topmost one",
  async (context) => {
    const { directory } = context;
    const steps = begin(context);
    Deno.mkdirSync(`${directory}/source/below`);

    const text = await print(
      context,
      [
        ...steps,
        ["mount", "tmpfs", `${directory}/source/below`, "tmpfs", "0", ""],
        take(context),
        attach("/all", 0, READ_ONLY),
        take(context),
        attach("/top", 0, "0", READ_ONLY),
      ],
      "for name in all top all/below top/below; do touch $name/file 2>&- && echo $name; done; :",
    );

    strictEqual(text, "top/below\n");
  },
);

testBoth(
  "step_attach_taken() says that it cannot make anything in a read-only mount",
  async (context) => {
    const steps = begin(context);

    strictEqual(
      await fail(context, [
        ...steps,
        take(context),
        attach("/data", 0, READ_ONLY),
        take(context),
        attach("/data/below"),
      ]),
      `failed ${FIRST + 3} ${EROFS}`,
    );
  },
);

testBoth("step_attach_taken() covers a file of procfs that is named", async (context) => {
  const steps = begin(context);
  Deno.writeTextFileSync(`${context.directory}/file`, "mine\n");

  const text = await print(context, [
    ...steps,
    ["mount-in", "proc", "/proc", "proc", "14", ""],
    take(context, { source: "file" }),
    attach("/proc/uptime"),
  ], "cat proc/uptime");

  strictEqual(text, "mine\n");
});

for (const [kind, link] of [["last", "/proc/uptime"], ["first", "/proc"]] as const) {
  testBoth(`step_attach_taken() refuses a link to procfs as the ${kind} part`, async (context) => {
    const steps = begin(context);
    Deno.writeTextFileSync(`${context.directory}/file`, "");
    Deno.symlinkSync(link, `${context.directory}/root/link`);

    strictEqual(
      await fail(context, [
        ...steps,
        ["mount-in", "proc", "/proc", "proc", "14", ""],
        take(context, { source: "file" }),
        attach(kind === "last" ? "/link" : "/link/uptime"),
      ]),
      `failed ${FIRST + 2} ${EXDEV}`,
    );
  });
}

testBoth("step_attach_tree() refuses a link to procfs", async (context) => {
  const { directory } = context;
  const steps = begin(context);
  Deno.writeTextFileSync(`${directory}/file`, "");
  Deno.symlinkSync("/proc/self/attr/current", `${directory}/root/hosts`);

  strictEqual(
    await fail(context, [
      ...steps,
      ["mount-in", "proc", "/proc", "proc", "14", ""],
      ["attach-tree", `${directory}/file`, "/hosts", "0", "0", "0"],
    ]),
    `failed ${FIRST + 1} ${EXDEV}`,
  );
});

testBoth("step_mount_at() follows links, and keeps the mode of what it covers", async (context) => {
  const { directory } = context;
  const steps = begin(context);
  Deno.mkdirSync(`${directory}/root/run`, { mode: 0o750 });
  Deno.mkdirSync(`${directory}/root/var`);
  Deno.symlinkSync("/run", `${directory}/root/var/run`);
  const tmpfs = (
    target: string,
    data = "",
  ): string[] => ["mount-at", "tmpfs", target, "tmpfs", "6", data];

  const text = await print(context, [
    ...steps,
    tmpfs("/var/run"),
    tmpfs("/new/one"),
    tmpfs("/other", "mode=700,size=4k"),
    tmpfs("/var", "mode=711"),
  ], "stat -c '%n %a' run new new/one other var; grep -c ' - tmpfs tmpfs ' /proc/self/mountinfo");

  const [run, made, one, other, covered] = text.split("\n");
  deepStrictEqual(
    [run, made, one, other, covered],
    ["run 750", "new 755", "new/one 1777", "other 700", "var 711"],
  );
});

testBoth("step_mount_at() refuses a file, and what leads to procfs", async (context) => {
  const { directory } = context;
  const steps = begin(context);
  Deno.writeTextFileSync(`${directory}/root/file`, "");
  Deno.symlinkSync("/proc", `${directory}/root/link`);
  const proc = ["mount-in", "proc", "/proc", "proc", "14", ""];

  strictEqual(
    await fail(context, [...steps, ["mount-at", "tmpfs", "/file", "tmpfs", "0", ""]]),
    `failed ${FIRST} ${EEXIST}`,
  );
  strictEqual(
    await fail(context, [...steps, proc, ["mount-at", "tmpfs", "/link/sys", "tmpfs", "0", ""]]),
    `failed ${FIRST + 1} ${EXDEV}`,
  );
});

testBoth(
  "step_overlay() mounts lower directories alone, which nobody can write to",
  async (context) => {
    const { directory } = context;
    const steps = begin(context);
    for (const name of ["one", "two"]) {
      Deno.mkdirSync(`${directory}/${name}`);
      Deno.writeTextFileSync(`${directory}/${name}/${name}`, "");
    }

    const text = await print(context, [
      ...steps,
      [
        "overlay",
        `${directory}/root`,
        "0",
        "xino=off",
        "",
        "",
        `${directory}/two`,
        `${directory}/one`,
      ],
    ], "ls; touch new 2>&- || echo read-only");

    strictEqual(text, "one\ntwo\nread-only\n");
  },
);

/** A shared mount at `source`, with another one `below` it, and places to mount on in both. */
function makeSharedMount({ directory }: TestContext): string[][] {
  const source = `${directory}/source`;
  return [
    ["mount", "tmpfs", source, "tmpfs", "0", ""],
    ["root", source],
    ["mkdir", "/place", "755", "0", "0"],
    ["mkdir", "/below", "755", "0", "0"],
    ["mount", "", source, "", String(SHARED), ""],
    ["mount", "tmpfs", `${source}/below`, "tmpfs", "0", ""],
    ["mkdir", "/below/place", "755", "0", "0"],
    ["root", `${directory}/root`],
  ];
}

/** Mounts something at both places of the copy, and says where it can be seen. */
const MOUNT_AND_LOOK = "mount -t tmpfs none data/place; mount -t tmpfs none data/below/place; " +
  "cd ..; for place in source root/data; do for at in place below/place; do " +
  "mountpoint -q $place/$at && echo $place/$at; done; done; :";

for (
  const [name, flags, propagation, seen] of [
    ["all mounts", RECURSIVE, ALL + SHARED, ["source/place", "source/below/place"]],
    ["the topmost mount", RECURSIVE | TOP_IN_GROUP, SHARED, ["source/place"]],
    ["no mount", RECURSIVE, ALL + PRIVATE, []],
  ] as const
) {
  testBoth(`step_take_tree() lets ${name} stay in the source's group`, async (context) => {
    const steps = begin(context);

    const text = await print(context, [
      ...steps,
      ...makeSharedMount(context),
      take(context, { flags }),
      ["mount", "", "/", "", String(ALL + SLAVE), ""],
      ["attach-taken", "0", "/data", "0", "0", "0", String(propagation)],
    ], MOUNT_AND_LOOK);

    deepStrictEqual(
      text.split("\n").slice(0, -1),
      [...seen, "root/data/place", "root/data/below/place"],
    );
  });
}

for (
  const [name, link, expected] of [
    ["another shared mount", "one", `failed 16 ${EREMOTE}`],
    ["a directory of the root", "two", "started"],
  ] as const
) {
  testBoth(`step_attach_taken() of a shared mount on a link to ${name}`, async (context) => {
    const { directory } = context;
    const steps = begin(context);
    Deno.mkdirSync(`${directory}/root/one`);
    Deno.mkdirSync(`${directory}/root/two`);
    Deno.symlinkSync(link, `${directory}/root/link`);

    const answer = await fail(context, [
      ...steps,
      ...makeSharedMount(context),
      take(context),
      take(context, { number: 1 }),
      ["mount", "", "/", "", String(ALL + SLAVE), ""],
      ["attach-taken", "0", "/one", "0", "0", "0", String(ALL + SHARED)],
      ["attach-taken", "1", "/link", "0", "0", "0", String(ALL + SHARED)],
    ]);

    strictEqual(answer.split(" ")[0] === "started" ? "started" : answer, expected);
  });
}
