/**
 * What networks cost: of `run`, of published ports, and of each byte and connection.
 *
 * All engines, their daemons and the load run in one network namespace that is made for the benchmark: `bench.ts`
 * starts this file there, and nothing of the machine's own network is touched.
 *
 * Arguments: path of `dist/wherry`, a private directory, the busybox tar, rounds, and the file that takes the numbers.
 *
 * @module
 */

import type { Descriptor } from "../ffi/descriptor.ts";
import { Links } from "../mod/kernel/link.ts";
import { createNetNamespace, inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { capture, type Engine, openDocker, openPodman, openWherry } from "./bench_engines.ts";
import { cell, readProcBytes, time } from "./bench_measure.ts";
import { median } from "./bench_statistics.ts";
import { connectNeighbour, NEIGHBOUR_LAN } from "./neighbour.ts";

/** Ports that are published at once. */
const PORT_COUNTS = [1, 100, 1000, 10_000] as const;
/**
 * Docker starts two processes of several megabytes for each port and needs minutes for 1,000, and podman's plugin had not added 10,000 rules one by
 * one after 40 minutes. They get no more than this many.
 */
const MAX_PORTS_OF_OTHERS = 100;
const FIRST_PORT = 20_000;
/** Port of the server, inside its container and published. */
const SERVER_PORT = "7000";
/** How long each kind of load lasts. */
const LOAD_SECONDS = "3";

/** An engine that keeps containers. */
type Keeper = Engine & { readonly client: readonly string[] };

/** Numbers of one engine by what was measured. */
type Numbers = Record<string, number>;

/** Prints a row for each engine, and how many times wherry's each number is. */
function printNumbers(title: string, unit: string, rows: ReadonlyMap<string, Numbers>): void {
  const columns = [...new Set([...rows.values()].flatMap((numbers) => Object.keys(numbers)))];
  console.log(`\n${title}, in ${unit} (and times wherry's)`);
  console.log(`${"".padEnd(10)}${columns.map((name) => name.padStart(26)).join("")}`);
  const baseline = rows.get("wherry");
  for (const [name, numbers] of rows) {
    const cells = columns.map((column) => {
      const value = numbers[column];
      if (value === undefined) return "not measured".padStart(26);
      const ratio = value / (baseline?.[column] ?? NaN);
      return `${value.toFixed(1)}${cell(`x ${ratio.toFixed(2)}`)}`.padStart(26);
    });
    console.log(`${name.padEnd(10)}${cells.join("")}`);
  }
}

function runArgs({ client, runOptions = [] }: Keeper, ...rest: string[]): string[] {
  return [...client, "run", ...runOptions, ...rest];
}

/** The network's part of `run`: with the default network, less without any. */
async function measureRun(keeper: Keeper, rounds: number): Promise<Numbers> {
  const run = (network: string[]): string[] =>
    runArgs(keeper, "--rm", ...network, "busybox", "true");
  await time(run([]));
  const [bridge, none]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    none.push(await time(run(["--network", "none"])));
    bridge.push(await time(run([])));
  }
  return {
    none: median(none),
    bridge: median(bridge),
    "bridge less none": median(bridge.map((value, round) => value - (none[round] ?? NaN))),
  };
}

async function measureNetworks({ client }: Keeper, rounds: number): Promise<Numbers> {
  const [create, remove]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const name = `bench-${round}`;
    create.push(await time([...client, "network", "create", name]));
    remove.push(await time([...client, "network", "rm", name]));
  }
  return { "network create": median(create), "network rm": median(remove) };
}

/** What publishing ports takes until `run -d` returns, how many processes then serve, and their memory. */
async function measurePorts(keeper: Keeper): Promise<Numbers> {
  const numbers: Numbers = {};
  const isBearable = (count: number): boolean =>
    keeper.name === "wherry" || count <= MAX_PORTS_OF_OTHERS;
  for (const count of PORT_COUNTS.filter(isBearable)) {
    const range = (first: number): string =>
      count === 1 ? `${first}` : `${first}-${first + count - 1}`;
    const ports = `${range(FIRST_PORT)}:${range(FIRST_PORT)}`;
    const before = new Set(listPids());
    const startedAt = performance.now();
    const id = await capture(runArgs(keeper, "-d", "-p", ports, "busybox", "sleep", "1000"));
    numbers[`${count} ports: ms`] = performance.now() - startedAt;
    const pids = listPids().filter((pid) => !before.has(pid));
    numbers[`${count} ports: processes`] = pids.length;
    numbers[`${count} ports: KiB`] = await weigh(pids) / 1024;
    await capture([...keeper.client, "rm", "-f", id]);
  }
  return numbers;
}

/** All processes in this network namespace: daemons and supervisors, but not what runs in containers. */
function listPids(): number[] {
  const own = Deno.readLinkSync("/proc/self/ns/net");
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && networkOf(pid) === own);
}

function networkOf(pid: number): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return ""; // It has ended
  }
}

/** Proportional memory of processes, in bytes. */
async function weigh(pids: readonly number[]): Promise<number> {
  let bytes = 0;
  for (const pid of pids) {
    try {
      bytes += await readProcBytes(`/proc/${pid}/smaps_rollup`, "Pss");
    } catch (error) {
      // A client on its way out
      if (networkOf(pid) !== "") throw error;
    }
  }
  return bytes;
}

/** Who asks, and where. */
interface Route {
  name: string;
  /** Runs the load program with these arguments. */
  load(...args: string[]): Promise<string>;
  address: string;
  port: string;
}

/** Bytes and connections in a second, by where they come from. */
async function measureLoad(
  keeper: Keeper,
  { program, neighbour }: { program: string; neighbour: Descriptor },
): Promise<Numbers> {
  const { client } = keeper;
  const mount = ["-v", `${program}:/load:ro`];
  const port = `${FIRST_PORT}:${SERVER_PORT}`;
  const server = await capture(
    runArgs(keeper, "-d", "-p", port, ...mount, "busybox", "/load", "serve", SERVER_PORT),
  );
  const other = await capture(runArgs(keeper, "-d", ...mount, "busybox", "sleep", "1000"));
  const address = await capture([
    ...[...client, "inspect", "-f"],
    ...["{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", server],
  ]);
  const published = { port: `${FIRST_PORT}` };
  const routes: Route[] = [
    {
      name: "container",
      load: (...args) => capture([...client, "exec", other, "/load", ...args]),
      address,
      port: SERVER_PORT,
    },
    {
      name: "localhost",
      load: (...args) => capture([program, ...args]),
      address: "127.0.0.1",
      ...published,
    },
    {
      name: "LAN",
      load: (...args) => inNetNamespace(neighbour, () => capture([program, ...args])),
      address: NEIGHBOUR_LAN.host,
      ...published,
    },
  ];
  const numbers: Numbers = {};
  for (const { name, load, ...to } of routes) {
    const arguments_ = [to.address, to.port, LOAD_SECONDS];
    numbers[`${name}: MB/s`] = Number(await load("send", ...arguments_)) / 1e6;
    numbers[`${name}: conn/s`] = Number(await load("connect", ...arguments_));
  }
  await capture([...client, "rm", "-f", server, other]);
  return numbers;
}

/** Another machine on a LAN with this one. The namespace lasts as long as its descriptor. */
function addNeighbour(): Descriptor {
  const namespace = createNetNamespace();
  connectNeighbour(namespace);
  return namespace;
}

/** Everything that is measured of one engine. */
interface Measurements {
  runs: Numbers;
  networks: Numbers;
  ports: Numbers;
  loads: Numbers;
}

async function measureAll(
  keeper: Keeper,
  rounds: number,
  load: { program: string; neighbour: Descriptor },
): Promise<Measurements> {
  console.log(`Measuring ${keeper.name} ...`);
  const all = {
    runs: await measureRun(keeper, rounds),
    networks: await measureNetworks(keeper, rounds),
    ports: await measurePorts(keeper),
    loads: await measureLoad(keeper, load),
  };
  // While wherry has networks, the host forwards for nobody else: the others' packets would not arrive
  await capture([...keeper.client, "network", "prune", "-f"]);
  return all;
}

const TITLES: readonly (readonly [part: keyof Measurements, title: string, unit: string])[] = [
  ["runs", "Run `true` in a fresh container, and remove it", "ms"],
  ["networks", "Make a network and remove it", "ms"],
  ["ports", "Publish ports", "ms, processes and KiB"],
  ["loads", "Send to a container, and connect to it", "MB/s and connections/s"],
];

/**
 * Opens, measures and closes one engine after the other.
 *
 * Docker comes last: what its daemon leaves in the namespace drops the packets of all others' containers.
 */
async function benchNetwork(
  [wherry = "", directory = "", rootfsTar = "", roundsText = "", outPath = ""]: readonly string[],
): Promise<void> {
  using hostSocket = new NetlinkSocket(NETLINK.ROUTE);
  new Links(hostSocket).setUp("lo");
  using neighbour = addNeighbour();
  const program = `${directory}/load`;
  const script = new URL("bench_load.c", import.meta.url).pathname;
  await capture(["gcc", "-static", "-O2", "-Wall", "-Wextra", "-o", program, script]);
  const source = { directory, rootfsTar, hasNetworks: true };
  const measured = new Map<string, Measurements>();
  const openers = [
    () => openWherry(source, wherry),
    () => openPodman(source),
    () => openDocker(source),
  ];
  for (const open of openers) {
    await using engine = await open();
    if (!isKeeper(engine)) continue;
    measured.set(engine.name, await measureAll(engine, Number(roundsText), { program, neighbour }));
  }
  for (const [part, title, unit] of TITLES) {
    printNumbers(title, unit, new Map([...measured].map(([name, all]) => [name, all[part]])));
  }
  await Deno.writeTextFile(outPath, JSON.stringify(Object.fromEntries(measured)));
}

function isKeeper(engine: Engine | undefined): engine is Keeper {
  return engine?.client !== undefined;
}

if (import.meta.main) await benchNetwork(Deno.args);
