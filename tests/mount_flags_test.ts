/** The words of `-v`, `--mount`, `--tmpfs` and `--volumes-from`, and what `inspect` and `ps` make of them. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { exists, listNames, type TestEngine, testWhole } from "./harness.ts";

/** Fails if bad input has left anything. */
function assertNothingMade(wherry: TestEngine, flags: readonly string[]): void {
  for (const directory of ["containers", "names", "volumes"]) {
    deepStrictEqual(listNames(`${wherry.root}/${directory}`), [], flags.join(" "));
  }
  deepStrictEqual(listNames(wherry.scratch), [], flags.join(" "));
}

const OUT_OF_PROC = /cannot be mounted because it is inside \/proc/;

const BAD_VOLUMES: [spec: string, message: RegExp][] = [
  ["", /invalid empty volume spec/],
  [":/target", /invalid spec: :\/target: empty section between colons/],
  ["./new:", /invalid spec: \.\/new:: empty section between colons/],
  ["./new:/target:ro:more", /too many colons/],
  ["./new:relative", /invalid mount path: 'relative' mount path must be absolute/],
  ["./new:..", /mount path must be absolute/],
  ["relative", /mount path must be absolute/],
  ["/", /destination can't be '\/'/],
  ["./new:/", /destination can't be '\/'/],
  ["./new:/../..", /destination can't be '\/'/],
  ["./new:/target:sometimes", /invalid mode: sometimes/],
  ["./new:/target:ro,rw", /invalid mode: ro,rw/],
  ["./new:/target:rslave,shared", /invalid mode: rslave,shared/],
  ["./new:/target:nocopy", /field VolumeOptions must not be specified/],
  ["volume:/target:rslave", /field BindOptions must not be specified/],
  ["/target:ro", /invalid volume specification: '\/target:ro'/],
  ["v:/target", /volume name|names should be/],
  ["vol/ume:/target", /vol\/ume/],
  ["./new:/tar\nget", /line break/],
  ["./new:/proc", /cannot be mounted because it is not of type proc/],
  ["./new:/proc/sys", OUT_OF_PROC],
  ["volume:/proc/1", OUT_OF_PROC],
  ["./new:/target:idmap", /bind source path does not exist: .*\/new$/m],
];

testWhole("-v refuses what makes no sense, and makes nothing", async (wherry) => {
  for (const [spec, message] of BAD_VOLUMES) {
    const { code, stderr } = await wherry.runBusybox(["-v", spec], ["true"]);

    strictEqual(code, 125, spec);
    match(stderr, message);
    assertNothingMade(wherry, ["-v", spec]);
  }
});

const BAD_MOUNTS: [spec: string, message: RegExp][] = [
  ["", /invalid argument "" for "--mount" flag: /],
  ["type=bind", /for "--mount" flag: target is required/],
  ["type=bind,src=./new,dst=/a,colour=red", /unexpected key 'colour' in 'colour=red'/],
  ["type=bind,src=./new,dst=/a,readonly=perhaps", /invalid value for readonly: perhaps/],
  ["type=bind,src=./new,dst=/a,volume-nocopy", /cannot mix 'volume-\*' options/],
  ['type=bind,"src=./new,dst=/a', /extraneous or missing " in quoted-field/],
  ["type=bind,src=./new,dst=/a", /bind source path does not exist: .*\/new$/m],
  ["type=bind,src=new,dst=/a", /invalid mount path: 'new' mount path must be absolute/],
  ["type=bind,src=.,dst=a", /invalid mount path: 'a' mount path must be absolute/],
  ["type=bind,src=.,dst=/", /destination can't be '\/'/],
  ["type=bind,src=.,dst=/proc/sys", OUT_OF_PROC],
  ["type=bind,src=.,dst=/a,bind-propagation=loud", /invalid propagation mode: loud/],
  ["type=tmpfs,src=x,dst=/a", /field Source must not be specified/],
  ["src=v,dst=/a", /volume name|names should be/],
  ["src=data,dst=/a,volume-subpath=../x", /subpath must be a relative path/],
  ["src=data,dst=/a,volume-driver=other", /"other"|other/],
  ["type=npipe,src=x,dst=/a", /invalid mount config for type "npipe": mount type unknown/],
  ["type=cluster,src=x,dst=/a", /invalid mount config for type "cluster": mount type unknown/],
];

testWhole("--mount refuses what makes no sense, and makes nothing", async (wherry) => {
  for (const [spec, message] of BAD_MOUNTS) {
    const { code, stderr } = await wherry.runBusybox(["--mount", spec], ["true"]);

    strictEqual(code, 125, spec);
    match(stderr, message);
    assertNothingMade(wherry, ["--mount", spec]);
  }
});

const BAD_COMBINATIONS: [flags: string[], message: RegExp][] = [
  [["-v", "./new:/a", "-v", "data:/a"], /Duplicate mount point: \/a/],
  [["-v", "./new:/a", "--tmpfs", "/a"], /Duplicate mount point: \/a/],
  [["-v", "data:/a", "--mount", "type=tmpfs,dst=/a/"], /Duplicate mount point: \/a/],
  [["-v", "data:/a", "--mount", "type=bind,src=./no,dst=/b"], /does not exist/],
  [["-v", "data:/a", "--tmpfs", "b"], /mount path must be absolute/],
  [["-v", "data:/a", "--volumes-from", "web:nocopy"], /invalid mode: nocopy/],
  [["-v", "data:/a", "--volumes-from", ""], /volumes-from specification/],
  [["-v", "data:/a", "-v", "./new:/bin/busybox"], /it is a directory, and the target a file$/m],
  [["-v", "data:/a", "-v", "/etc/passwd:/bin"], /it is a file, and the target a directory$/m],
  [["-v", "data:/a", "--tmpfs", "/bin/busybox"], /it is a directory, and the target a file$/m],
  [["-v", "data:/a", "--volumes-from", "nobody"], /No such container: nobody|nobody/],
  [["-v", "data:/a", "--volume-driver", "nfs"], /plugin "nfs" not found/],
  [["-v", "data:/a", "-v", "./new:/b", "-v", "x:/c"], /volume name|names should be/],
];

testWhole("flags of mounts that contradict each other make nothing", async (wherry) => {
  for (const [flags, message] of BAD_COMBINATIONS) {
    const { code, stderr } = await wherry.runBusybox(flags, ["true"]);

    strictEqual(code, 125, flags.join(" "));
    match(stderr, message);
    assertNothingMade(wherry, flags);
  }
});

testWhole("create ends with 125, too, if a mount makes no sense", async (wherry) => {
  for (const flags of [["-v", "./new:b"], ["--mount", "type=bind,src=./no,dst=/a"]]) {
    const { code } = await wherry.run(["create", ...await wherry.busybox(flags), "true"]);

    strictEqual(code, 125, flags.join(" "));
    assertNothingMade(wherry, flags);
  }
});

testWhole("--mount takes paths that -v could not", async (wherry) => {
  const name = 'with:colon, comma, "quotes" and = ü';
  Deno.mkdirSync(`${wherry.scratch}/${name}`);
  Deno.writeTextFileSync(`${wherry.scratch}/${name}/file`, "found\n");
  const source = `src=./${name}`.replaceAll('"', '""');

  const { stdout, stderr } = await wherry.runBusybox(
    ["--mount", `type=bind,"${source}","dst=/t a,b:ü",readonly`],
    ["sh", "-c", "cat '/t a,b:ü/file'; touch '/t a,b:ü/new'"],
  );

  strictEqual(stdout, "found\n");
  match(stderr, /Read-only file system/);
});

testWhole("--mount makes a missing source only if it is told to", async (wherry) => {
  const { code } = await wherry.runBusybox(
    ["--mount", "type=bind,src=./new/er,dst=/a,bind-create-src"],
    ["touch", "/a/file"],
  );

  strictEqual(code, 0);
  deepStrictEqual(listNames(`${wherry.scratch}/new/er`), ["file"]);
});

testWhole("--mount type=tmpfs has the size and the mode that are asked for", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    [
      "--mount",
      "type=tmpfs,dst=/a,tmpfs-size=1m,tmpfs-mode=0710",
      "--mount",
      "type=tmpfs,dst=/b,ro",
    ],
    ["sh", "-c", "stat -c %a /a; grep -E ' /(a|b) ' /proc/mounts; touch /b/x 2>&1"],
  );

  match(stdout, /^710\n/);
  match(stdout, /^tmpfs \/a tmpfs rw,nosuid,nodev,noexec,.*size=1024k,mode=710/m);
  match(stdout, /^tmpfs \/b tmpfs ro,/m);
  match(stdout, /Read-only file system/);
});

testWhole("--mount makes a volume with a name, and keeps it", async (wherry) => {
  await wherry.runBusybox(
    ["--mount", "src=data,dst=/a"],
    ["sh", "-c", "echo kept >/a/file"],
  );

  const { stdout } = await wherry.runBusybox(["-v", "data:/b:ro"], ["cat", "/b/file"]);

  strictEqual(stdout, "kept\n");
});

testWhole("inspect tells of mounts as docker does", async (wherry) => {
  Deno.mkdirSync(`${wherry.scratch}/src`);
  const id = (await wherry.run([
    "create",
    ...await wherry.busybox([
      ...["-v", "./src:/bind:ro,private", "-v", "data:/volume", "-v", "data:/second:ro,nocopy"],
      ...["--mount", "type=bind,src=./src,dst=/third/,bind-recursive=disabled"],
      ...["--mount", "src=more,dst=/fourth,volume-label=a=1"],
      ...["--mount", "type=tmpfs,dst=/fifth,tmpfs-size=1m", "--tmpfs", "/sixth:size=2m"],
    ]),
    "true",
  ])).stdout.trim();

  const { stdout } = await wherry.run(["container", "inspect", id]);
  const [{ Mounts, HostConfig, Config }] = JSON.parse(stdout);

  const source = `${wherry.scratch}/src`;
  const volume = (name: string, Destination: string, Mode: string): Record<string, unknown> => ({
    Type: "volume",
    Name: name,
    Source: `${wherry.root}/volumes/${name}/_data`,
    Destination,
    Driver: "local",
    Mode,
    RW: !Mode.startsWith("ro"),
    Propagation: "",
  });
  deepStrictEqual(Mounts, [
    {
      Type: "bind",
      Source: source,
      Destination: "/bind",
      Mode: "ro,private",
      RW: false,
      Propagation: "private",
    },
    volume("data", "/volume", "z"),
    volume("data", "/second", "ro,nocopy"),
    {
      Type: "bind",
      Source: source,
      Destination: "/third",
      Mode: "",
      RW: true,
      Propagation: "rprivate",
    },
    volume("more", "/fourth", "z"),
    { Type: "tmpfs", Source: "", Destination: "/fifth", Mode: "", RW: true, Propagation: "" },
  ]);
  deepStrictEqual(HostConfig.Binds, [
    `${source}:/bind:ro,private`,
    "data:/volume",
    "data:/second:ro,nocopy",
  ]);
  deepStrictEqual(HostConfig.Mounts, [
    { Type: "bind", Source: source, Target: "/third/", BindOptions: { NonRecursive: true } },
    {
      Type: "volume",
      Source: "more",
      Target: "/fourth",
      VolumeOptions: { Labels: { a: "1" }, DriverConfig: {} },
    },
    { Type: "tmpfs", Target: "/fifth", TmpfsOptions: { SizeBytes: 1024 ** 2 } },
  ]);
  deepStrictEqual(HostConfig.Tmpfs, { "/sixth": "size=2m" });
  deepStrictEqual([HostConfig.VolumesFrom, HostConfig.VolumeDriver, Config.Volumes], [
    null,
    "",
    null,
  ]);
  await wherry.run(["rm", id]);
});

testWhole("inspect -f and ps -f find mounts", async (wherry) => {
  const flags = ["-v", ".:/bind", "-v", "data:/volume", "--mount", "type=tmpfs,dst=/tmpfs"];
  const { stdout: id } = await wherry.run(["create", ...await wherry.busybox(flags), "true"]);

  const inspected = await wherry.run([
    ...["container", "inspect", "-f"],
    "{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}}|{{end}}",
    id.trim(),
  ]);

  strictEqual(inspected.stdout, "bind  /bind|volume data /volume|tmpfs  /tmpfs|\n");
  const format = ["--no-trunc", "--format", "{{.Mounts}} {{.LocalVolumes}}"];
  for (const wanted of ["data", "/volume", "/bind", wherry.scratch, "/tmpfs"]) {
    const { stdout } = await wherry.run(["ps", "-a", "-f", `volume=${wanted}`, ...format]);

    strictEqual(stdout, `${wherry.scratch},data 1\n`, wanted);
  }
  for (const unwanted of ["dat", "/", "/vol"]) {
    const { stdout } = await wherry.run(["ps", "-a", "-f", `volume=${unwanted}`, ...format]);

    strictEqual(stdout, "", unwanted);
  }
  await wherry.run(["rm", id.trim()]);
});

testWhole("bind-nonrecursive is done, and warned of", async (wherry) => {
  const nested = `${wherry.scratch}/src/nested`;
  Deno.mkdirSync(nested, { recursive: true });

  const { code, stderr } = await wherry.runBusybox(
    ["--mount", "type=bind,src=./src,dst=/a,bind-nonrecursive"],
    ["true"],
  );

  strictEqual(code, 0);
  match(stderr, /bind-nonrecursive is deprecated, use bind-recursive=disabled instead/);
});

testWhole(
  "-v takes a hidden directory of the working directory, as docker does",
  async (wherry) => {
    Deno.mkdirSync(`${wherry.scratch}/.hidden`);

    await wherry.runBusybox(["-v", ".hidden:/a"], ["touch", "/a/file"]);

    strictEqual(exists(`${wherry.scratch}/.hidden/file`), true);
  },
);

testWhole(
  "-v with a path alone makes a volume, unless something is mounted there",
  async (wherry) => {
    const flags = [
      "-v",
      "/new",
      "-v",
      "/taken",
      "--tmpfs",
      "/taken:size=1m",
      "-v",
      "data:/bin/../data",
    ];
    const { stdout: id } = await wherry.run(["create", ...await wherry.busybox(flags), "true"]);

    const [{ Mounts, Config }] = JSON.parse(
      (await wherry.run(["container", "inspect", id.trim()])).stdout,
    );

    const shown = Mounts.map(({ Name, Destination, Mode }: Record<string, string>) =>
      [Name?.replace(/^[0-9a-f]{64}$/, "random"), Destination, Mode].join(" ")
    );
    deepStrictEqual(shown, ["data /data z", "random /new "]);
    deepStrictEqual(Config.Volumes, { "/new": {}, "/taken": {} });
    await wherry.run(["rm", "-v", id.trim()]);
    deepStrictEqual(listNames(`${wherry.root}/volumes`), ["data"]);
  },
);

testWhole("inspect tells of --volumes-from, and of what it took over", async (wherry) => {
  const first = await wherry.busybox(["--name", "first", "-v", "data:/a:nocopy", "-v", ".:/b:ro"]);
  await wherry.run(["create", ...first, "true"]);
  const second = await wherry.busybox(["--name", "second", "--volumes-from", "first:ro"]);
  await wherry.run(["create", ...second, "true"]);

  const { stdout } = await wherry.run([
    ...["container", "inspect", "-f"],
    "{{json .HostConfig.VolumesFrom}} {{json .HostConfig.Binds}} " +
    "{{range .Mounts}}{{.Destination}} {{json .Mode}} {{.RW}}|{{end}}",
    "second",
  ]);

  strictEqual(stdout, '["first:ro"] null /a "" false|/b "" false|\n');
  await wherry.run(["rm", "first", "second"]);
});

testWhole("--mount type=image shows an image read-only, and inspect names it", async (wherry) => {
  await wherry.run(["import", await wherry.imageTar(), "box"]);
  const flags = [
    ...["--mount", "type=image,src=box,dst=/image"],
    ...["--mount", "type=image,src=box:latest,dst=/part,image-subpath=bin"],
  ];
  const argv = ["sh", "-c", "/image/bin/true && ls /part/true; touch /image/x /part/x"];
  const { stdout, stderr } = await wherry.run([
    "run",
    ...await wherry.busybox(["--name", "one", ...flags]),
    ...argv,
  ]);

  strictEqual(stdout, "/part/true\n");
  match(stderr, /\/image\/x: Read-only file system\n.*\/part\/x: Read-only file system/);
  const inspected = await wherry.run([
    ...["container", "inspect", "-f"],
    "{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}} {{.Propagation}}|{{end}}" +
    "{{json .HostConfig.Mounts}}",
    "one",
  ]);
  strictEqual(
    inspected.stdout,
    "image box /image false rprivate|image box:latest /part false rprivate|" +
      '[{"Type":"image","Source":"box","Target":"/image"},{"Type":"image","Source":"box:latest",' +
      '"Target":"/part","ImageOptions":{"Subpath":"bin"}}]\n',
  );
  await wherry.run(["rm", "one"]);
});

testWhole("--mount with volume-subpath shows a part of the volume", async (wherry) => {
  await wherry.runBusybox(["-v", "data:/a"], ["sh", "-c", "mkdir -p /a/x/y; echo here >/a/x/y/z"]);

  const { stdout } = await wherry.runBusybox(
    [
      ...["--mount", "src=data,dst=/dir,volume-subpath=x/../x/y"],
      ...["--mount", "src=data,dst=/file,volume-subpath=x/y/z"],
    ],
    ["sh", "-c", "ls /dir; cat /file"],
  );

  strictEqual(stdout, "z\nhere\n");
});

for (
  const [options, isSeen, isWritable] of [
    ["bind-recursive=enabled", true, true],
    ["readonly", true, false],
    ["readonly,bind-recursive=writable", true, true],
    ["readonly,bind-recursive=readonly,bind-propagation=rprivate", true, false],
    ["bind-recursive=disabled", false, false],
  ] as const
) {
  testWhole(`--mount with ${options} does with what is below as it says`, async (wherry) => {
    const nested = `${wherry.scratch}/src/nested`;
    Deno.mkdirSync(nested, { recursive: true });
    await wherry.runHost("mount", "-t", "tmpfs", "none", nested);
    try {
      Deno.writeTextFileSync(`${nested}/seen`, "");

      const { stdout } = await wherry.runBusybox(
        ["--mount", `type=bind,src=./src,dst=/a,${options}`],
        ["sh", "-c", "ls /a/nested; touch /a/nested/written"],
      );

      strictEqual(stdout, isSeen ? "seen\n" : "");
      strictEqual(exists(`${nested}/written`), isWritable);
    } finally {
      await wherry.runHost("umount", nested);
    }
  });
}
