/** What `ps`, `port` and `inspect` show of containers' networks and ports, and what `run` says of its flags. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type TestEngine, testWhole } from "./harness.ts";

const SLEEP = ["sleep", "600"];

/** What a command prints, a line each. */
async function linesOf(wherry: TestEngine, ...args: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await wherry.run(args);
  strictEqual(stderr, "");
  return stdout === "" ? [] : stdout.trimEnd().split("\n");
}

/** A test whose containers are removed in the end. */
function testContainers(name: string, body: (wherry: TestEngine) => Promise<void>): void {
  testWhole(name, async (wherry) => {
    await body(wherry);
    await linesOf(wherry, "rm", "-f", ...await linesOf(wherry, "ps", "-aq"));
  });
}

testContainers("ps and port show published and exposed ports in docker's form", async (wherry) => {
  const flags = ["-p", "8080:80", "-p", "127.0.0.1:53:53/udp", "-p", "9000-9001:9000-9001"];
  await wherry.start(["--name", "web", ...flags, "--expose", "443/udp"], SLEEP);

  deepStrictEqual(await linesOf(wherry, "ps", "--format", "{{.Ports}}"), [
    "127.0.0.1:53->53/udp, 443/udp, 0.0.0.0:9000-9001->9000-9001/tcp, " +
    "[::]:9000-9001->9000-9001/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
  ]);
  deepStrictEqual(await linesOf(wherry, "port", "web"), [
    "53/udp -> 127.0.0.1:53",
    "80/tcp -> 0.0.0.0:8080",
    "80/tcp -> [::]:8080",
    "9000/tcp -> 0.0.0.0:9000",
    "9000/tcp -> [::]:9000",
    "9001/tcp -> 0.0.0.0:9001",
    "9001/tcp -> [::]:9001",
  ]);
  deepStrictEqual(await linesOf(wherry, "port", "web", "53/udp"), ["127.0.0.1:53"]);
  const { code, stderr } = await wherry.run(["port", "web", "53"]);
  strictEqual(code, 1);
  strictEqual(stderr, "wherry: No public port '53' published for web\n");
});

testContainers("a range for one port takes the first that is free", async (wherry) => {
  await wherry.start(["--name", "one", "-p", "6000-6001:80"], SLEEP);
  await wherry.start(["--name", "two", "-p", "6000-6001:80"], SLEEP);
  const third = await wherry.runBusybox(["-d", "--name", "three", "-p", "6000-6001:80"], SLEEP);

  deepStrictEqual(await linesOf(wherry, "port", "one", "80"), ["0.0.0.0:6000", "[::]:6000"]);
  deepStrictEqual(await linesOf(wherry, "port", "two", "80"), ["0.0.0.0:6001", "[::]:6001"]);
  strictEqual(third.code, 125);
  match(third.stderr, /^wherry: Cannot publish 80\/tcp: no port from 6000 to 6001 is free\n/);
});

testContainers("-P publishes what is exposed, and only that", async (wherry) => {
  await wherry.start(["--name", "web", "-P", "--expose", "80", "--expose", "53/udp"], SLEEP);

  const lines = await linesOf(wherry, "port", "web");

  deepStrictEqual(lines.map((line) => line.replace(/\d+$/, "N")), [
    "53/udp -> 0.0.0.0:N",
    "53/udp -> [::]:N",
    "80/tcp -> 0.0.0.0:N",
    "80/tcp -> [::]:N",
  ]);
});

testContainers("ps tells the networks and the address, and filters by them", async (wherry) => {
  await linesOf(wherry, "network", "create", "--subnet", "10.7.0.0/24", "lan");
  await linesOf(wherry, "network", "create", "--subnet", "10.8.0.0/24", "dmz");
  await wherry.start(["--name", "web", "-p", "8080:80", "--network", "bridge"], SLEEP);
  await wherry.start(["--name", "db", "--network", "lan:ip=10.7.0.9", "--network", "dmz"], SLEEP);
  await wherry.start(["--name", "side", "--network", "container:web"], SLEEP);
  const names = (...filters: readonly string[]): Promise<string[]> =>
    linesOf(wherry, "ps", "--format", "{{.Names}}", ...filters.flatMap((one) => ["-f", one]));
  const [lanId = ""] = await linesOf(wherry, "network", "ls", "-q", "-f", "name=lan");

  const rows = await linesOf(wherry, "ps", "--format", "{{.Names}} [{{.Networks}}] [{{.IP}}]");
  const [side, db, web = ""] = rows;

  deepStrictEqual([side, db], ["side [] []", "db [lan,dmz] [10.7.0.9]"]);
  match(web, /^web \[bridge\] \[10\.210\.0\.\d+\]$/);
  deepStrictEqual(await names("network=lan"), ["db"]);
  deepStrictEqual(await names(`network=${lanId}`), ["db"]);
  deepStrictEqual(await names("network=dmz", "network=bridge"), ["db", "web"]);
  deepStrictEqual(await names("publish=8080"), ["web"]);
  deepStrictEqual(await names("publish=80"), []);
  deepStrictEqual(await names("expose=80-90"), ["web"]);
});

testContainers("inspect tells addresses and ports while a container runs", async (wherry) => {
  await linesOf(wherry, "network", "create", "--subnet", "10.7.0.0/24", "lan");
  const flags = ["--network", "lan:ip=10.7.0.9,alias=store", "-p", "[::1]:8080:80"];
  await wherry.start(["--name", "db", ...flags, "--add-host", "a=10.0.0.1"], SLEEP);
  const look = (template: string): Promise<string[]> =>
    linesOf(wherry, "inspect", "-f", template, "db");

  deepStrictEqual(
    await look("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}"),
    ["10.7.0.9 10.7.0.1"],
  );
  deepStrictEqual(
    await look("{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}"),
    [
      '{"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]} ' +
      '{"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]}',
    ],
  );
  deepStrictEqual(
    await look(
      "{{.HostConfig.NetworkMode}} {{.HostConfig.ExtraHosts}} " +
        "{{.NetworkSettings.Networks.lan.Aliases}} {{.Config.ExposedPorts}}",
    ),
    ["lan [a:10.0.0.1] [store] map[80/tcp:{}]"],
  );
  const [key = ""] = await look("{{.NetworkSettings.SandboxKey}}");
  match(Deno.readLinkSync(key), /^net:\[\d+\]$/);

  await wherry.run(["stop", "-t", "0", "db"]);

  deepStrictEqual(
    await look(
      "{{range .NetworkSettings.Networks}}[{{.IPAddress}}] [{{.EndpointID}}]{{end}} " +
        "{{.NetworkSettings.Ports}} [{{.NetworkSettings.SandboxKey}}]",
    ),
    ["[] [] map[] []"],
  );
});

testContainers("who shares a container's network has its host name", async (wherry) => {
  await wherry.start(["--name", "web", "--hostname", "alpha"], SLEEP);

  const { stdout } = await wherry.runBusybox(
    ["--rm", "--network", "container:web"],
    ["sh", "-c", "hostname; hostname -i"],
  );

  match(stdout, /^alpha\n10\.210\.0\.\d+/);
});

testWhole("ports that nobody can reach are warned of", async (wherry) => {
  for (const mode of ["host", "none"]) {
    const { code, stderr } = await wherry.runBusybox(
      ["--rm", "--network", mode, "-p", "80:80"],
      ["true"],
    );

    strictEqual(code, 0);
    strictEqual(
      stderr,
      `WARNING: Published ports are discarded when using ${mode} network mode\n`,
    );
  }
});

testWhole("a port is not published on an address that the host does not have", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["-p", "192.0.2.77:80:80"], ["true"]);

  strictEqual(
    stderr.split("\n")[0],
    "wherry: Bind for 192.0.2.77:80 failed: cannot assign requested address: " +
      "no link of the host has it",
  );
  strictEqual(code, 125);
});

testWhole(
  "flags of networks that make no sense are refused with docker's status",
  async (wherry) => {
    const refused: [flags: string[], create: number, message: string][] = [
      [["--network", "container:nobody"], 1, "No such container: nobody"],
      [["-p", "70000"], 125, "invalid containerPort: 70000"],
      [["--link", "db"], 125, 'Cannot link to "db": links are not supported'],
      [["--network", "nope"], 1, "network nope not found"],
      [["--network", "bridge:ip=x"], 1, "invalid IPv4 address: x"],
    ];
    const image = await wherry.busybox();
    for (const [flags, create, message] of refused) {
      const made = await wherry.run(["create", ...flags, ...image, "true"]);
      const run = await wherry.run(["run", ...flags, ...image, "true"]);

      deepStrictEqual([made.code, run.code], [create, 125]);
      for (const { stderr } of [made, run]) {
        strictEqual(
          stderr.split("\n")[0],
          `wherry: ${message}`,
        );
      }
    }
    deepStrictEqual(await linesOf(wherry, "ps", "-aq"), []);
  },
);
