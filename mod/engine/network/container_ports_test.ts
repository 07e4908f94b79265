import { deepStrictEqual } from "node:assert/strict";
import { newEndpointRequest, type PublishedPort } from "../../container/record/config.ts";
import type { PortMapping, Sandbox } from "../../network/sandbox.ts";
import { exposedPortNames, listContainerPorts, networkNamesOf } from "./container_ports.ts";

function published(containerPort: number, count: number): PublishedPort {
  return {
    protocol: "tcp",
    containerPort,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: 0,
    count,
  };
}

function sandboxWith(...ports: Partial<PortMapping>[]): Sandbox {
  return {
    schema: 1,
    endpoints: [],
    ports: ports.map((port) => ({
      protocol: "tcp",
      hostAddress: "0.0.0.0",
      hostPort: 8080,
      containerAddress: "10.210.0.2",
      containerPort: 80,
      count: 1,
      ...port,
    })),
  };
}

const EXPOSED = { exposedPorts: ["443/udp", "80/tcp"], publishedPorts: [published(80, 2)] };

Deno.test("listContainerPorts() lists each published port, and what is exposed only", () => {
  deepStrictEqual(listContainerPorts(EXPOSED, sandboxWith({ count: 2 }, { hostAddress: "::" })), [
    { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 },
    { containerPort: 81, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8081 },
    { containerPort: 80, protocol: "tcp", hostAddress: "::", hostPort: 8080 },
    { containerPort: 443, protocol: "udp", hostAddress: "", hostPort: 0 },
  ]);
});

Deno.test("listContainerPorts() lists nothing of a container that does not run", () => {
  deepStrictEqual(listContainerPorts(EXPOSED, undefined), []);
});

Deno.test("exposedPortNames() counts published ports, each once, in docker's order", () => {
  deepStrictEqual(exposedPortNames(EXPOSED), ["443/udp", "80/tcp", "81/tcp"]);
});

const NETWORKS: [networkMode: string, endpoints: string[], expected: string[]][] = [
  ["bridge", ["bridge", "lan"], ["bridge", "lan"]],
  ["host", [], ["host"]],
  ["none", [], ["none"]],
  ["container:0123456789ab", [], []],
  ["lan", [], []],
];

for (const [networkMode, names, expected] of NETWORKS) {
  Deno.test(`networkNamesOf() finds ${expected.length} with the network mode ${networkMode}`, () => {
    const endpoints = names.map(newEndpointRequest);

    deepStrictEqual(networkNamesOf({ networkMode, endpoints }), expected);
  });
}
