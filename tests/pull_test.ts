/** Images that come from registries: honest ones and others. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Document, indexOf, makeRegistryImage } from "./fakes/registry_image.ts";
import type { RegistryImage, RegistryImageOptions } from "./fakes/registry_image.ts";
import { writeLayout } from "./fakes/oci_layout.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import { Disk } from "./disk.ts";
import {
  eventually,
  exists,
  listNames,
  type Result,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import * as lies from "./lying_registry.ts";
import { LyingRegistry } from "./lying_registry.ts";
import { type RegistryOptions, TestRegistry } from "./registry.ts";

const SIGINT_EXIT_CODE = 130;
const SIGTERM_EXIT_CODE = 143;
const KILLED_EXIT_CODE = 137;

/** An image with busybox, and what is laid on top. */
async function makeBusybox(
  wherry: TestEngine,
  options: Partial<RegistryImageOptions> = {},
): Promise<RegistryImage> {
  const base = Deno.readFileSync(await wherry.imageTar());
  const process = { Cmd: ["echo", "the image's own command"] };
  return makeRegistryImage({ process, ...options, layers: [base, ...options.layers ?? []] });
}

/** A tar that no compression makes small. */
function noise(name: string, length: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, Math.min(length, at + 65_536)));
  }
  return tarOf({ name, content });
}

/** Starts the real registry with one image, or an index of several, as `HOST/team/box:TAG`. */
async function serve(
  wherry: TestEngine,
  images: readonly RegistryImage[],
  { tags = ["latest"], index, flags = [], ...options }: RegistryOptions & {
    tags?: readonly string[];
    index?: Document;
    flags?: readonly string[];
  } = {},
): Promise<TestRegistry> {
  const registry = await TestRegistry.start(wherry, options);
  const layout = Deno.makeTempDirSync({ dir: wherry.scratch });
  writeLayout(layout, images, index);
  for (const tag of tags) {
    const target = `docker://${registry.host}/team/box:${tag}`;
    const quiet = ["skopeo", "copy", "--quiet", "--all", "--dest-tls-verify=false", ...flags];
    await wherry.runHost(...quiet, `oci:${layout}:latest`, target);
  }
  return registry;
}

/** Starts a registry in memory. */
function startLying(wherry: TestEngine): LyingRegistry {
  return LyingRegistry.start({ within: (act) => wherry.network.within(act) });
}

/** Everything that images are made of; the beginnings of blobs are not. */
function storeOf(wherry: TestEngine): Record<string, unknown> {
  const index = `${wherry.root}/index.json`;
  return {
    index: exists(index) ? Deno.readTextFileSync(index) : "",
    blobs: listNames(`${wherry.root}/blobs/sha256`),
    layers: listNames(`${wherry.root}/layers`),
    staging: listNames(`${wherry.root}/staging`),
  };
}

const EMPTY_STORE = { index: "", blobs: [], layers: [], staging: [] };

function partialsOf(wherry: TestEngine): string[] {
  return listNames(`${wherry.root}/partial`);
}

function short(digest: string): string {
  return digest.slice("sha256:".length).slice(0, 12);
}

function succeeds({ code, stderr }: Result): void {
  deepStrictEqual([code, stderr], [0, ""]);
}

testWhole("pull says what docker says, and the image runs", async (wherry) => {
  const image = await makeBusybox(wherry, { layers: [tarOf({ name: "top", content: "1" })] });
  await using registry = await serve(wherry, [image]);
  const name = `${registry.host}/team/box`;

  const pulled = await wherry.run(["pull", name]);

  succeeds(pulled);
  const lines = pulled.stdout.split("\n");
  deepStrictEqual(lines.slice(0, 2), [
    "Using default tag: latest",
    "latest: Pulling from team/box",
  ]);
  deepStrictEqual(lines.slice(-4), [
    `Digest: ${image.manifest.digest}`,
    `Status: Downloaded newer image for ${name}:latest`,
    `${name}:latest`,
    "",
  ]);
  for (const { digest } of image.layers) {
    const of = (line: string): boolean => line.startsWith(`${short(digest)}: `);
    deepStrictEqual(lines.filter(of).map((line) => line.slice(14)), [
      "Pulling fs layer",
      "Verifying Checksum",
      "Download complete",
      "Pull complete",
    ]);
  }
  const ran = await wherry.run(["run", "--rm", name, "cat", "/top"]);
  deepStrictEqual([ran.stdout, ran.stderr, ran.code], ["1", "", 0]);
  deepStrictEqual(partialsOf(wherry), []);
});

testWhole("pull of an image that is here fetches no layer and says so", async (wherry) => {
  const image = await makeBusybox(wherry);
  await using registry = await serve(wherry, [image], { flags: ["--format", "v2s2"] });
  const name = `${registry.host}/team/box:latest`;
  const first = await wherry.run(["pull", name]);
  const requests = registry.requests().length;

  const again = await wherry.run(["pull", name]);

  succeeds(first);
  succeeds(again);
  const digest = /^Digest: (\S+)$/m.exec(first.stdout)?.[1];
  strictEqual(
    again.stdout,
    `latest: Pulling from team/box\nDigest: ${digest}\n` +
      `Status: Image is up to date for ${name}\n${name}\n`,
  );
  const [layer] = image.layers;
  const late = registry.requests().slice(requests);
  ok(!late.some((request) => request.includes(layer?.digest ?? "")), late.join("\n"));
});

testWhole("pull by digest makes an image that is found by it and has no tag", async (wherry) => {
  const image = await makeBusybox(wherry);
  const index = indexOf([[image.manifest, "linux/amd64"]]);
  await using registry = await serve(wherry, [image], { index });
  const name = `${registry.host}/team/box@${index.digest}`;

  const pulled = await wherry.run(["pull", name]);

  succeeds(pulled);
  match(pulled.stdout, new RegExp(`^${name}: Pulling from team/box\n`));
  match(pulled.stdout, new RegExp(`\nStatus: Downloaded newer image for ${name}\n${name}\n$`));
  const ran = await wherry.run(["run", "--rm", "--pull", "never", name]);
  deepStrictEqual([ran.stdout, ran.stderr], ["the image's own command\n", ""]);
  const { stdout } = await wherry.run(["images", "--digests", "--format", "{{.Tag}} {{.Digest}}"]);
  strictEqual(stdout, `<none> ${index.digest}\n`);
});

testWhole(
  "pull takes this machine's image out of an index, or the one asked for",
  async (wherry) => {
    const images = [
      await makeBusybox(wherry, { layers: [tarOf({ name: "for-amd64", content: "" })] }),
      await makeBusybox(wherry, {
        architecture: "arm64",
        layers: [tarOf({ name: "for-arm64", content: "" })],
      }),
    ];
    const [amd, arm] = images;
    ok(amd !== undefined && arm !== undefined);
    const index = indexOf([[arm.manifest, "linux/arm64"], [amd.manifest, "linux/amd64"]]);
    await using registry = await serve(wherry, images, { index });
    const name = `${registry.host}/team/box`;
    const architecture = async (): Promise<string> =>
      (await wherry.run(["image", "inspect", "-f", "{{.Architecture}}", name])).stdout.trim();

    succeeds(await wherry.run(["pull", name]));
    strictEqual(await architecture(), "amd64");
    succeeds(await wherry.run(["pull", "--platform", "linux/arm64/v8", name]));
    strictEqual(await architecture(), "arm64");
  },
);

testWhole("pull names what there is when nothing fits the platform", async (wherry) => {
  const image = await makeBusybox(wherry, { architecture: "arm64" });
  const index = indexOf([[image.manifest, "linux/arm64"]]);
  await using registry = await serve(wherry, [image], { index });

  const { code, stderr } = await wherry.run(["pull", `${registry.host}/team/box`]);

  strictEqual(code, 1);
  match(stderr, /no matching manifest for linux\/amd64 in the manifest list entries\n/);
  match(stderr, /\nThere is one for: linux\/arm64\n$/);
  deepStrictEqual(storeOf(wherry), EMPTY_STORE);
});

testWhole("pull of another platform's only image warns", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)]);

  const { code, stderr } = await wherry.run([
    ...["pull", "--platform", "linux/s390x", `${registry.host}/team/box:latest`],
  ]);

  strictEqual(code, 0);
  match(
    stderr,
    /does not match the specified platform: wanted linux\/s390x, actual: linux\/amd64\n$/,
  );
});

testWhole("pull -q prints only what the image is called", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)]);

  const result = await wherry.run(["pull", "-q", `${registry.host}/team/box`]);

  succeeds(result);
  strictEqual(result.stdout, `${registry.host}/team/box:latest\n`);
});

testWhole("pull -a takes every tag of a repository", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)], {
    tags: ["1", "2", "3"],
  });
  const name = `${registry.host}/team/box`;

  const all = await wherry.run(["pull", "-a", name]);
  const contradiction = await wherry.run(["pull", "-a", `${name}:1`]);

  succeeds(all);
  match(all.stdout, new RegExp(`\nStatus: Downloaded newer image for ${name}\n${name}\n$`));
  const { stdout } = await wherry.run(["images", "--format", "{{.Tag}}"]);
  deepStrictEqual(stdout.trim().split("\n").toSorted(), ["1", "2", "3"]);
  strictEqual(contradiction.code, 1);
  match(contradiction.stderr, /tag can't be used with --all-tags\/-a/);
});

testWhole("pull fetches of a second image only what the first one has not", async (wherry) => {
  await using registry = startLying(wherry);
  const [first, second] = [
    await makeBusybox(wherry, { layers: [tarOf({ name: "a", content: "1" })] }),
    await makeBusybox(wherry, { layers: [tarOf({ name: "b", content: "2" })] }),
  ];
  registry.addImage("team/box", "1", first);
  registry.addImage("team/box", "2", second);
  succeeds(await wherry.run(["pull", `${registry.host}/team/box:1`]));

  const result = await wherry.run(["pull", `${registry.host}/team/box:2`]);

  succeeds(result);
  const [base] = second.layers;
  ok(base !== undefined);
  match(result.stdout, new RegExp(`\n${short(base.digest)}: Already exists\n`));
  strictEqual(registry.asked(new RegExp(`blobs/${base.digest}`)).length, 1);
  strictEqual(listNames(`${wherry.root}/layers`).length, 3);
});

testWhole("events has every pull", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)]);
  await wherry.run(["pull", `${registry.host}/team/box`]);

  const { stdout } = await wherry.run([
    "events",
    "--since",
    "1",
    "--until",
    String(Date.now() / 1000),
  ]);

  match(
    stdout,
    new RegExp(
      `image pull ${registry.host}/team/box:latest \\(name=${registry.host}/team/box\\)\n`,
    ),
  );
});

testWhole("pull draws a line for each layer on a terminal", async (wherry) => {
  await using registry = startLying(wherry);
  const image = await makeBusybox(wherry, { layers: [tarOf({ name: "a", content: "1" })] });
  registry.addImage("team/box", "latest", image);
  registry.lie(/GET .*blobs/, lies.slowly(2_000_000));

  await using terminal = wherry.openTerminal(["pull", `${registry.host}/team/box`]);
  const code = await terminal.finish();

  strictEqual(code, 0);
  const [base] = image.layers;
  match(terminal.shown, new RegExp(`${short(base?.digest ?? "")}: Downloading \\[=*>`));
  match(terminal.shown, new RegExp(`\x1b\\[2K${short(base?.digest ?? "")}: Pull complete\r\n`));
});

testWhole("a pull that was killed goes on where it was", async (wherry) => {
  await using registry = startLying(wherry);
  const image = makeRegistryImage({ layers: [noise("a", 3_000_000)] });
  registry.addImage("team/box", "latest", image);
  const [layer] = image.layers;
  ok(layer !== undefined);
  registry.lie(`GET /v2/team/box/blobs/${layer.digest}`, lies.slowly(2_000_000));
  const child = wherry.spawn(["pull", `${registry.host}/team/box`]);
  const partial = `${wherry.root}/partial/${layer.digest.slice("sha256:".length)}`;
  await eventually(() => exists(partial) && Deno.statSync(partial).size > layer.bytes.length / 2);
  child.kill("SIGKILL");
  const { code } = await child.output();
  const before = Deno.statSync(partial).size;
  registry.stopLying();

  const again = await wherry.run(["pull", `${registry.host}/team/box`]);

  strictEqual(code, KILLED_EXIT_CODE);
  succeeds(again);
  const ranges = registry.requests.filter(({ path }) => path.endsWith(layer.digest))
    .map(({ headers }) => headers.get("range"));
  deepStrictEqual(ranges.slice(1).map((range) => range?.split("-")[0]), [`bytes=${before}`]);
  deepStrictEqual(partialsOf(wherry), []);
  deepStrictEqual(listNames(`${wherry.root}/staging`), []);
});

for (
  const [signal, exitCode] of [["SIGINT", SIGINT_EXIT_CODE], [
    "SIGTERM",
    SIGTERM_EXIT_CODE,
  ]] as const
) {
  testWhole(`${signal} ends a pull at once and leaves what was fetched`, async (wherry) => {
    await using registry = startLying(wherry);
    const image = makeRegistryImage({ layers: [noise("a", 1_000_000)] });
    registry.addImage("team/box", "latest", image);
    registry.lie(/GET .*blobs/, lies.slowly(100_000));
    const child = wherry.spawn(["pull", `${registry.host}/team/box`]);
    const [layer] = image.layers;
    const hex = layer?.digest.slice("sha256:".length) ?? "";
    await eventually(() => exists(`${wherry.root}/partial/${hex}`));
    await eventually(() => Deno.statSync(`${wherry.root}/partial/${hex}`).size > 0);

    child.kill(signal);
    const { code, stderr } = await child.output();

    strictEqual(code, exitCode);
    match(new TextDecoder().decode(stderr), new RegExp(`interrupted by ${signal}\n`));
    deepStrictEqual(storeOf(wherry), EMPTY_STORE);
    deepStrictEqual(partialsOf(wherry), [hex]);
  });
}

testWhole("a pull killed at any request loses nothing and leaves no garbage", async (wherry) => {
  await using registry = startLying(wherry);
  succeeds(await wherry.run(["import", await wherry.imageTar(), "kept"]));
  const image = await makeBusybox(wherry, { layers: [noise("a", 300_000), noise("b", 300_000)] });
  registry.addImage("team/box", "latest", image);
  const name = `${registry.host}/team/box`;
  const before = storeOf(wherry);

  for (let count = 1; count <= 5; count++) {
    const target = registry.requests.length + count;
    const child = wherry.spawn(["pull", name]);
    await eventually(() => registry.requests.length >= target);
    child.kill("SIGKILL");
    await child.output();
    deepStrictEqual({ ...storeOf(wherry), staging: [] }, before);
  }

  succeeds(await wherry.run(["pull", name]));
  deepStrictEqual([partialsOf(wherry), listNames(`${wherry.root}/staging`)], [[], []]);
  const { stdout } = await wherry.run(["run", "--rm", "kept", "echo", "still here"]);
  strictEqual(stdout, "still here\n");
});

testWhole("a pull onto a full disk says so and goes on when there is room", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=4m");
  await using registry = startLying(wherry);
  // Its zeros take nothing on the way and 8 MB when unpacked
  const image = makeRegistryImage({
    layers: [tarOf({ name: "zeros", content: new Uint8Array(8 << 20) }), noise("a", 500_000)],
  });
  registry.addImage("team/box", "latest", image);
  const name = `${registry.host}/team/box`;

  const failed = await wherry.run(["pull", name]);
  const left = storeOf(wherry);
  await disk.remount("size=32m");
  const again = await wherry.run(["pull", name]);

  strictEqual(failed.code, 1);
  match(failed.stderr, /no space left on device\n/);
  deepStrictEqual(left, EMPTY_STORE);
  succeeds(again);
});

testWhole("pull --max-unpacked refuses what unpacks to more", async (wherry) => {
  await using registry = startLying(wherry);
  const bomb = tarOf({ name: "zeros", content: new Uint8Array(8 << 20) });
  registry.addImage("team/box", "latest", makeRegistryImage({ layers: [bomb] }));

  const { code, stderr } = await wherry.run([
    ...["pull", "--max-unpacked", "1m", `${registry.host}/team/box`],
  ]);

  strictEqual(code, 1);
  match(stderr, /it unpacks to more than the limit of 1048576 bytes\n/);
  deepStrictEqual(storeOf(wherry), EMPTY_STORE);
});

testWhole("two pulls of one image at a time fetch each blob once", async (wherry) => {
  await using registry = startLying(wherry);
  const image = makeRegistryImage({ layers: [noise("a", 500_000), noise("b", 500_000)] });
  registry.addImage("team/box", "latest", image);
  registry.lie(/GET .*blobs/, lies.slowly(1_000_000));

  const name = `${registry.host}/team/box`;
  const results = await Promise.all([wherry.run(["pull", name]), wherry.run(["pull", name])]);

  for (const result of results) succeeds(result);
  for (const { digest } of image.layers) {
    strictEqual(registry.asked(new RegExp(digest)).length, 1);
  }
  deepStrictEqual(partialsOf(wherry), []);
});

testWhole("system df counts what interrupted pulls left, and prune takes it", async (wherry) => {
  const partial = `${wherry.root}/partial`;
  Deno.mkdirSync(partial, { recursive: true });
  Deno.writeFileSync(`${partial}/${"1".repeat(64)}`, new Uint8Array(1000));

  const usage = await wherry.run(["system", "df"]);
  const result = await wherry.run(["system", "prune", "-f"]);

  match(usage.stdout, /\nImages +0 +0 +1kB +1kB \(100%\)\n/);
  succeeds(result);
  match(result.stdout, /Total reclaimed space: 1kB\n/);
  deepStrictEqual(partialsOf(wherry), []);
});

testWhole("pull signs in with what docker's configuration has", async (wherry) => {
  const account = { user: "somebody", password: "secret: äöü" };
  const image = await makeBusybox(wherry);
  const flags = ["--dest-creds", `${account.user}:${account.password}`];
  await using registry = await serve(wherry, [image], { account, flags });
  const auth = btoa(String.fromCharCode(...new TextEncoder().encode(
    `${account.user}:${account.password}`,
  )));
  const config = { auths: { [registry.host]: { auth } } };
  Deno.mkdirSync(`${wherry.scratch}/.docker`);
  Deno.writeTextFileSync(`${wherry.scratch}/.docker/config.json`, JSON.stringify(config));
  const name = `${registry.host}/team/box`;

  const stranger = await wherry.run(["pull", name], {
    env: { DOCKER_CONFIG: `${wherry.scratch}/nowhere` },
  });
  const known = await wherry.run(["pull", name], {
    env: { DOCKER_CONFIG: `${wherry.scratch}/.docker` },
  });
  const atHome = { env: { HOME: wherry.scratch } };
  const ofHome = await wherry.run(["pull", name], atHome);
  const all = await wherry.run(["pull", "--all-tags", name], atHome);

  strictEqual(stranger.code, 1);
  match(stranger.stderr, /^wherry: Cannot pull [^\n]*\n/);
  for (const result of [known, ofHome, all]) succeeds(result);
});

testWhole("pull trusts an authority of one's own over TLS, and no other", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)], { isTls: true });
  const name = `${registry.host}/team/box`;

  const trusting = await wherry.run(["pull", name], {
    env: { SSL_CERT_FILE: registry.caPath ?? "" },
  });
  succeeds(trusting);
});

testWhole("run pulls an image that is missing and says so on stderr", async (wherry) => {
  const image = await makeBusybox(wherry);
  await using registry = await serve(wherry, [image]);
  const name = `${registry.host}/team/box`;

  const first = await wherry.run(["run", "--rm", name]);
  const second = await wherry.run(["run", "--rm", name]);

  const lines = first.stderr.split("\n");
  deepStrictEqual(lines.slice(0, 2), [
    `Unable to find image '${name}:latest' locally`,
    "latest: Pulling from team/box",
  ]);
  deepStrictEqual(lines.slice(-3), [
    `Digest: ${image.manifest.digest}`,
    `Status: Downloaded newer image for ${name}:latest`,
    "",
  ]);
  deepStrictEqual([first.stdout, first.code], ["the image's own command\n", 0]);
  deepStrictEqual([second.stdout, second.stderr], ["the image's own command\n", ""]);
});

testWhole("run says how a file that is here is meant", async (wherry) => {
  Deno.copyFileSync(await wherry.imageTar(), `${wherry.scratch}/box.tar`);

  const named = await wherry.run(["run", "--rm", "box.tar", "true"]);
  const meant = await wherry.run(["run", "--rm", "./box.tar", "true"]);

  strictEqual(named.code, 125);
  match(
    named.stderr,
    /\nwherry: Cannot pull "box\.tar:latest": [^\n]*\nTo use the file or directory "box\.tar" that is here, write "\.\/box\.tar"\n$/,
  );
  succeeds(meant);
});

testWhole("run -q and create -q pull without a word", async (wherry) => {
  await using registry = await serve(wherry, [await makeBusybox(wherry)]);
  const name = `${registry.host}/team/box`;

  const ran = await wherry.run(["run", "--rm", "-q", name]);
  await wherry.run(["rmi", name]);
  const created = await wherry.run(["create", "-q", name]);

  deepStrictEqual([ran.stdout, ran.stderr], ["the image's own command\n", ""]);
  succeeds(created);
  await wherry.run(["rm", created.stdout.trim()]);
});

testWhole("run --pull never asks no registry, and --pull always does", async (wherry) => {
  await using registry = startLying(wherry);
  registry.addImage("team/box", "latest", await makeBusybox(wherry));
  const name = `${registry.host}/team/box`;

  const never = await wherry.run(["run", "--rm", "--pull", "never", name]);
  const asked = registry.requests.length;
  succeeds(await wherry.run(["pull", name]));
  const always = await wherry.run(["run", "--rm", "--pull", "always", name]);

  strictEqual(never.code, 125);
  match(never.stderr, /^wherry: Cannot find image /);
  strictEqual(asked, 0);
  strictEqual(registry.asked(/manifests\/latest/).length, 2);
  match(always.stderr, /Status: Image is up to date for/);
  strictEqual(always.stdout, "the image's own command\n");
});

testWhole("run of an image that no registry has ends with 125, create with 1", async (wherry) => {
  await using registry = startLying(wherry);
  const name = `${registry.host}/team/nothing`;

  const ran = await wherry.run(["run", "--rm", name]);
  const created = await wherry.run(["create", name]);

  deepStrictEqual([ran.code, created.code], [125, 1]);
  for (const { stderr } of [ran, created]) {
    match(stderr, /^Unable to find image '.*:latest' locally\nwherry: Cannot pull /);
  }
});

testWhole("run --platform pulls another image than the one that is here", async (wherry) => {
  await using registry = startLying(wherry);
  const amd = registry.addImage("team/box", undefined, await makeBusybox(wherry));
  const arm = registry.addImage(
    "team/box",
    undefined,
    await makeBusybox(wherry, { architecture: "arm64" }),
  );
  const index = indexOf([[amd.manifest, "linux/amd64"], [arm.manifest, "linux/arm64"]]);
  registry.addManifest("team/box", "latest", index);
  const name = `${registry.host}/team/box`;
  succeeds(await wherry.run(["pull", name]));

  const asked = await wherry.run(["run", "--rm", "--platform", "linux/arm64", name]);
  const unasked = await wherry.run(["run", "--rm", name]);

  match(asked.stderr, /^Unable to find image .*\nlatest: Pulling from team\/box\n/);
  strictEqual(asked.stdout, "the image's own command\n");
  match(
    unasked.stderr,
    /^WARNING: The requested image's platform \(linux\/arm64\) does not match the detected host platform \(linux\/amd64\)/,
  );
});

testWhole("run --platform refuses the only image of another platform", async (wherry) => {
  await using registry = startLying(wherry);
  registry.addImage("team/box", "latest", await makeBusybox(wherry));

  const { code, stderr } = await wherry.run([
    ...["run", "--rm", "--platform", "linux/s390x", `${registry.host}/team/box`],
  ]);

  strictEqual(code, 125);
  match(stderr, /wanted linux\/s390x, actual: linux\/amd64\n$/);
});

/** What a registry may do, and what is said then. */
const LIES: readonly [what: string, pattern: RegExp, lie: lies.Lie, message: RegExp][] = [
  ["another manifest than its digest says", /manifests\/sha256/, lies.flipBit(), /digest|JSON/],
  ["a layer with a bit changed", /blobs\/LAYER/, lies.flipBit(), /digest/],
  ["a layer that is too short", /blobs\/LAYER/, lies.leaveOut(10), /./],
  ["a layer that is too long", /blobs\/LAYER/, lies.add(10), /./],
  ["a config blob with a bit changed", /blobs\/CONFIG/, lies.flipBit(), /digest|JSON/],
  ["redirects for ever", /blobs\/LAYER/, lies.redirectForEver(), /redirect/],
  [
    "a manifest of 100 MB",
    /manifests/,
    lies.answer("application/vnd.oci.image.manifest.v1+json", lies.spaces(100 << 20)),
    /./,
  ],
  [
    "a page of HTML for a manifest",
    /manifests/,
    lies.answer("text/html", new TextEncoder().encode("<html>")),
    /./,
  ],
  [
    "never who may",
    /team\/box/,
    lies.refuse(401, { headers: { "www-authenticate": 'Basic realm="x"' } }),
    /./,
  ],
  [
    "that it is too much, always",
    /blobs\/LAYER/,
    lies.refuse(429, { headers: { "retry-after": "0" } }),
    /./,
  ],
];

for (const [what, pattern, lie, message] of LIES) {
  testWhole(`a registry that gives ${what} leaves the store as it was`, async (wherry) => {
    await using registry = startLying(wherry);
    succeeds(await wherry.run(["import", await wherry.imageTar(), "kept"]));
    const image = makeRegistryImage({ layers: [noise("a", 3000)] });
    registry.addImage("team/box", "latest", image);
    const index = indexOf([[image.manifest, "linux/amd64"]]);
    registry.addManifest("team/box", "latest", index);
    const source = pattern.source.replace("LAYER", image.layers[0]?.digest ?? "")
      .replace("CONFIG", image.config.digest);
    registry.lie(new RegExp(source), lie);
    const before = storeOf(wherry);

    const { code, stderr } = await wherry.run(["pull", `${registry.host}/team/box`]);

    strictEqual(code, 1, stderr);
    match(stderr, /^wherry: Cannot pull "[^\n]*\n/);
    match(stderr, message);
    deepStrictEqual(storeOf(wherry), before);
  });
}

testWhole("pull tries again when the registry asks for patience", async (wherry) => {
  await using registry = startLying(wherry);
  const image = makeRegistryImage({ layers: [noise("a", 3000)] });
  registry.addImage("team/box", "latest", image);
  const lie = lies.refuse(429, { headers: { "retry-after": "0" } });
  registry.lie(/blobs\/sha256/, lie, { times: 2 });

  succeeds(await wherry.run(["pull", `${registry.host}/team/box`]));
});

testWhole("layers that are cut at any place are pulled all the same", async (wherry) => {
  await using registry = startLying(wherry);
  // The n-th layer is cut at ten times n, so that one pull tries them all
  const layers = Array.from({ length: 30 }, (_, n) => noise(`${n}`, 200));
  const image = makeRegistryImage({ layers });
  registry.addImage("team/box", "latest", image);
  for (const [n, { digest, bytes }] of image.layers.entries()) {
    ok(bytes.length > 10 * n);
    registry.lie(`GET /v2/team/box/blobs/${digest}`, lies.cutAt(10 * n), { times: 1 });
  }

  const result = await wherry.run(["pull", "-q", `${registry.host}/team/box`]);

  succeeds(result);
  strictEqual(listNames(`${wherry.root}/layers`).length, layers.length);
  deepStrictEqual(partialsOf(wherry), []);
});

testWhole("a layer that is always cut ends the pull, and the next one goes on", async (wherry) => {
  await using registry = startLying(wherry);
  const image = makeRegistryImage({ layers: [noise("a", 3000)] });
  registry.addImage("team/box", "latest", image);
  const [layer] = image.layers;
  ok(layer !== undefined);
  const path = `GET /v2/team/box/blobs/${layer.digest}`;
  registry.lie(path, lies.cutAt(1500));
  const name = `${registry.host}/team/box`;

  const failed = await wherry.run(["pull", name]);
  const left = partialsOf(wherry);
  registry.stopLying();
  const again = await wherry.run(["pull", name]);

  strictEqual(failed.code, 1);
  deepStrictEqual(left, [layer.digest.slice("sha256:".length)]);
  succeeds(again);
  strictEqual(registry.requests.at(-1)?.headers.get("range")?.split("-")[0], "bytes=1500");
});
