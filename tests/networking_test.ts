/** What containers reach and who reaches them, with real packets. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Descriptor } from "../ffi/descriptor.ts";
import { Links } from "../mod/kernel/link.ts";
import { inNetNamespace } from "../mod/kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../mod/kernel/netlink.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { readSysctl, writeSysctl } from "../mod/kernel/sysctl.ts";
import { connectNeighbour, NEIGHBOUR_LAN } from "../scripts/neighbour.ts";
import { eventually, listNames, type TestEngine, testWhole } from "./harness.ts";
import { TestNetwork } from "./test_network.ts";

/** Port at which every server of these tests tells who has asked. */
const PORT = "7000";
/** How long a question waits for its answer; all that is tested takes a few milliseconds. */
const TIMEOUT_SECONDS = "2";
/** How long a port may be out of reach after another program has removed wherry's table. */
const REPAIR_MS = 2000;
const NO_ANSWER = "no answer";

const { host: HOST_ON_LAN, neighbour: NEIGHBOUR, link: LAN_LINK } = NEIGHBOUR_LAN;

/** A server that answers with the asker's address; its end is PID 1's. */
const SERVER = [
  "sh",
  "-c",
  "mkdir -p /www/cgi-bin && printf '#!/bin/sh\\necho; echo $REMOTE_ADDR\\n' >/www/cgi-bin/who && " +
  `chmod +x /www/cgi-bin/who && exec httpd -f -p [::]:${PORT} -h /www`,
];

const QUICK = ["--stop-timeout", "0"];

/** Starts a container with a server in it. @returns Its id. */
async function startServer(wherry: TestEngine, ...flags: readonly string[]): Promise<string> {
  const id = await wherry.start([...QUICK, ...flags], SERVER);
  const { pid } = wherry.readStateRecord(id);
  await eventually(() => /^ *\d+: \w+:1B58 /m.test(readListening(pid)));
  return id;
}

function readListening(pid: number): string {
  return ["tcp", "tcp6"].map((name) => Deno.readTextFileSync(`/proc/${pid}/net/${name}`)).join("");
}

/** The command that asks a server who is asking. */
function question(address: string, port = PORT): string[] {
  const ask = String.raw`printf 'GET /cgi-bin/who HTTP/1.0\r\n\r\n'`;
  const connect = `busybox nc -w ${TIMEOUT_SECONDS} ${address} ${port}`;
  return ["sh", "-c", `${ask} | ${connect} | tail -n 1`];
}

function answerOf(stdout: string): string {
  return stdout.trim().replace(/^\[?(?:::ffff:)?([^\]]*)\]?$/, "$1") || NO_ANSWER;
}

/** What a server tells a container. */
async function askFrom(
  wherry: TestEngine,
  container: string,
  address: string,
  port = PORT,
): Promise<string> {
  const { stdout } = await wherry.run(["exec", container, ...question(address, port)]);
  return answerOf(stdout);
}

/** What a server tells a program of the host. */
async function ask(wherry: TestEngine, address: string, port: string): Promise<string> {
  return answerOf((await wherry.runCommand(question(address, port))).stdout);
}

async function inspect(wherry: TestEngine, container: string, format: string): Promise<string> {
  return (await wherry.run(["inspect", "-f", format, container])).stdout.trim();
}

function addressOf(wherry: TestEngine, container: string): Promise<string> {
  return inspect(wherry, container, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
}

/** A machine on the same LAN as the host. */
class Neighbour implements AsyncDisposable {
  readonly #network = new TestNetwork();
  readonly #wherry: TestEngine;
  readonly #servers = new AsyncDisposableStack();

  constructor(wherry: TestEngine) {
    this.#wherry = wherry;
    wherry.network.within(() => connectNeighbour(this.#network.namespace));
  }

  /** What a server tells this machine. */
  async ask(address: string, port: string): Promise<string> {
    const [program = "", ...args] = question(address, port);
    const { stdout } = await this.#network.within(() =>
      new Deno.Command(program, { args, stderr: "null" }).output()
    );
    return answerOf(new TextDecoder().decode(stdout));
  }

  /** Starts a server on this machine. */
  async serve(): Promise<void> {
    this.#servers.use(await startFake(this.#network.namespace, "address_server", PORT));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers.disposeAsync();
    using socket = this.#wherry.network.within(() => new NetlinkSocket(NETLINK.ROUTE));
    new Links(socket).remove(LAN_LINK);
    this.#network[Symbol.dispose]();
  }
}

/** Starts a program of `fakes/` in a network namespace, and waits until it listens. */
async function startFake(
  namespace: Descriptor,
  name: string,
  ...args: readonly string[]
): Promise<AsyncDisposable> {
  const script = new URL(`fakes/${name}.ts`, import.meta.url).pathname;
  const server = inNetNamespace(namespace, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-net", script, ...args],
      stdin: "null",
      stdout: "piped",
    }).spawn());
  const reader = server.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return {
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await server.status;
    },
  };
}

/** A new network namespace of a host where docker has run is as docker needs it: `::1` leads nowhere then. */
function letBridgesPass(wherry: TestEngine): void {
  wherry.network.within(() => {
    const name = "net/bridge/bridge-nf-call-ip6tables";
    if (readSysctl(name) !== undefined) writeSysctl(name, "0");
  });
}

/** Asks the server of `address_server.ts`, which answers without a word of HTTP. */
function plainQuestion(address: string, port: string, protocol = "tcp"): string[] {
  const script = `exec 3<>/dev/${protocol}/${address}/${port} || exit; echo >&3; head -n1 <&3`;
  return ["timeout", TIMEOUT_SECONDS, "bash", "-c", script];
}

async function askPlain(wherry: TestEngine, container: string, address: string): Promise<string> {
  const argv = ["exec", container, "nc", "-w", TIMEOUT_SECONDS, address, PORT];
  return answerOf((await wherry.run(argv)).stdout);
}

for (const network of ["bridge", "own"]) {
  testWhole(`containers on network ${network} reach each other by names`, async (wherry) => {
    if (network === "own") await wherry.run(["network", "create", "own"]);
    const flags = ["--network", network];
    const id = await startServer(wherry, ...flags, "--name", "web", "--network-alias", "www");
    const client = await wherry.start([...QUICK, ...flags], ["sleep", "100"]);

    const answers: string[] = [];
    for (const name of ["web", "www", id.slice(0, 12)]) {
      answers.push(await askFrom(wherry, client, name));
    }

    deepStrictEqual(answers, Array(3).fill(await addressOf(wherry, client)));
    await wherry.run(["rm", "-f", id, client]);
  });
}

testWhole(
  "names come and go in containers that run, and lines of their own stay",
  async (wherry) => {
    const box = await wherry.start([...QUICK], ["sleep", "100"]);
    const readHosts = async (): Promise<string> =>
      (await wherry.run(["exec", box, "cat", "/etc/hosts"])).stdout;
    await wherry.run(["exec", box, "sh", "-c", "echo 203.0.113.1 mine >>/etc/hosts"]);
    const before = await readHosts();

    await wherry.start([...QUICK, "--name", "web"], ["sleep", "100"]);
    const during = await readHosts();
    await wherry.run(["stop", "web"]);
    const after = await readHosts();
    await wherry.run(["start", "web"]);
    const again = await readHosts();

    match(before, /^203\.0\.113\.1 mine$/m);
    strictEqual(during.startsWith(before), true);
    match(during.slice(before.length), new RegExp(`^10\\.210\\.0\\.\\d+\tweb `));
    strictEqual(after, before);
    match(again, /\tweb /);
    await wherry.run(["rm", "-f", box, "web"]);
  },
);

testWhole("a container reaches the host as host.docker.internal", async (wherry) => {
  await using _server = await startFake(wherry.network.namespace, "address_server", PORT);
  const box = await wherry.start(QUICK, ["sleep", "100"]);

  strictEqual(
    await askPlain(wherry, box, "host.docker.internal"),
    await addressOf(wherry, box),
  );

  await wherry.run(["rm", "-f", box]);
});

testWhole(
  "the LAN sees the host's address, and the host forwards only meanwhile",
  async (wherry) => {
    await using lan = new Neighbour(wherry);
    await lan.serve();
    const readForwarding = (): string =>
      wherry.network.within(() => Deno.readTextFileSync("/proc/sys/net/ipv4/ip_forward")).trim();
    const before = readForwarding();
    const box = await wherry.start(QUICK, ["sleep", "100"]);

    const answer = await askPlain(wherry, box, NEIGHBOUR);
    const during = readForwarding();
    await wherry.run(["rm", "-f", box]);
    await wherry.run(["network", "prune", "-f"]);

    strictEqual(answer, HOST_ON_LAN);
    deepStrictEqual([before, during, readForwarding()], ["0", "1", "0"]);
  },
);

testWhole("a published port is reached from everywhere, and told who asks", async (wherry) => {
  await using lan = new Neighbour(wherry);
  letBridgesPass(wherry);
  const web = await startServer(wherry, "-p", `8080:${PORT}`);
  const other = await wherry.start(QUICK, ["sleep", "100"]);
  const gateway = await inspect(
    wherry,
    web,
    "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}",
  );

  strictEqual(await lan.ask(HOST_ON_LAN, "8080"), NEIGHBOUR);
  strictEqual(await ask(wherry, "127.0.0.1", "8080"), gateway);
  match(await ask(wherry, "::1", "8080"), /^fd/);
  strictEqual(await ask(wherry, HOST_ON_LAN, "8080"), HOST_ON_LAN);
  strictEqual(await askFrom(wherry, web, HOST_ON_LAN, "8080"), gateway);
  strictEqual(await askFrom(wherry, other, HOST_ON_LAN, "8080"), gateway);

  await wherry.run(["rm", "-f", web]);
  strictEqual(await lan.ask(HOST_ON_LAN, "8080"), NO_ANSWER);
  await wherry.run(["rm", "-f", other]);
});

testWhole("a published UDP port is reached", async (wherry) => {
  const box = await wherry.start([...QUICK, "-p", `8080:${PORT}/udp`], ["sleep", "100"]);
  using namespace = openForReading(`/proc/${wherry.readStateRecord(box).pid}/ns/net`);
  await using _server = await startFake(namespace, "address_server", PORT);

  const { stdout } = await wherry.runCommand(plainQuestion("127.0.0.1", "8080", "udp"));

  match(answerOf(stdout), /^10\.210\.0\.1$/);
  await wherry.run(["rm", "-f", box]);
});

testWhole("networks are apart from each other, and a container may be on two", async (wherry) => {
  await wherry.run(["network", "create", "own"]);
  const web = await startServer(wherry, "--network", "own");
  const stranger = await wherry.start(QUICK, ["sleep", "100"]);
  const both = await wherry.start(
    [...QUICK, "--network", "bridge", "--network", "own"],
    ["sleep", "100"],
  );
  const address = await addressOf(wherry, web);

  strictEqual(await askFrom(wherry, stranger, address), NO_ANSWER);
  match(await askFrom(wherry, both, address), /^10\.211\./);

  await wherry.run(["rm", "-f", web, stranger, both]);
});

testWhole("containers of an internal network reach each other and nobody else", async (wherry) => {
  await using lan = new Neighbour(wherry);
  await lan.serve();
  await wherry.run(["network", "create", "--internal", "own"]);
  const web = await startServer(wherry, "--network", "own", "--name", "web");
  const client = await wherry.start([...QUICK, "--network", "own"], ["sleep", "100"]);

  strictEqual(await askFrom(wherry, client, "web"), await addressOf(wherry, client));
  strictEqual(await askPlain(wherry, client, NEIGHBOUR), NO_ANSWER);

  await wherry.run(["rm", "-f", web, client]);
});

testWhole("containers of a network without icc do not reach each other", async (wherry) => {
  await using lan = new Neighbour(wherry);
  await lan.serve();
  const option = "com.docker.network.bridge.enable_icc=false";
  await wherry.run(["network", "create", "-o", option, "own"]);
  const web = await startServer(wherry, "--network", "own", "--name", "web");
  const client = await wherry.start([...QUICK, "--network", "own"], ["sleep", "100"]);

  strictEqual(await askFrom(wherry, client, "web"), NO_ANSWER);
  strictEqual(await askPlain(wherry, client, NEIGHBOUR), HOST_ON_LAN);

  await wherry.run(["rm", "-f", web, client]);
});

testWhole("a container has the addresses that it asks for", async (wherry) => {
  await wherry.run(["network", "create", "--subnet", "10.99.0.0/24", "own"]);
  const flags = ["--network", "own", "--ip", "10.99.0.77", "--mac-address", "02:11:22:33:44:55"];
  const box = await startServer(wherry, ...flags);

  const { stdout } = await wherry.run(["exec", box, "ip", "address", "show", "eth0"]);

  match(stdout, /link\/ether 02:11:22:33:44:55 /);
  match(stdout, /inet 10\.99\.0\.77\/24 /);
  strictEqual(await ask(wherry, "10.99.0.77", PORT), "10.99.0.1");
  await wherry.run(["rm", "-f", box]);
});

testWhole("an address is good at once when another container has just left it", async (wherry) => {
  await wherry.run(["network", "create", "--subnet", "10.99.0.0/24", "own"]);
  const client = await wherry.start([...QUICK, "--network", "own"], ["sleep", "100"]);
  const flags = ["--network", "own", "--ip", "10.99.0.77"];
  for (let round = 0; round < 5; round++) {
    const web = await startServer(wherry, ...flags);

    strictEqual(await askFrom(wherry, client, "10.99.0.77"), "10.99.0.2");

    await wherry.run(["rm", "-f", web]);
  }
  await wherry.run(["rm", "-f", client]);
});

testWhole("addresses stay over restarts, by command and by policy", async (wherry) => {
  const box = await startServer(wherry, "--restart", "always", "-p", `8080:${PORT}`);
  const before = await addressOf(wherry, box);

  await wherry.run(["restart", box]);
  const restarted = await addressOf(wherry, box);
  const { pid } = wherry.readStateRecord(box);
  Deno.kill(pid, "SIGKILL");
  await eventually(() => (wherry.readStateRecord(box).restartCount ?? 0) > 0);
  await eventually(async () => await ask(wherry, "127.0.0.1", "8080") !== NO_ANSWER);

  deepStrictEqual([restarted, await addressOf(wherry, box)], [before, before]);
  await wherry.run(["rm", "-f", box]);
});

testWhole("--dns and its like are what the container's resolver reads", async (wherry) => {
  const flags = ["--dns", "192.0.2.53", "--dns-search", "example", "--dns-option", "ndots:2"];

  const { stdout } = await wherry.runBusybox(flags, ["cat", "/etc/resolv.conf"]);

  strictEqual(stdout, "nameserver 192.0.2.53\nsearch example\noptions ndots:2\n");
});

testWhole("names are found where only the host's 127.0.0.1 has a name server", async (wherry) => {
  const { namespace } = wherry.network;
  await using _server = await startFake(namespace, "name_server", "127.0.0.1", "203.0.113.7");
  Deno.writeTextFileSync(`${wherry.scratch}/resolv.conf`, "nameserver 127.0.0.1\n");
  const argv = ["run", "--rm", ...await wherry.busybox(), "nslookup", "some.example"];

  const { stdout } = await wherry.runCommand([
    ...[
      "unshare",
      "-m",
      "sh",
      "-c",
      'mount --bind resolv.conf /etc/resolv.conf && exec "$@"',
      "sh",
    ],
    ...wherry.commandLine(argv),
  ]);

  match(stdout, /Server:\s+10\.210\.0\.1\n/);
  match(stdout, /Address(?: 1)?: 203\.0\.113\.7\n/);
});

testWhole("a port comes back when another tool has flushed all tables", async (wherry) => {
  const web = await startServer(wherry, "-p", `8080:${PORT}`);
  strictEqual(await ask(wherry, "127.0.0.1", "8080"), "10.210.0.1");

  await wherry.runHost("nft", "flush", "ruleset");

  const deadline = performance.now() + REPAIR_MS;
  while (await ask(wherry, "127.0.0.1", "8080") === NO_ANSWER) {
    ok(performance.now() < deadline, `The port is still out of reach after ${REPAIR_MS} ms`);
  }
  await wherry.run(["rm", "-f", web]);
});

testWhole("no program of the host is needed", async (wherry) => {
  const env = { PATH: "" };
  const argv = ["run", "-d", ...QUICK, "-p", "8080:80", ...await wherry.busybox(), "sleep", "100"];

  const created = await wherry.run(["network", "create", "own"], { env });
  const started = await wherry.run(argv, { env });
  const removed = await wherry.run(["rm", "-f", started.stdout.trim()], { env });
  const pruned = await wherry.run(["network", "prune", "-f"], { env });

  const results = [created, started, removed, pruned];
  deepStrictEqual(results.map(({ code, stderr }) => [code, stderr]), Array(4).fill([0, ""]));
  deepStrictEqual(wherry.network.findChanges(), []);
});

testWhole(
  "links go when their container ends, also from one that has joined it",
  async (wherry) => {
    await wherry.start([...QUICK, "--name", "web"], ["sleep", "100"]);
    const joined = await wherry.start([...QUICK, "--network", "container:web"], ["sleep", "100"]);
    const readLinks = async (): Promise<string> =>
      (await wherry.run(["exec", joined, "ls", "/sys/class/net"])).stdout;
    strictEqual(await readLinks(), "eth0\nlo\n");

    await wherry.run(["rm", "-f", "web"]);

    strictEqual(await readLinks(), "lo\n");
    deepStrictEqual(wherry.network.listLinks(), ["wherry0"]);
    await wherry.run(["rm", "-f", joined]);
  },
);

testWhole("a network can be removed at once when its containers are", async (wherry) => {
  await wherry.run(["network", "create", "own"]);
  const flags = ["-p", "8080:80", "--network", "own"];
  const ids: string[] = [];
  for (let count = 0; count < 3; count++) {
    ids.push(await wherry.start([...QUICK, ...flags.slice(count === 0 ? 0 : 2)], ["sleep", "100"]));
  }
  await wherry.run(["rm", "-f", ...ids]);

  const removed = await wherry.run(["network", "rm", "own"]);

  deepStrictEqual(removed, { code: 0, stdout: "own\n", stderr: "" });
  await eventually(() => wherry.network.findChanges().length === 0);
  deepStrictEqual(listNames(`${wherry.runRoot}/containers`), []);
});
