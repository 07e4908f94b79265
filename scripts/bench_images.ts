/**
 * What images cost: unpacking them, pulling them from a registry on this machine, committing and saving them.
 *
 * All engines, their daemons and the registry run in one network namespace that is made for the benchmark: `bench.ts`
 * starts this file there. Only the command itself is timed; what it needs and leaves is made and removed around it.
 *
 * Arguments: path of `dist/wherry`, a private directory, the busybox tar, rounds, and the file that takes the numbers.
 *
 * @module
 */

import { Links } from "../mod/kernel/link.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { largeArchive } from "./bench_archive.ts";
import { capture, type Engine, openDocker, openPodman, openWherry } from "./bench_engines.ts";
import { cell } from "./bench_measure.ts";
import { measureTasks, type Task } from "./bench_tasks.ts";
import { findProgram } from "./prerequisites.ts";
import { type TarEntry, writeTar } from "./tar_writer.ts";

const REGISTRY = "127.0.0.1:5000";
const REGISTRY_START_MS = 10_000;
const REGISTRY_POLL_MS = 50;

/** An engine that keeps images. */
type Keeper = Engine & { readonly client: readonly string[] };

/** Files that the tasks read. */
interface Files {
  /** The layer alone. */
  layer: Readonly<Record<Compression, string>>;
  /** A docker archive of it. */
  archive: Readonly<Record<Compression, string>>;
  /** An OCI layout of it, with gzip. */
  layout: string;
}

type Compression = "plain" | "gzip" | "zstd";
const COMPRESSIONS: readonly Compression[] = ["plain", "gzip", "zstd"];
const UNTAR = { plain: "-xf", gzip: "-xzf", zstd: "--zstd -xf" } as const;

async function makeFiles(directory: string): Promise<Files> {
  const plain = `${directory}/layer.tar`;
  await writeTar(plain, largeArchive());
  await capture(["sh", "-c", `gzip -k -c ${plain} > ${plain}.gz; zstd -q -k ${plain}`]);
  const layer = { plain, gzip: `${plain}.gz`, zstd: `${plain}.zst` };
  const diffId = await sha256(await Deno.readFile(plain));
  const archive = {
    plain: `${directory}/plain.tar`,
    gzip: `${directory}/gzip.tar`,
    zstd: `${directory}/zstd.tar`,
  };
  for (const compression of COMPRESSIONS) {
    await writeTar(
      archive[compression],
      await dockerArchive(await Deno.readFile(layer[compression]), diffId),
    );
  }
  const layout = `${directory}/layout`;
  await capture(["skopeo", "copy", "-q", `docker-archive:${archive.gzip}`, `oci:${layout}:large`]);
  return { layer, archive, layout };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** What `docker save` writes of an image with one layer. */
async function dockerArchive(layer: Uint8Array, diffId: string): Promise<TarEntry[]> {
  const encoder = new TextEncoder();
  const config = encoder.encode(JSON.stringify({
    architecture: Deno.build.arch === "x86_64" ? "amd64" : "arm64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", "diff_ids": [`sha256:${diffId}`] },
  }));
  const name = `${await sha256(config)}.json`;
  const manifest = [{ Config: name, RepoTags: ["large:latest"], Layers: ["layer.tar"] }];
  return [
    { path: name, mode: 0o644, content: config },
    { path: "layer.tar", mode: 0o644, content: layer },
    { path: "manifest.json", mode: 0o644, content: encoder.encode(JSON.stringify(manifest)) },
  ];
}

/** Loading the image, and unpacking its layer alone. */
async function measureUnpacking(
  keepers: readonly Keeper[],
  { layer, archive, layout }: Files,
  { directory, rounds }: { directory: string; rounds: number },
): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const target = `${directory}/unpacked`;
  const removeTarget = (): Promise<unknown> => capture(["rm", "-rf", target]);
  for (const compression of COMPRESSIONS) {
    // dockerd 20.10 knows no zstd
    const able = keepers.filter(({ name }) => compression !== "zstd" || name !== "docker");
    const tasks: Task[] = able.map(({ name, client }) => ({
      name,
      command: [...client, "load", "-q", "-i", archive[compression]],
      cleanUp: () => capture([...client, "rmi", "-f", "large"]),
    }));
    tasks.push({
      name: "GNU tar x",
      prepare: () => Deno.mkdir(target),
      command: ["tar", ...UNTAR[compression].split(" "), layer[compression], "-C", target],
      cleanUp: removeTarget,
    });
    if (compression === "gzip") {
      tasks.push({
        name: "umoci unpack",
        command: ["umoci", "unpack", "--image", `${layout}:large`, target],
        cleanUp: removeTarget,
      });
    }
    report[compression] = await measureTasks(
      `Load a layer of 250 MB, ${compression}`,
      tasks,
      rounds,
    );
  }
  return report;
}

/** Starts the registry and waits until it answers. */
async function startRegistry(directory: string): Promise<AsyncDisposable> {
  const configPath = `${directory}/registry.yml`;
  const config = {
    version: "0.1",
    storage: { filesystem: { rootdirectory: `${directory}/registry` } },
    http: { addr: REGISTRY },
  };
  // YAML has JSON in it
  await Deno.writeTextFile(configPath, JSON.stringify(config));
  const child = new Deno.Command("docker-registry", {
    args: ["serve", configPath],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (const deadline = performance.now() + REGISTRY_START_MS;;) {
    try {
      await (await fetch(`http://${REGISTRY}/v2/`)).body?.cancel();
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, REGISTRY_POLL_MS));
    }
  }
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Pulling an image, and then another one on the same base. */
async function measurePulling(
  keepers: readonly Keeper[],
  { layout }: Files,
  { directory, rounds }: { directory: string; rounds: number },
): Promise<Record<string, unknown>> {
  const large = `${REGISTRY}/large`;
  const child = `${REGISTRY}/child`;
  const copy = ["skopeo", "copy", "-q", "--dest-tls-verify=false"];
  await capture([...copy, `oci:${layout}:large`, `docker://${large}`]);
  const derived = `${directory}/child.layout`;
  const addFile = `${directory}/added`;
  await Deno.writeTextFile(addFile, "one small file\n");
  await capture(["cp", "-r", layout, derived]);
  await capture(["umoci", "insert", "--image", `${derived}:large`, addFile, "/added"]);
  await capture([...copy, `oci:${derived}:large`, `docker://${child}`]);

  const pull = ({ name, client }: Keeper, image: string): string[] => [
    ...[...client, "pull", "-q"],
    ...(name === "podman" ? ["--tls-verify=false"] : []),
    image,
  ];
  const target = `${directory}/copied`;
  const pulls = keepers.map((keeper): Task => ({
    name: keeper.name,
    command: pull(keeper, large),
    cleanUp: () => capture([...keeper.client, "rmi", "-f", large]),
  }));
  pulls.push({
    name: "skopeo copy",
    command: [
      "skopeo",
      "copy",
      "-q",
      "--src-tls-verify=false",
      `docker://${large}`,
      `oci:${target}:large`,
    ],
    cleanUp: () => capture(["rm", "-rf", target]),
  });
  const first = await measureTasks("Pull an image of 250 MB, gzip", pulls, rounds);
  for (const keeper of keepers) await capture(pull(keeper, large));
  const seconds = keepers.map((keeper): Task => ({
    name: keeper.name,
    command: pull(keeper, child),
    cleanUp: () => capture([...keeper.client, "rmi", "-f", child]),
  }));
  const second = await measureTasks("Pull an image with one more layer", seconds, rounds);
  const received: Record<string, number> = {};
  console.log("\nBytes over the network for it");
  for (const { name, command, cleanUp } of seconds) {
    const before = await readLoopbackBytes();
    await capture(command);
    received[name] = await readLoopbackBytes() - before;
    await cleanUp?.();
    console.log(`${name.padEnd(16)}${cell(String(received[name]))}`);
  }
  for (const { client } of keepers) await capture([...client, "rmi", "-f", large]);
  return { first, second, received };
}

async function readLoopbackBytes(): Promise<number> {
  const line = (await Deno.readTextFile("/proc/self/net/dev")).split("\n")
    .find((text) => text.trim().startsWith("lo:"));
  return Number(line?.trim().split(/\s+/).at(1));
}

/** Committing a container with 50 MB of new files, and saving a large image. */
async function measureWriting(
  keepers: readonly Keeper[],
  { archive }: Files,
  { directory, rounds }: { directory: string; rounds: number },
): Promise<Record<string, unknown>> {
  const commits: Task[] = [];
  const saves: Task[] = [];
  for (const { name, client, runOptions = [] } of keepers) {
    const fill =
      "i=0; while [ $i -lt 500 ]; do head -c 100000 /dev/urandom > /f$i; i=$((i+1)); done";
    const run = ["run", "--name", "filled", "--network", "none", ...runOptions, "busybox"];
    await capture([...client, ...run, "sh", "-c", fill]);
    commits.push({
      name,
      command: [...client, "commit", "filled", "committed"],
      cleanUp: () => capture([...client, "rmi", "-f", "committed"]),
    });
    await capture([...client, "load", "-q", "-i", archive.plain]);
    const saved = `${directory}/${name}.saved`;
    saves.push({
      name,
      command: [...client, "save", "-o", saved, "large"],
      cleanUp: () => capture(["rm", "-f", saved]),
    });
  }
  const commit = await measureTasks("Commit a container with 500 files of 100 kB", commits, rounds);
  const save = await measureTasks("Save an image of 250 MB", saves, rounds);
  for (const { client } of keepers) {
    await capture([...client, "rm", "-f", "filled"]);
    await capture([...client, "rmi", "-f", "large"]);
  }
  return { commit, save };
}

async function openKeepers(
  wherry: string,
  source: { directory: string; rootfsTar: string },
  undo: AsyncDisposableStack,
): Promise<Keeper[]> {
  const engines = [
    await openWherry(source, wherry),
    await openDocker(source),
    await openPodman(source),
  ];
  return engines.filter((engine) => engine !== undefined).map((engine) => undo.use(engine))
    .filter((engine): engine is Keeper => engine.client !== undefined);
}

async function benchImages(
  [wherry = "", directory = "", rootfsTar = "", roundsText = "", outPath = ""]: readonly string[],
): Promise<void> {
  for (const program of ["docker-registry", "skopeo", "umoci", "zstd"]) {
    if (findProgram(program) === undefined) {
      throw new Error(`Cannot measure images: no ${program}, run apt-get install ${program}`);
    }
  }
  using socket = new NetlinkSocket(NETLINK.ROUTE);
  new Links(socket).setUp("lo");
  await using undo = new AsyncDisposableStack();
  const keepers = await openKeepers(wherry, { directory, rootfsTar }, undo);
  undo.use(await startRegistry(directory));
  const files = await makeFiles(directory);
  const options = { directory, rounds: Number(roundsText) };
  const report = {
    unpacking: await measureUnpacking(keepers, files, options),
    pulling: await measurePulling(keepers, files, options),
    writing: await measureWriting(keepers, files, options),
  };
  await Deno.writeTextFile(outPath, JSON.stringify(report));
}

if (import.meta.main) await benchImages(Deno.args);
