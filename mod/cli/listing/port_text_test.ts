import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { ContainerPort } from "../../engine/network/container_ports.ts";
import { formatPortLines, formatPorts } from "./port_text.ts";

/** `8080->80/tcp` at all addresses, `127.0.0.1:53->53/udp` at one, or `443/udp` at none. */
function ports(...texts: string[]): ContainerPort[] {
  return texts.flatMap((text) => {
    const [, address, host, container, protocol = ""] =
      /^(?:(?:\[?([^\]]*?)\]?:)?(\d+)->)?(\d+)\/(\w+)$/.exec(text) ?? [];
    const addresses = host === undefined
      ? [""]
      : address === undefined
      ? ["::", "0.0.0.0"]
      : [address];
    return addresses.map((hostAddress) => ({
      containerPort: Number(container),
      protocol,
      hostAddress,
      hostPort: Number(host ?? 0),
    }));
  });
}

/** As docker's client prints what its daemon says of the same ports. */
const COLUMNS: [given: string[], expected: string][] = [
  [[], ""],
  [["443/udp", "8080->80/tcp"], "443/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"],
  [
    [
      ...["127.0.0.1:53->53/udp", "9000->9000/tcp", "9001->9001/tcp", "9002->9002/tcp"],
      ...["9003->9003/tcp", "80/tcp", "443/udp"],
    ],
    "127.0.0.1:53->53/udp, 80/tcp, 443/udp, " +
    "0.0.0.0:9000-9003->9000-9003/tcp, [::]:9000-9003->9000-9003/tcp",
  ],
  [
    ["7002->82/tcp", "7001->81/tcp", "7000->80/tcp", "443/udp"],
    "443/udp, 0.0.0.0:7000->80/tcp, [::]:7000->80/tcp, 0.0.0.0:7001->81/tcp, " +
    "[::]:7001->81/tcp, 0.0.0.0:7002->82/tcp, [::]:7002->82/tcp",
  ],
  [
    ["443/udp", "5000->80/tcp", "5001->80/tcp", "127.0.0.1:5002->80/tcp", "[::1]:5003->80/tcp"],
    "443/udp, 0.0.0.0:5000->80/tcp, 0.0.0.0:5001->80/tcp, 127.0.0.1:5002->80/tcp, " +
    "[::]:5000->80/tcp, [::]:5001->80/tcp, [::1]:5003->80/tcp",
  ],
  [
    ["80/tcp", "100/tcp", "90/tcp", "91/tcp", "92/tcp", "443/udp"],
    "80/tcp, 90-92/tcp, 100/tcp, 443/udp",
  ],
  [["1->1/tcp", "3->3/tcp"], "0.0.0.0:1->1/tcp, [::]:1->1/tcp, 0.0.0.0:3->3/tcp, [::]:3->3/tcp"],
];

for (const [given, expected] of COLUMNS) {
  Deno.test(`formatPorts() shows ${expected === "" ? "nothing" : expected}`, () => {
    strictEqual(formatPorts(ports(...given)), expected);
  });
}

Deno.test("formatPortLines() sorts numbers by value, and leaves out what is exposed only", () => {
  const given = ports(
    ...["8443->443/tcp", "5000->80/tcp", "127.0.0.1:5002->80/tcp"],
    ...["[::1]:5003->80/tcp", "32769->81/udp", "90/tcp"],
  );

  deepStrictEqual(formatPortLines(given), [
    "80/tcp -> 0.0.0.0:5000",
    "80/tcp -> 127.0.0.1:5002",
    "80/tcp -> [::1]:5003",
    "80/tcp -> [::]:5000",
    "81/udp -> 0.0.0.0:32769",
    "81/udp -> [::]:32769",
    "443/tcp -> 0.0.0.0:8443",
    "443/tcp -> [::]:8443",
  ]);
});
