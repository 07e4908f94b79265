/** Commands that change networks, killed at random moments, many times over. @module */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readPortRegistry } from "../mod/network/port_registry.ts";
import { listNames, type TestEngine, testWhole } from "./harness.ts";
import { killDuring, pick, randomNumbers, VICTIMS } from "./random_kills.ts";
import { reapAdopted } from "./surroundings.ts";

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const MAX_KILLS = 120;
/** No more kills are begun after that, however slow the machine. */
const MAX_DURATION_MS = 30_000;

testWhole(
  `kills of commands that change networks (seed ${SEED}) leave nothing behind`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    const commands = await commandsOf(wherry);
    const end = Date.now() + MAX_DURATION_MS;

    for (let count = 0; count < MAX_KILLS && Date.now() < end; count++) {
      await killDuring(wherry, pick(random, commands), pick(random, VICTIMS), random);
      reapAdopted();
    }

    await assertConsistent(wherry);
    await assertUsable(wherry);
    await removeEverything(wherry);
    deepStrictEqual(findLeft(wherry), []);
  },
);

testWhole(
  `kills of commands are put right by system recover alone (seed ${SEED})`,
  async (wherry) => {
    const random = randomNumbers(SEED + 1);
    const commands = await commandsOf(wherry);
    for (let count = 0; count < 20; count++) {
      await killDuring(wherry, pick(random, commands), pick(random, VICTIMS), random);
      reapAdopted();
    }

    const { code, stderr } = await wherry.run(["system", "recover"]);
    const again = await wherry.run(["system", "recover"]);

    strictEqual(stderr, "");
    strictEqual(code, 0);
    deepStrictEqual(again, { code: 0, stdout: "", stderr: "" });
    await assertConsistent(wherry);
    await removeEverything(wherry);
    deepStrictEqual(findLeft(wherry), []);
  },
);

/** What is done to two containers, `box` and `crate`, on the default network and on `net`. */
async function commandsOf(wherry: TestEngine): Promise<string[][]> {
  const image = await wherry.busybox(["--stop-timeout", "0"]);
  const ports = ["-p", "8080:80", "-p", "5353:53/udp"];
  return [
    ["run", "--rm", ...image, "true"],
    ["run", "--rm", "-p", "8081:80", "--network", "net", ...image, "true"],
    ["run", "-d", "--rm", "--network", "net", ...image, "sleep", "0.02"],
    ["run", "-d", "--name", "box", ...ports, ...image, "sleep", "100"],
    ["run", "-d", "--name", "box", "--network", "net", ...ports, ...image, "sleep", "100"],
    ["run", "-d", "--name", "crate", "--restart", "always", ...image, "sleep", "0.1"],
    ["network", "create", "net"],
    ["network", "create", "net"],
    ["network", "rm", "net"],
    ["network", "prune", "-f"],
    ["network", "connect", "net", "box"],
    ["network", "connect", "--alias", "other", "net", "crate"],
    ["network", "connect", "bridge", "box"],
    ["network", "disconnect", "net", "box"],
    ["network", "disconnect", "bridge", "box"],
    ["network", "disconnect", "net", "crate"],
    ["update", "--publish-add", "8082:80", "box"],
    ["update", "--publish-rm", "80", "box"],
    ["stop", "box"],
    ["start", "box", "crate"],
    ["restart", "box"],
    ["rm", "-f", "box"],
    ["rm", "-f", "crate"],
  ];
}

/** Names and contents of what the engine keeps of networks in its run directory, by the kind of file. */
interface NetworkFiles {
  /** `network id/address`. */
  addresses: string[];
  /** Lines of `hosts` of all networks. */
  hosts: string[];
  /** Ids of containers that publish ports. */
  owners: string[];
}

function readFiles({ runRoot }: TestEngine): NetworkFiles {
  const directory = `${runRoot}/network`;
  const ids = listNames(directory).filter((name) => name.length === 64);
  return {
    addresses: ids.flatMap((id) =>
      listNames(`${directory}/${id}/addresses`).filter((name) => !name.startsWith("."))
        .map((name) => `${id}/${name}`)
    ),
    hosts: ids.flatMap((id) =>
      readIfPresent(`${directory}/${id}/hosts`).split("\n").filter((line) => line !== "")
    ),
    owners: [...readPortRegistry(`${directory}/ports`).keys()],
  };
}

function readIfPresent(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** After `system recover` books and links are those of the containers that run, and of no others. */
async function assertConsistent(wherry: TestEngine): Promise<void> {
  strictEqual((await wherry.run(["system", "recover"])).stderr, "");
  const running = (await wherry.run(["ps", "-q", "--no-trunc"])).stdout.trim().split("\n")
    .filter((id) => id !== "");
  const { addresses, hosts, owners } = readFiles(wherry);
  const endpoints = running.flatMap((id) => readSandbox(wherry, id).endpoints);
  const taken = endpoints.flatMap(({ networkId, ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((one) => one === undefined ? [] : [`${networkId}/${one.address}`])
  );
  deepStrictEqual(addresses.toSorted(), taken.toSorted());
  deepStrictEqual(hosts.filter((line) => !running.some((id) => line.endsWith(id))), []);
  ok(owners.every((id) => running.includes(id)));
  const ports = wherry.network.listLinks().filter((name) => /^wh[0-9a-f]{12}$/.test(name));
  deepStrictEqual(ports.toSorted(), endpoints.map(({ hostLink }) => hostLink).toSorted());
}

interface SandboxRecord {
  endpoints: {
    networkId: string;
    hostLink: string;
    ipv4?: { address: string };
    ipv6?: { address: string };
  }[];
}

function readSandbox({ runRoot }: TestEngine, id: string): SandboxRecord {
  const text = readIfPresent(`${runRoot}/containers/${id}/network.json`);
  return JSON.parse(text || '{"endpoints":[]}');
}

/** Containers reach each other by name and through ports that were in use. */
async function assertUsable(wherry: TestEngine): Promise<void> {
  await wherry.run(["rm", "-f", "box", "crate"]);
  await wherry.run(["network", "create", "net"]);
  await wherry.start(["--name", "box", "--network", "net", "-p", "8080:80"], ["sleep", "100"]);
  const { code, stdout } = await wherry.runBusybox(
    ["--network", "net"],
    ["ping", "-c", "1", "-W", "2", "box"],
  );
  strictEqual(code, 0, stdout);
}

async function removeEverything(wherry: TestEngine): Promise<void> {
  const ids = (await wherry.run(["ps", "-aq"])).stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) strictEqual((await wherry.run(["rm", "-f", ...ids])).stderr, "");
  strictEqual((await wherry.run(["network", "prune", "-f"])).stderr, "");
}

/** Whatever the files of the engine's networks still tell of. */
function findLeft(wherry: TestEngine): string[] {
  const { addresses, hosts, owners } = readFiles(wherry);
  return [...addresses, ...hosts, ...owners];
}
