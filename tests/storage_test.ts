/** How images become root file systems: many layers, and copies where there can be no overlay. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { bzip2, xz } from "./fakes/host_compression.ts";
import { type TarMember, tarOf } from "./fakes/tar_builder.ts";
import { listNames, type Result, type TestEngine, testWhole } from "./harness.ts";

const COPY = ["--storage-driver", "copy"];

/** Loads an image called `name` of busybox and these layers on top. */
async function loadLayers(
  wherry: TestEngine,
  name: string,
  layers: readonly (readonly TarMember[])[],
): Promise<Result> {
  return await wherry.run(["load"], { stdin: await archiveOfLayers(wherry, name, layers) });
}

async function archiveOfLayers(
  wherry: TestEngine,
  name: string,
  layers: readonly (readonly TarMember[])[],
): Promise<Uint8Array<ArrayBuffer>> {
  const base = new Uint8Array(Deno.readFileSync(await wherry.imageTar()));
  return await dockerArchive("blobs", {
    references: [name],
    layers: [base, ...layers.map((members) => tarOf(...members))],
  });
}

/** What a command says inside of a new container. */
async function runIn(
  wherry: TestEngine,
  image: string,
  script: string,
  flags: readonly string[] = [],
): Promise<string> {
  const container = ["run", "--rm", "--network", "none", image, "sh", "-c", script];
  const { code, stdout, stderr } = await wherry.run([...flags, ...container]);
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout;
}

/** Each layer adds a file, hides the one before it, and says which it is. */
function numberedLayers(count: number): TarMember[][] {
  return Array.from({ length: count }, (_, index) => [
    { name: `layers/file-${index}`, content: `${index}` },
    { name: `layers/.wh.file-${index - 1}` },
    { name: "number", content: `${index}` },
  ]);
}

for (const [suffix, compress] of [["xz", xz], ["bz2", bzip2]] as const) {
  testWhole(`run, import and load take what ${suffix} has compressed`, async (wherry) => {
    const tar = new Uint8Array(Deno.readFileSync(await wherry.imageTar()));
    const archive = await archiveOfLayers(wherry, "loaded:1", []);
    Deno.writeFileSync(`${wherry.scratch}/box.tar.${suffix}`, await compress(tar, "-1"));

    const imported = await wherry.run(["import", `box.tar.${suffix}`, "imported"]);
    const loaded = await wherry.run(["load", "-q"], { stdin: await compress(archive, "-1") });

    deepStrictEqual([imported.code, imported.stderr], [0, ""]);
    deepStrictEqual([loaded.code, loaded.stderr], [0, ""]);
    for (const image of [`./box.tar.${suffix}`, "imported", "loaded:1"]) {
      strictEqual(await runIn(wherry, image, "echo works"), "works\n");
    }
  });
}

for (const count of [128, 499]) {
  testWhole(`run takes an image of ${count + 1} layers`, async (wherry) => {
    const { code, stderr } = await loadLayers(wherry, "deep:1", numberedLayers(count));
    deepStrictEqual([code, stderr], [0, ""]);

    const shown = await runIn(wherry, "deep:1", "cat /number; echo; ls /layers; : > /new; ls /new");

    strictEqual(shown, `${count - 1}\nfile-${count - 1}\n/new\n`);
  });
}

testWhole("load refuses an image of more layers than overlayfs can have", async (wherry) => {
  const { code, stderr } = await loadLayers(wherry, "deeper:1", numberedLayers(500));

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot load standard input: [^\n]*more than 500 layers$/m);
  deepStrictEqual(listNames(`${wherry.root}/layers`), []);
});

testWhole("run shows an image of many layers to the storage driver copy, too", async (wherry) => {
  await loadLayers(wherry, "deep:1", numberedLayers(60));

  const shown = await runIn(wherry, "deep:1", "cat /number; echo; ls /layers", COPY);

  strictEqual(shown, "59\nfile-59\n");
});

const RICH: readonly TarMember[][] = [
  [
    { name: "opaque/gone", content: "1" },
    { name: "kept/gone", content: "1" },
    { name: "kept/stays", content: "1" },
    { name: "replaced/inside", content: "1" },
  ],
  [
    { name: "opaque/", type: "5", mode: 0o711 },
    { name: "opaque/.wh..wh..opq" },
    { name: "opaque/new", mode: 0o4755, uid: 7, gid: 8, mtime: 1234, content: "x" },
    { name: "opaque/hard", type: "1", link: "opaque/new" },
    { name: "opaque/soft", type: "2", link: "/elsewhere" },
    { name: "kept/", type: "5", mode: 0o755 },
    { name: "kept/.wh.gone" },
    { name: "replaced", content: "now a file" },
    { name: "pipe", type: "6" },
  ],
];

const LIST_RICH = "cd /; find opaque kept replaced pipe | sort | " +
  'xargs stat -c "%n %F %a %u:%g %h %s %Y" && readlink opaque/soft';

testWhole("a copy is what an overlay shows", async (wherry) => {
  await loadLayers(wherry, "rich:1", RICH);
  const copied = await runIn(wherry, "rich:1", LIST_RICH, COPY);
  const mounted = await runIn(wherry, "rich:1", LIST_RICH);

  strictEqual(withoutDirectorySizes(copied), withoutDirectorySizes(mounted));
  match(copied, /^opaque\/hard regular file 4755 7:8 2 1 1234$/m);
});

/** The number of links and the size of a directory are the file system's business. */
function withoutDirectorySizes(listing: string): string {
  return listing.replaceAll(/^(.* directory \d+ \d+:\d+) \d+ \d+/gm, "$1");
}

testWhole("a copy belongs to one container, which goes with it", async (wherry) => {
  await loadLayers(wherry, "rich:1", RICH);
  const create = ["create", "--network", "none", "rich:1", "sh", "-c", "rm /kept/stays; : > /own"];
  const made = await wherry.run([...COPY, ...create]);
  const id = made.stdout.trim();

  // The driver is written down: nobody has to name it again
  const started = await wherry.run(["start", "-a", id]);

  deepStrictEqual([started.code, started.stdout, started.stderr], [0, "", ""]);
  const root = wherry.containerPath(id, "merged");
  deepStrictEqual(listNames(`${root}/kept`), []);
  ok(listNames(root).includes("own"));
  strictEqual(await runIn(wherry, "rich:1", "ls /kept", COPY), "stays\n");
  const format = "{{.Driver}} {{.GraphDriver.Name}} {{.GraphDriver.Data.MergedDir}} {{.SizeRw}}";
  const { stdout } = await wherry.run(["inspect", "-s", "-f", format, id]);
  match(stdout, new RegExp(`^copy copy ${root} [1-9]\\d{5,}\n$`));
  const usage = await wherry.run(["system", "df", "--format", "{{.Type}} {{.Size}}"]);
  match(usage.stdout, /^Containers [1-9][\d.]*[kM]B$/m);
  strictEqual((await wherry.run(["rm", id])).code, 0);
  deepStrictEqual(listNames(`${wherry.root}/containers`), []);
});

const CHANGE_RICH = "cd /; rm -r kept; mkdir kept; : > kept/other; chmod 700 opaque; " +
  "rm opaque/hard; echo more > opaque/third; ln opaque/third opaque/hard; rm pipe; mkdir replaced.d; " +
  "rm replaced; mv replaced.d replaced; touch -d @77 replaced/inside; echo x > /etc/motd";

testWhole("diff and commit tell of a copy what they tell of an overlay", async (wherry) => {
  await loadLayers(wherry, "rich:1", RICH);
  const told: string[][] = [];
  for (const [name, flags] of [["mounted", []], ["copied", COPY]] as const) {
    const create = ["create", "--name", name, "--network", "none", "rich:1"];
    await wherry.run([...flags, ...create, "sh", "-c", CHANGE_RICH]);
    await wherry.run(["start", "-a", name]);
    const diff = await wherry.run(["diff", name]);
    const commit = await wherry.run(["commit", name, `${name}:1`]);
    deepStrictEqual([diff.code, commit.code, commit.stderr], [0, 0, ""]);
    const list = LIST_RICH.replace(" pipe", " etc/motd").replace(" && readlink", "; readlink");
    const listing = await runIn(wherry, `${name}:1`, `${list}; ls /; cat opaque/third`);
    told.push([diff.stdout, withoutDirectorySizes(listing).replaceAll(/ \d{9,}$/gm, " now")]);
    await wherry.run(["rm", name]);
  }

  deepStrictEqual(told[1], told[0]);
  match(told[0]?.join("") ?? "", /^D \/kept\/stays$/m);
  match(told[0]?.join("") ?? "", /^opaque\/third regular file 644 0:0 2 5 now$/m);
});

testWhole("run copies where the root is on an overlay itself", async (wherry) => {
  const place = `${wherry.scratch}/place`;
  await loadLayers(wherry, "rich:1", RICH);
  const expected = await runIn(wherry, "rich:1", LIST_RICH);
  const tar = `${wherry.scratch}/rich.tar`;
  Deno.writeFileSync(tar, await archiveOfLayers(wherry, "rich:1", RICH));
  const call = (...args: string[]): string =>
    wherry.commandLine(args).map((word) => `'${word.replace(wherry.root, `${place}/merged/root`)}'`)
      .join(" ");
  const script = `set -e; mkdir ${place}; mount -t tmpfs tmpfs ${place}; cd ${place}
    mkdir lower upper work merged
    mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
    ${call("load", "-q", "-i", tar)} > loaded
    ${call("run", "--rm", "--network", "none", "rich:1", "sh", "-c", LIST_RICH)}
    ${call("info", "-f", "{{.Driver}}")}
    ${call("--storage-driver", "overlay", "run", "--rm", "rich:1", "true")} || echo $?`;

  const { stdout, stderr } = await wherry.runCommand(["unshare", "-m", "sh", "-c", script]);

  strictEqual(withoutDirectorySizes(stdout), withoutDirectorySizes(`${expected}copy\n125\n`));
  match(stderr, /^wherry: Cannot use the storage driver "overlay" in [^\n]* file system overlay\n/);
});

testWhole("an unknown storage driver is refused", async (wherry) => {
  const { code, stderr } = await wherry.run(["info"], { env: { WHERRY_STORAGE_DRIVER: "btrfs" } });

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot use the storage driver "btrfs": no such driver\n/);
});
