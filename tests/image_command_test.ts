/** Images under their commands: names, lists, inspection. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { exists, testWhole } from "./harness.ts";
import { imageNames, importBusybox, SHORT_ID_LENGTH } from "./images.ts";

testWhole("images prints docker's table, the newest image first", async (wherry) => {
  const older = await importBusybox(wherry, "older");
  const newer = await importBusybox(wherry, "registry.test:5000/team/newer:v2");

  const { stdout } = await wherry.run(["images"]);
  const [head = "", first = "", second = ""] = stdout.split("\n");

  match(head, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
  match(first, /^registry\.test:5000\/team\/newer +v2 /);
  ok(first.includes(` ${newer.slice(0, SHORT_ID_LENGTH)} `));
  match(second, /^older +latest .* ago +[0-9.]+MB$/);
  ok(second.includes(` ${older.slice(0, SHORT_ID_LENGTH)} `));
});

testWhole("images has -q, --no-trunc, --digests and --format", async (wherry) => {
  const id = await importBusybox(wherry, "box");
  const shortId = id.slice(0, SHORT_ID_LENGTH);
  const outputOf = async (...flags: string[]): Promise<string> => {
    return (await wherry.run(["images", ...flags])).stdout;
  };

  strictEqual(await outputOf("-q"), `${shortId}\n`);
  strictEqual(await outputOf("-q", "--no-trunc"), `sha256:${id}\n`);
  strictEqual(await outputOf("-q", "--format", "table"), `${shortId}\n`);
  strictEqual(await outputOf("-q", "--format", "raw"), `image_id: ${shortId}\n`);
  match(
    await outputOf("--digests"),
    /^REPOSITORY +TAG +DIGEST +IMAGE ID [^\n]*\nbox +latest +<none> /,
  );
  strictEqual(await outputOf("--format", "{{.Repository}}|{{.ID}}"), `box|${shortId}\n`);
  const json = JSON.parse(await outputOf("--format", "json"));
  deepStrictEqual([json.Repository, json.Tag, json.ID], ["box", "latest", shortId]);
});

testWhole("images with a name shows only what has it", async (wherry) => {
  await importBusybox(wherry, "box:1");
  await importBusybox(wherry, "box:2");
  await importBusybox(wherry, "other");
  const tagsOf = async (name: string): Promise<string[]> => {
    const { stdout } = await wherry.run(["images", "--format", "{{.Tag}}", name]);
    return stdout.split("\n").filter((tag) => tag !== "").toSorted();
  };

  deepStrictEqual(await tagsOf("box"), ["1", "2"]);
  deepStrictEqual(await tagsOf("box:2"), ["2"]);
  deepStrictEqual(await tagsOf("nothing"), []);
});

testWhole("images of a new root prints only the head", async (wherry) => {
  const { code, stdout } = await wherry.run(["images"]);

  strictEqual(code, 0);
  match(stdout, /^REPOSITORY [^\n]*\n$/);
});

testWhole("inspect describes an image as docker does", async (wherry) => {
  const id = await importBusybox(wherry, "box:1", ["-c", 'CMD ["sh"]', "-c", "LABEL a=b"]);

  const { stdout } = await wherry.run(["inspect", "box:1"]);
  const [image] = JSON.parse(stdout);

  strictEqual(image.Id, `sha256:${id}`);
  deepStrictEqual(image.RepoTags, ["box:1"]);
  deepStrictEqual(image.Config.Cmd, ["sh"]);
  deepStrictEqual(image.Config.Labels, { a: "b" });
  deepStrictEqual([image.Os, image.RootFS.Layers.length], ["linux", 1]);
  const tar = Deno.readFileSync(await wherry.imageTar());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", tar)).toHex();
  strictEqual(image.RootFS.Layers[0], `sha256:${digest}`);
});

testWhole("images sorts out what -f does not want", async (wherry) => {
  const labelled = await importBusybox(wherry, "box:1", ["-c", "LABEL app=web"]);
  await importBusybox(wherry, "box:2");
  await importBusybox(wherry, "team/tool", ["-m", "other"]);
  await importBusybox(wherry, "team/tool");
  const namesOf = async (...filters: string[]): Promise<string[]> => {
    const flags = filters.flatMap((filter) => ["-f", filter]);
    const format = ["--format", "{{.Repository}}:{{.Tag}}"];
    const { stdout, stderr } = await wherry.run(["images", ...flags, ...format]);
    strictEqual(stderr, "");
    return stdout.split("\n").filter((line) => line !== "").toSorted();
  };

  deepStrictEqual(await namesOf("dangling=true"), ["<none>:<none>"]);
  deepStrictEqual(await namesOf("dangling=false"), ["box:1", "box:2", "team/tool:latest"]);
  deepStrictEqual(await namesOf("label=app"), ["box:1"]);
  deepStrictEqual(await namesOf("label=app=other"), []);
  deepStrictEqual(await namesOf("since=box:2", "dangling=0"), ["team/tool:latest"]);
  deepStrictEqual(await namesOf("before=box:2"), ["box:1"]);
  deepStrictEqual(await namesOf(`before=${labelled}`), []);
  deepStrictEqual(await namesOf("reference=b*:*", "reference=team/*"), [
    "box:1",
    "box:2",
    "team/tool:latest",
  ]);
  deepStrictEqual(await namesOf("until=1h"), []);
});

const BAD_FILTERS: readonly [filter: string, code: number, message: RegExp][] = [
  ["dangling=maybe", 1, /^wherry: invalid filter 'dangling=\[maybe\]'\n/],
  ["size=1", 1, /^wherry: invalid filter 'size'\n/],
  ["dangling", 125, /^wherry: Cannot filter by "dangling"/],
  ["before=missing", 1, /^wherry: Cannot find image "missing"/],
  ["reference=[", 1, /^wherry: [^\n]*syntax error in pattern\n/],
  ["until=soon", 1, /^wherry: Cannot read time "soon"/],
];

testWhole("images refuses a filter that makes no sense", async (wherry) => {
  for (const [filter, expected, message] of BAD_FILTERS) {
    const { code, stdout, stderr } = await wherry.run(["images", "-f", filter]);

    deepStrictEqual([code, stdout], [expected, ""]);
    match(stderr, message);
  }
});

testWhole("tag gives an image one more name, and tells of it", async (wherry) => {
  const id = await importBusybox(wherry, "box");

  const { code, stdout, stderr } = await wherry.run(["tag", "box", "host.test:5000/team/box:2"]);

  deepStrictEqual([code, stdout, stderr], [0, "", ""]);
  deepStrictEqual(await imageNames(wherry), ["box:latest", "host.test:5000/team/box:2"]);
  strictEqual((await wherry.run(["run", "--rm", "host.test:5000/team/box:2", "true"])).code, 0);
  const format = "{{.Actor.ID}} {{.Actor.Attributes.name}}";
  const since = ["--since", "1h", "--until", "0s", "--filter", "event=tag"];
  const events = await wherry.run(["events", ...since, "--format", format]);
  strictEqual(events.stdout.trimEnd().split("\n").at(-1), `sha256:${id} host.test:5000/team/box:2`);
});

const BAD_TAGS: readonly [source: string, target: string, message: RegExp][] = [
  ["missing", "x", /^wherry: Cannot find image "missing"/],
  ["box", "New", /invalid reference format: repository name \(library\/New\) must be lowercase\n/],
  ["box", `x@sha256:${"a".repeat(64)}`, /refusing to create a tag with a digest reference\n/],
  ["box", "sha256:abc", /refusing to create an ambiguous tag using digest algorithm as name\n/],
  ["box", "a".repeat(64), /cannot specify 64-byte hexadecimal strings\n/],
  ["Box", "x", /must be lowercase\n/],
];

testWhole("tag refuses in docker's words", async (wherry) => {
  await importBusybox(wherry, "box");

  for (const [source, target, message] of BAD_TAGS) {
    const { code, stdout, stderr } = await wherry.run(["tag", source, target]);

    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, message);
  }
  deepStrictEqual(await imageNames(wherry), ["box:latest"]);
});

testWhole("import gives no name that only a registry can give", async (wherry) => {
  const name = `x@sha256:${"a".repeat(64)}`;

  const { code, stderr } = await wherry.run(["import", await wherry.imageTar(), name]);

  deepStrictEqual([code, stderr], [
    1,
    "wherry: refusing to create a tag with a digest reference\n",
  ]);
  deepStrictEqual(await imageNames(wherry), []);
});

testWhole("import makes an image for another platform, and run says so", async (wherry) => {
  await wherry.run(["import", "--platform", "linux/arm64", await wherry.imageTar(), "box"]);

  const { code, stderr } = await wherry.run(["run", "--rm", "box", "true"]);

  strictEqual(code, 0);
  match(stderr, /^WARNING: The requested image's platform \(linux\/arm64\) does not match/);
});

testWhole("import of an address says how", async (wherry) => {
  const { code, stderr } = await wherry.run(["import", "https://example.com/rootfs.tar"]);

  deepStrictEqual([code, stderr], [
    1,
    'wherry: Cannot read "https://example.com/rootfs.tar": no such file\n' +
    'Fetch it with another program, and pipe it into "-"\n',
  ]);
});

testWhole("load says whose name it takes, as docker does", async (wherry) => {
  await importBusybox(wherry, "box");
  await wherry.run(["save", "-o", "box.tar", "box"]);
  const other = await importBusybox(wherry, "box", ["-m", "another"]);

  const first = await wherry.run(["load", "-i", "box.tar"]);
  const second = await wherry.run(["load", "-i", "box.tar"]);

  strictEqual(
    first.stdout,
    `The image box:latest already exists, renaming the old one with ID sha256:${other} to empty ` +
      "string\nLoaded image: box:latest\n",
  );
  strictEqual(second.stdout, "Loaded image: box:latest\n");
});

testWhole("history shows steps with the sizes of their layers", async (wherry) => {
  const id = await importBusybox(wherry, "box", ["-m", "a comment"]);
  const shortId = id.slice(0, SHORT_ID_LENGTH);
  const { stdout: size } = await wherry.run(["image", "inspect", "-f", "{{.Size}}", "box"]);
  const outputOf = async (...flags: string[]): Promise<string> =>
    (await wherry.run(["history", ...flags, "box"])).stdout;

  match(
    await outputOf(),
    new RegExp(
      `^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n${shortId} .* ago +[0-9.]+MB +a comment\n$`,
    ),
  );
  strictEqual(await outputOf("-q"), `${shortId}\n`);
  strictEqual(await outputOf("-q", "--no-trunc"), `sha256:${id}\n`);
  match(
    await outputOf("-H=false"),
    new RegExp(`^IMAGE +CREATED AT +.*\n${shortId} +20\\d\\d-[^ ]*Z +${size.trim()} +a comment\n$`),
  );
  strictEqual(JSON.parse(await outputOf("--format", "json")).Comment, "a comment");
  strictEqual((await wherry.run(["history", "missing"])).code, 1);
});

testWhole("image exists answers by its exit status alone", async (wherry) => {
  const id = await importBusybox(wherry, "box");
  const resultOf = async (name: string): Promise<unknown[]> => {
    const { code, stdout } = await wherry.run(["image", "exists", name]);
    return [code, stdout];
  };

  for (const name of ["box", "box:latest", id]) deepStrictEqual(await resultOf(name), [0, ""]);
  deepStrictEqual(await resultOf("missing"), [1, ""]);
  deepStrictEqual(await resultOf("Box"), [125, ""]);
});

testWhole("system df counts what images share, and what nothing needs", async (wherry) => {
  await importBusybox(wherry, "one");
  await importBusybox(wherry, "two", ["-m", "two"]);
  const rowOf = async (): Promise<string> => {
    const format = "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}";
    return (await wherry.run(["system", "df", "--format", format])).stdout;
  };

  match(
    await rowOf(),
    /^Images 2 0 ([0-9.]+MB) \1 \(100%\)\nContainers 0 0 0B 0B\nLocal Volumes 0 0 0B 0B\nBuild Cache 0 0 0B 0B\n$/,
  );
  await wherry.run(["run", "--name", "box", "one", "sh", "-c", "head -c 1500 /dev/zero >/data"]);
  match(
    await rowOf(),
    /^Images 2 1 [0-9.]+MB [0-9.]+k?B \(0%\)\nContainers 1 0 1\.5kB 1\.5kB \(100%\)\n/,
  );

  const { stdout } = await wherry.run(["system", "df", "-v"]);
  match(
    stdout,
    /^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS\ntwo .* 0B +0\none .* 0B +1\n/,
  );
  match(stdout, /\nContainers space usage:\n\nCONTAINER ID .*\n\w{12} +one .* 1\.5kB .* box\n/);
  const json = JSON.parse((await wherry.run(["system", "df", "-v", "--format", "json"])).stdout);
  deepStrictEqual(Object.keys(json), ["Images", "Containers", "Volumes", "BuildCache"]);
  await wherry.run(["rm", "box"]);
});

testWhole("system df counts all files of a container that is a copy", async (wherry) => {
  await importBusybox(wherry, "box");
  await wherry.run(["--storage-driver", "copy", "run", "--name", "box", "box", "true"]);
  const { stdout: size } = await wherry.run(["images", "--format", "{{.Size}}"]);

  const { stdout } = await wherry.run(["system", "df", "--format", "{{.Type}} {{.Size}}"]);

  strictEqual(
    parseFloat(/^Containers (.*)$/m.exec(stdout)?.[1] ?? "").toFixed(1),
    parseFloat(size).toFixed(1),
  );
  await wherry.run(["rm", "box"]);
});

testWhole("system df of a new root makes nothing", async (wherry) => {
  const { code, stdout } = await wherry.run(["system", "df"]);

  strictEqual(code, 0);
  match(stdout, /\nImages +0 +0 +0B +0B\n/);
  strictEqual(exists(wherry.root), false);
});

testWhole("image without a subcommand prints its help, as docker does", async (wherry) => {
  const { code, stdout } = await wherry.run(["image"]);

  strictEqual(code, 0);
  match(stdout, /^Usage: {2}wherry image COMMAND\n[^]* history [^]* prune [^]* tag /);
});
