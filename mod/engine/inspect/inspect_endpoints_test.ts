import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import {
  type ContainerConfig,
  newEndpointRequest,
  type PublishedPort,
} from "../../container/record/config.ts";
import type { Endpoint, Sandbox } from "../../network/sandbox.ts";
import {
  describeExposedPorts,
  describeNetworkSettings,
  describePortBindings,
} from "./inspect_endpoints.ts";

const BRIDGE_ID = "b".repeat(64);
const LAN_ID = "1".repeat(64);
const NOTHING_ELSE = { sandbox: undefined, monitorPid: 0, networkIds: new Map<string, string>() };

function endpoint(networkName: string, number: number): Endpoint {
  return {
    id: String(number).repeat(64),
    networkId: networkName === "bridge" ? BRIDGE_ID : LAN_ID,
    networkName,
    hostLink: `wv${number}`,
    link: `eth${number}`,
    macAddress: `02:42:0a:d2:00:0${number}`,
    ipv4: { address: `10.210.${number}.2`, prefixLength: 16, gateway: `10.210.${number}.1` },
    ipv6: { address: `fd00:${number}::2`, prefixLength: 64, gateway: `fd00:${number}::1` },
    names: ["web"],
  };
}

const SANDBOX: Sandbox = {
  schema: 1,
  endpoints: [endpoint("lan", 1), endpoint("bridge", 2)],
  ports: [
    {
      protocol: "tcp",
      hostAddress: "0.0.0.0",
      hostPort: 8080,
      containerAddress: "10.210.1.2",
      containerPort: 80,
      count: 2,
    },
    {
      protocol: "tcp",
      hostAddress: "::",
      hostPort: 8080,
      containerAddress: "fd00:1::2",
      containerPort: 80,
      count: 1,
    },
  ],
};

const CONFIG = fakeContainerConfig({
  networkMode: "lan",
  endpoints: [
    { ...newEndpointRequest("lan"), aliases: ["db"], ipv4: "10.210.1.2" },
    newEndpointRequest("bridge"),
  ],
  exposedPorts: ["443/udp"],
});

const RUNNING = { ...NOTHING_ELSE, sandbox: SANDBOX, monitorPid: 41 };

Deno.test("describeNetworkSettings() tells addresses on each network", () => {
  const { Networks } = describeNetworkSettings(CONFIG, RUNNING);

  deepStrictEqual(Networks, {
    lan: {
      IPAMConfig: { IPv4Address: "10.210.1.2" },
      Links: null,
      Aliases: ["db"],
      MacAddress: "02:42:0a:d2:00:01",
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: LAN_ID,
      EndpointID: "1".repeat(64),
      Gateway: "10.210.1.1",
      IPAddress: "10.210.1.2",
      IPPrefixLen: 16,
      IPv6Gateway: "fd00:1::1",
      GlobalIPv6Address: "fd00:1::2",
      GlobalIPv6PrefixLen: 64,
      DNSNames: ["web", "db", "0123456789ab"],
    },
    bridge: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: "02:42:0a:d2:00:02",
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: BRIDGE_ID,
      EndpointID: "2".repeat(64),
      Gateway: "10.210.2.1",
      IPAddress: "10.210.2.2",
      IPPrefixLen: 16,
      IPv6Gateway: "fd00:2::1",
      GlobalIPv6Address: "fd00:2::2",
      GlobalIPv6PrefixLen: 64,
      DNSNames: ["web", "0123456789ab"],
    },
  });
});

Deno.test("describeNetworkSettings() tells the addresses on the default network once more", () => {
  const settings = describeNetworkSettings(CONFIG, RUNNING);

  deepStrictEqual(
    [settings["IPAddress"], settings["GlobalIPv6Address"], settings["MacAddress"]],
    ["10.210.2.2", "fd00:2::2", "02:42:0a:d2:00:02"],
  );
});

Deno.test("describeNetworkSettings() tells where the namespace is", () => {
  const { SandboxID, SandboxKey } = describeNetworkSettings(CONFIG, RUNNING);

  strictEqual(SandboxID, CONFIG.id);
  strictEqual(SandboxKey, "/proc/41/fd/8");
});

Deno.test("describeNetworkSettings() tells where ports are, sorted as docker's keys", () => {
  const { Ports } = describeNetworkSettings(CONFIG, RUNNING);

  strictEqual(
    JSON.stringify(Ports),
    JSON.stringify({
      "443/udp": null,
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "8080" },
        { HostIp: "::", HostPort: "8080" },
      ],
      "81/tcp": [{ HostIp: "0.0.0.0", HostPort: "8081" }],
    }),
  );
});

Deno.test("describeNetworkSettings() tells only which networks a stopped container is on", () => {
  const networkIds = new Map([["lan", LAN_ID], ["bridge", BRIDGE_ID]]);
  const settings = describeNetworkSettings(CONFIG, { ...NOTHING_ELSE, networkIds });
  const { lan } = settings["Networks"] as Record<string, Record<string, unknown>>;

  deepStrictEqual(settings["Ports"], {});
  strictEqual(settings["IPAddress"], "");
  strictEqual(settings["SandboxKey"], "");
  deepStrictEqual([lan?.["NetworkID"], lan?.["IPAddress"], lan?.["EndpointID"]], [LAN_ID, "", ""]);
});

const MODES: [networkMode: string, expected: string[]][] = [
  ["host", ["host"]],
  ["none", ["none"]],
  ["container:0123", []],
];

for (const [networkMode, expected] of MODES) {
  Deno.test(`describeNetworkSettings() has no addresses with the mode ${networkMode}`, () => {
    const config = fakeContainerConfig({ networkMode, exposedPorts: ["80/tcp"] });
    const { Networks, Ports } = describeNetworkSettings(config, NOTHING_ELSE);

    deepStrictEqual(Object.keys(Networks as object), expected);
    deepStrictEqual(Ports, {});
  });
}

function port(changes: Partial<PublishedPort>): PublishedPort {
  return {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: changes.hostPort ?? 0,
    count: 1,
    ...changes,
  };
}

Deno.test("describePortBindings() tells what was asked for, one port of the container at a time", () => {
  const bindings = describePortBindings([
    port({ containerPort: 9 }),
    port({ hostPort: 7000, hostPortEnd: 7001, count: 2 }),
    port({ hostAddress: "::1", hostPort: 8000, hostPortEnd: 8010 }),
    port({ containerPort: 53, protocol: "udp", hostPort: 53 }),
  ]);

  strictEqual(
    JSON.stringify(bindings),
    JSON.stringify({
      "53/udp": [{ HostIp: "", HostPort: "53" }],
      "80/tcp": [{ HostIp: "", HostPort: "7000" }, { HostIp: "::1", HostPort: "8000-8010" }],
      "81/tcp": [{ HostIp: "", HostPort: "7001" }],
      "9/tcp": [{ HostIp: "", HostPort: "" }],
    }),
  );
});

Deno.test("describeExposedPorts() counts published ports", () => {
  const config: Pick<ContainerConfig, "exposedPorts" | "publishedPorts"> = {
    exposedPorts: ["80/tcp"],
    publishedPorts: [port({ containerPort: 443 })],
  };

  deepStrictEqual(describeExposedPorts(config), { "443/tcp": {}, "80/tcp": {} });
});
