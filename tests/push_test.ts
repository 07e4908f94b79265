/** Images are pushed to registries. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { makeRegistryImage } from "./fakes/registry_image.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import {
  eventually,
  exists,
  listNames,
  type Result,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import {
  hangUpAfter,
  late,
  type Lie,
  LyingRegistry,
  refuse,
  stallAfter,
} from "./lying_registry.ts";
import { TestPodman } from "./podman.ts";
import { type Account, TestRegistry } from "./registry.ts";

const ACCOUNT: Account = { user: "somebody", password: "secret" };
const DIGEST = /sha256:[0-9a-f]{64}/;

/** Content that gzip cannot make small. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** Runs a command that must succeed and say nothing on stderr. */
async function succeed(wherry: TestEngine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([args, code, stderr], [args, 0, ""]);
  return stdout;
}

/** Imports a tar; returns the image's id. */
async function importTar(
  wherry: TestEngine,
  name: string,
  tar: Uint8Array<ArrayBuffer> = tarOf({ name: "file", content: name }),
): Promise<string> {
  const path = `${wherry.scratch}/${name.replaceAll(/\W/g, "-")}.tar`;
  Deno.writeFileSync(path, tar);
  return (await succeed(wherry, "import", path, name)).trim();
}

/** The digest that a push has printed. */
function digestIn({ stdout }: Pick<Result, "stdout">): string {
  return DIGEST.exec(stdout)?.[0] ?? "";
}

function startLying(wherry: TestEngine): LyingRegistry {
  return LyingRegistry.start({ within: (act) => wherry.network.within(act) });
}

/** Where credentials for a registry are, for `DOCKER_CONFIG`. */
function writeCredentials(wherry: TestEngine, host: string, { user, password }: Account): string {
  const directory = `${wherry.scratch}/docker-${password}`;
  Deno.mkdirSync(directory);
  const auths = { [host]: { auth: btoa(`${user}:${password}`) } };
  Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify({ auths }));
  return directory;
}

testWhole(
  "push says what it does as docker does, and what is there is not sent again",
  async (wherry) => {
    await using registry = await TestRegistry.start(wherry);
    const name = `localhost:${registry.port}/team/app`;
    await importTar(wherry, `${name}:1`);

    const first = await wherry.run(["push", `${name}:1`]);
    const sent = registry.requests().length;
    const second = await wherry.run(["image", "push", `${name}:1`]);

    const last = `1: digest: ${digestIn(first)} size: \\d+\n`;
    const start = `The push refers to repository \\[${name}\\]\n([0-9a-f]{12}): Preparing\n`;
    match(first.stdout, new RegExp(`^${start}\\1: Pushed\n${last}$`));
    match(second.stdout, new RegExp(`^${start}\\1: Layer already exists\n${last}$`));
    deepStrictEqual([first.code, first.stderr, second.code, second.stderr], [0, "", 0, ""]);
    const again = registry.requests().slice(sent).filter((request) =>
      !/^(HEAD|GET) /.test(request)
    );
    deepStrictEqual(again, ["PUT /v2/team/app/manifests/1 201"]);
  },
);

testWhole("what was pushed is pulled by podman and skopeo as the same image", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app`;
  await wherry.run([
    "import",
    "-c",
    "ENV A=b",
    "-c",
    'CMD ["true"]',
    await wherry.imageTar(),
    name,
  ]);
  const { stdout: id } = await wherry.run(["images", "-q", "--no-trunc"]);

  const pushed = await wherry.run(["push", name]);

  match(pushed.stdout, /^Using default tag: latest\nThe push /);
  await using podman = new TestPodman(wherry, "--storage-driver", "vfs");
  await podman.run("pull", "--quiet", "--tls-verify=false", name);
  const format = "{{.Id}} {{.Digest}} {{.Config.Env}} {{.Config.Cmd}}";
  const inspected = await podman.run("image", "inspect", "--format", format, name);
  strictEqual(inspected, `${id.trim().slice(7)} ${digestIn(pushed)} [A=b] [true]\n`);
  const copied = await wherry.runHost(
    ...["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false"],
    ...[`docker://${name}@${digestIn(pushed)}`, "oci:layout:latest"],
  );
  match(copied, /Writing manifest/);
});

testWhole("what was pushed is pulled as the same image by another wherry", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app:1`;
  await wherry.run(["import", "-c", "LABEL a=b", await wherry.imageTar(), name]);
  const pushed = await wherry.run(["push", name]);
  const other = ["--root", `${wherry.scratch}/other`, "--run-root", `${wherry.scratch}/other-run`];
  const format = ["images", "--digests", "--no-trunc", "--format", "{{.ID}} {{.Digest}} {{.Size}}"];

  const pulled = await succeed(wherry, ...other, "pull", name);

  match(pulled, new RegExp(`^Digest: ${digestIn(pushed)}$`, "m"));
  strictEqual(await succeed(wherry, ...other, ...format), await succeed(wherry, ...format));
  const cat = ["run", "--rm", "--network", "none", name, "cat", "/etc/group"];
  match(await succeed(wherry, ...other, ...cat), /^root:x:0:/);
});

for (const flavour of ["docker", "oci"] as const) {
  testWhole(`an image of ${flavour} goes from registry to registry unchanged`, async (wherry) => {
    await using source = startLying(wherry);
    await using target = await TestRegistry.start(wherry);
    const tars = ["one", "two"].map((content) => tarOf({ name: content, content }));
    const image = source.addImage("app", "1", makeRegistryImage({ layers: tars, flavour }));
    const name = `${target.host}/copy:1`;
    await succeed(wherry, "pull", "-q", `${source.host}/app:1`);
    await succeed(wherry, "tag", `${source.host}/app:1`, name);

    const pushed = await wherry.run(["push", name]);

    strictEqual(digestIn(pushed), image.manifest.digest, pushed.stderr);
    match(pushed.stdout, new RegExp(`size: ${image.manifest.bytes.length}\n$`));
    const raw = await wherry.runHost(
      ...["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${name}`],
    );
    strictEqual(raw, new TextDecoder().decode(image.manifest.bytes));
  });
}

testWhole("umoci unpacks a pushed image with every attribute of its files", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app`;
  const tar = tarOf(
    { name: "bin/", type: "5", mode: 0o1777, uid: 7, gid: 8 },
    { name: "bin/su", mode: 0o6755, content: "setuid", pax: { mtime: "1700000001.123456789" } },
    { name: "bin/hard", type: "1", link: "bin/su" },
    { name: "bin/soft", type: "2", link: "../nowhere", uid: 1, gid: 2 },
    { name: "bin/noted", content: "", pax: { "SCHILY.xattr.user.note": "a note" } },
    {
      name: "bin/capable",
      pax: {
        "SCHILY.xattr.security.capability": new Uint8Array([
          1,
          0,
          0,
          2,
          0,
          4,
          ...Array(14).fill(0),
        ]),
      },
    },
    { name: "null", type: "3", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
    { name: "pipe", type: "6" },
    { name: "long/", type: "5" },
    { name: `long/${"n".repeat(90)}`, type: "5" },
    {
      name: "long/short",
      content: "long",
      pax: { path: `long/${"n".repeat(90)}/${"m".repeat(120)}` },
    },
  );
  await importTar(wherry, name, tar);

  strictEqual((await wherry.run(["push", name])).stderr, "");

  await wherry.runHost(
    ...["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false"],
    ...[`docker://${name}`, "oci:layout:latest"],
  );
  await wherry.runHost("umoci", "unpack", "--image", "layout:latest", "bundle");
  Deno.mkdirSync(`${wherry.scratch}/expected`);
  Deno.writeFileSync(`${wherry.scratch}/source.tar`, tar);
  const everything = ["--xattrs", "--xattrs-include=*", "--numeric-owner"];
  await wherry.runHost("tar", "-xpf", "source.tar", "-C", "expected", ...everything);
  const list = async (directory: string): Promise<string> => {
    const options = ["--sort=name", "--format=posix", ...everything];
    const exact = "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f";
    await wherry.runHost(
      ...["tar", "-cf", "list.tar", "-C", directory, ...options, exact],
      ...["bin", "null", "pipe", "long"],
    );
    return await wherry.runHost("sha256sum", "list.tar");
  };
  strictEqual(await list("bundle/rootfs"), await list("expected"));
});

testWhole("a plain tar is compressed once, and the image stays the same", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app`;
  const tar = tarOf({ name: "zeros", content: new Uint8Array(5_000_000) });
  const id = await importTar(wherry, name, tar);
  await succeed(wherry, "import", `${wherry.scratch}/localhost-${registry.port}-app.tar`, "other");

  const pushed = await wherry.run(["push", name]);

  strictEqual(pushed.code, 0, pushed.stderr);
  const manifest = JSON.parse(Deno.readTextFileSync(
    `${wherry.root}/blobs/sha256/${digestIn(pushed).slice(7)}`,
  ));
  match(manifest.layers[0].mediaType, /tar\+gzip$/);
  ok(manifest.layers[0].size < 50_000);
  strictEqual(manifest.config.digest, id);
  const sizes = listNames(`${wherry.root}/blobs/sha256`)
    .map((blob) => Deno.statSync(`${wherry.root}/blobs/sha256/${blob}`).size);
  ok(Math.max(...sizes) < 50_000, "the plain tar is gone");
  const files = await wherry.run(["run", "--rm", "--network", "none", name, "/zeros"]);
  strictEqual(files.code, 126, files.stderr);
});

testWhole("an image of several layers is loaded, pushed and pulled by umoci", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app:1`;
  const layers = [
    tarOf({ name: "kept", content: "kept" }, { name: "gone", content: "gone" }),
    tarOf({ name: ".wh.gone", content: "" }),
    tarOf({ name: "added", content: "added" }),
  ];
  const archive = await dockerArchive("blobs", { references: [name], layers });
  strictEqual((await wherry.run(["load"], { stdin: archive })).code, 0);

  const pushed = await wherry.run(["push", name]);

  deepStrictEqual([pushed.code, pushed.stderr], [0, ""]);
  strictEqual(pushed.stdout.match(/: Pushed\n/g)?.length, 3);
  await wherry.runHost(
    ...["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false"],
    ...[`docker://${name}`, "oci:layout:latest"],
  );
  await wherry.runHost("umoci", "unpack", "--image", "layout:latest", "bundle");
  deepStrictEqual(listNames(`${wherry.scratch}/bundle/rootfs`), ["added", "kept"]);
});

testWhole("a layer is mounted from another repository of the registry", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const host = `localhost:${registry.port}`;
  const tar = tarOf({ name: "file", content: "shared" });
  await importTar(wherry, `${host}/team/base`, tar);
  await succeed(wherry, "push", `${host}/team/base`);
  await importTar(wherry, `${host}/team/copy`, tar);
  const sent = registry.requests().length;

  const { code, stdout, stderr } = await wherry.run(["push", `${host}/team/copy`]);

  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, /^[0-9a-f]{12}: Mounted from team\/base$/m);
  const mounts = registry.requests().slice(sent).filter((request) => request.includes("mount="));
  match(mounts.join("\n"), /^POST [^\n]*from=team%2Fbase[^\n]* 201$/);
});

testWhole("push --all-tags pushes every tag of the repository and no other", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const host = `localhost:${registry.port}`;
  await importTar(wherry, `${host}/app:2`);
  await importTar(wherry, `${host}/app:1`);
  await importTar(wherry, `${host}/application:3`);

  const all = await wherry.run(["push", "-a", `${host}/app`]);
  const quiet = await wherry.run(["push", "--all-tags", "--quiet", `${host}/app`]);

  deepStrictEqual([all.code, all.stderr, quiet.code, quiet.stderr], [0, "", 0, ""]);
  deepStrictEqual(
    Array.from(all.stdout.matchAll(/^(\S+): digest: /gm), ([, tag]) => tag),
    ["1", "2"],
  );
  strictEqual(quiet.stdout, `${host}/app\n`);
  const put = registry.requests().filter((request) => /^PUT .*manifests/.test(request));
  deepStrictEqual(
    new Set(put),
    new Set(["1", "2"].map((tag) => `PUT /v2/app/manifests/${tag} 201`)),
  );
});

testWhole("push -q prints the name alone, and push is an event of the image", async (wherry) => {
  await using registry = await TestRegistry.start(wherry);
  const name = `localhost:${registry.port}/app:1`;
  await importTar(wherry, name);

  strictEqual(await succeed(wherry, "push", "-q", name), `${name}\n`);

  const format = "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}";
  const events = await succeed(
    wherry,
    ...["events", "--since", "1h", "--until", "0s", "--filter", "event=push", "--format", format],
  );
  strictEqual(events, `image push ${name} localhost:${registry.port}/app\n`);
});

const REFUSALS: readonly [why: string, args: readonly string[], message: RegExp][] = [
  [
    "is not here",
    ["nowhere.test/app"],
    /^wherry: An image does not exist locally with the tag: nowhere.test\/app\n/,
  ],
  ["has another tag", ["here.test/app:2"], /^wherry: tag does not exist: here.test\/app:2\n/],
  [
    "is of all tags and one",
    ["-a", "here.test/app:1"],
    /^wherry: tag can't be used with --all-tags\/-a\n/,
  ],
  [
    "is a digest",
    [`here.test/app@sha256:${"0".repeat(64)}`],
    /^wherry: cannot push a digest reference\n/,
  ],
  [
    "is for another platform",
    ["--platform", "linux/s390x", "here.test/app:1"],
    /does not provide the specified platform \(linux\/s390x\)\n/,
  ],
  ["is malformed", ["HERE/App"], /^wherry: Cannot parse image reference "HERE\/App"/],
];

for (const [why, args, message] of REFUSALS) {
  testWhole(`push asks no registry for what ${why}`, async (wherry) => {
    await importTar(wherry, "here.test/app:1");

    const { code, stderr } = await wherry.run(["push", ...args]);

    strictEqual(code, 1);
    match(stderr, message);
  });
}

testWhole("push needs the right password, where one is needed", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT });
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);
  const right = writeCredentials(wherry, registry.host, ACCOUNT);
  const wrong = writeCredentials(wherry, registry.host, { ...ACCOUNT, password: "guessed" });

  const nobody = await wherry.run(["push", name], { env: { DOCKER_CONFIG: "/nonexistent" } });
  const liar = await wherry.run(["push", name], { env: { DOCKER_CONFIG: wrong } });
  const account = await wherry.run(["push", name], { env: { DOCKER_CONFIG: right } });

  deepStrictEqual([nobody.code, liar.code], [1, 1]);
  const hint = `\nRun "wherry login ${registry.host}"\n$`;
  match(nobody.stderr, new RegExp(`^wherry: Cannot push [^\n]*wants a name and a password${hint}`));
  match(
    liar.stderr,
    new RegExp(`^wherry: Cannot push [^\n]*incorrect username or password${hint}`),
  );
  deepStrictEqual([account.code, account.stderr], [0, ""]);
});

testWhole(
  "push trusts the authority that is named for a registry, and no other",
  async (wherry) => {
    await using registry = await TestRegistry.start(wherry, { isTls: true, address: "127.0.0.1" });
    const name = `${registry.host}/app:1`;
    await importTar(wherry, name);
    const path = `${wherry.scratch}/registries.json`;
    const trusting = { [registry.host]: { ca: registry.caPath } };
    Deno.writeTextFileSync(path, JSON.stringify({ registries: trusting }));
    const strict = { [registry.host]: { insecure: false } };
    Deno.writeTextFileSync(`${path}.strict`, JSON.stringify({ registries: strict }));

    const stranger = await wherry.run(["push", name], {
      env: { WHERRY_REGISTRIES: `${path}.strict` },
    });
    const trusted = await wherry.run(["push", name], { env: { WHERRY_REGISTRIES: path } });

    strictEqual(stranger.code, 1);
    match(stranger.stderr, /^wherry: Cannot push [^\n]*certificate/i);
    deepStrictEqual([trusted.code, trusted.stderr], [0, ""]);
  },
);

testWhole("a registry that takes nothing says so, and the image stays as it is", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { isReadOnly: true });
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);

  const { code, stderr } = await wherry.run(["push", name]);

  strictEqual(code, 1);
  match(
    stderr,
    /^wherry: Cannot push "127.0.0.1:\d+\/app(:1)?": (?!cannot push)[^\n]*405[^\n]*\n/,
  );
  deepStrictEqual(registry.blobs(), []);
});

testWhole("a denied push says what to do", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);
  const message = "requested access to the resource is denied";
  registry.lie(/^POST/, refuse(403, { code: "DENIED", message }));

  const { code, stderr } = await wherry.run(["push", name]);

  strictEqual(code, 1);
  match(
    stderr,
    /^wherry: Cannot push [^\n]*denied: requested access to the resource is denied\n[^\n]*wherry login/,
  );
});

testWhole("a push goes on where the connection was cut", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name, tarOf({ name: "noise", content: noise(8_000_000) }));
  registry.lie(/^PATCH/, hangUpAfter(3_000_000), { times: 1 });

  const { code, stdout, stderr } = await wherry.run(["push", name]);

  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, /: Retrying in \d+ seconds?: [^\n]*\n[^]*: Pushed\n/);
  const [first, second] = registry.requests.filter(({ method }) => method === "PATCH");
  strictEqual(first?.headers.get("content-range") ?? "0-", "0-");
  match(second?.headers.get("content-range") ?? "", /^3000000-/);
  strictEqual(registry.manifest("app", "1")?.digest, digestIn({ stdout }));
});

testWhole("a push is patient with a registry that is busy", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);
  registry.lie(/^POST/, refuse(503), { times: 2 });
  registry.lie(/^PUT .*manifests/, refuse(429, { headers: { "retry-after": "1" } }), { times: 1 });

  const { code, stderr } = await wherry.run(["push", name]);

  deepStrictEqual([code, stderr], [0, ""]);
  ok(registry.manifest("app", "1") !== undefined);
});

testWhole("a push takes its password to no other host", async (wherry) => {
  const authentication = { type: "basic", account: ACCOUNT } as const;
  const within = <T>(act: () => T): T => wherry.network.within(act);
  await using registry = LyingRegistry.start({ within, authentication });
  await using other = LyingRegistry.start({ within });
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);
  const elsewhere: Lie = {
    change: (answer) => {
      const { location } = answer.headers;
      return location === undefined
        ? undefined
        : { ...answer, headers: { ...answer.headers, location: `${other.origin}${location}` } };
    },
  };
  registry.lie(/^POST/, elsewhere);
  const environment = { DOCKER_CONFIG: writeCredentials(wherry, registry.host, ACCOUNT) };

  const { code } = await wherry.run(["push", name], { env: environment });

  strictEqual(code, 1);
  ok(other.requests.length > 0);
  deepStrictEqual(other.requests.filter(({ headers }) => headers.has("authorization")), []);
});

testWhole("a push on a terminal shows each layer on a line of its own", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name, tarOf({ name: "noise", content: noise(3_000_000) }));
  // The screen is drawn ten times a second, and must be while bytes are on their way
  registry.lie(/^(PATCH|PUT) .*uploads/, late(300));

  await using terminal = wherry.openTerminal(["push", name]);
  strictEqual(await terminal.finish(), 0);

  const text = terminal.shown;
  match(text, /Pushing \[=+>? *\] [\d.]+[kM]?B\/[\d.]+MB/);
  match(text, /[0-9a-f]{12}: Pushed\r\n1: digest: sha256:/);
});

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  testWhole(`a push that ${signal} ends is done by the next one`, async (wherry) => {
    await using registry = startLying(wherry);
    const name = `${registry.host}/app:1`;
    const id = await importTar(wherry, name, tarOf({ name: "noise", content: noise(8_000_000) }));
    registry.lie(/^PATCH/, stallAfter(3_000_000), { times: 1 });
    const child = wherry.spawn(["push", name]);
    await eventually(() => registry.isStalled);

    child.kill(signal);
    const { code, stderr } = await child.output();
    const again = await wherry.run(["push", name]);

    if (signal === "SIGINT") {
      strictEqual(code, 130);
      match(new TextDecoder().decode(stderr), /^wherry: Cannot push [^\n]*interrupted by SIGINT\n/);
    }
    deepStrictEqual([again.code, again.stderr], [0, ""]);
    strictEqual(registry.manifest("app", "1")?.digest, digestIn(again));
    match((await succeed(wherry, "images", "-q", "--no-trunc")).trim(), new RegExp(`^${id}$`));
    deepStrictEqual(listNames(`${wherry.root}/staging`), []);
  });
}

testWhole("a push that is killed while it compresses changes nothing", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  const id = await importTar(wherry, name, tarOf({ name: "noise", content: noise(60_000_000) }));
  const child = wherry.spawn(["push", name]);
  const staging = `${wherry.root}/staging`;
  await eventually(() => listNames(staging).some((one) => exists(`${staging}/${one}/work/0`)));

  child.kill("SIGKILL");
  await child.output();
  const listed = await succeed(wherry, "images", "-q", "--no-trunc");
  const again = await wherry.run(["push", name]);

  strictEqual(listed.trim(), id);
  deepStrictEqual([again.code, again.stderr], [0, ""]);
  strictEqual(registry.manifest("app", "1")?.digest, digestIn(again));
  deepStrictEqual(listNames(staging), []);
});

testWhole("push says which layer is missing", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/app:1`;
  await importTar(wherry, name);
  await succeed(wherry, "push", name);
  const blobs = registry.asked(/^PUT .*digest=/).map((request) =>
    DIGEST.exec(decodeURIComponent(request))?.[0] ?? ""
  );
  const [layer = ""] = blobs;
  Deno.removeSync(`${wherry.root}/blobs/sha256/${layer.slice(7)}`);

  const { code, stderr } = await wherry.run(["push", name]);

  strictEqual(code, 1);
  match(
    stderr,
    new RegExp(
      `^wherry: Cannot push "${name}": cannot read layer "${layer}": it is not in the store\n`,
    ),
  );
  notStrictEqual(layer, "");
});
