import { deepStrictEqual, throws } from "node:assert/strict";
import type { PublishedPort } from "../../container/record/config.ts";
import { parseExposeFlags, parsePublishFlags } from "./publish_flags.ts";

/** A port of the container on any port of the host, changed by `changes`. */
function port(containerPort: number, changes: Partial<PublishedPort> = {}): PublishedPort {
  const { hostPort = 0 } = changes;
  return {
    protocol: "tcp",
    containerPort,
    hostAddress: "",
    hostPort,
    hostPortEnd: hostPort,
    count: 1,
    ...changes,
  };
}

const PUBLISHED: [text: string, expected: PublishedPort][] = [
  ["80", port(80)],
  [":80", port(80)],
  ["80/tcp", port(80)],
  ["80/", port(80)],
  ["0:80", port(80)],
  ["53/udp", port(53, { protocol: "udp" })],
  ["80:80/TCP", port(80, { hostPort: 80 })],
  ["8080:80", port(80, { hostPort: 8080 })],
  ["53:53/udp", port(53, { hostPort: 53, protocol: "udp" })],
  ["9899:9899/sctp", port(9899, { hostPort: 9899, protocol: "sctp" })],
  ["65535:1", port(1, { hostPort: 65535 })],
  ["127.0.0.1:8080:80", port(80, { hostAddress: "127.0.0.1", hostPort: 8080 })],
  ["127.0.0.1::80", port(80, { hostAddress: "127.0.0.1" })],
  ["[::1]:8080:80", port(80, { hostAddress: "::1", hostPort: 8080 })],
  ["[::1]::80/udp", port(80, { hostAddress: "::1", protocol: "udp" })],
  ["[fd00:0:0::0A]:8080:80", port(80, { hostAddress: "fd00::a", hostPort: 8080 })],
  ["::1:8080:80", port(80, { hostAddress: "::1", hostPort: 8080 })],
  ["8000-8010:80", port(80, { hostPort: 8000, hostPortEnd: 8010 })],
  ["8000-8002:80-82", port(80, { hostPort: 8000, hostPortEnd: 8002, count: 3 })],
  ["80-82", port(80, { count: 3 })],
  ["80-80", port(80)],
  ["published=8080,target=80", port(80, { hostPort: 8080 })],
  ["target=80", port(80)],
  [
    "published=53,target=5353,protocol=udp,mode=host",
    port(5353, { hostPort: 53, protocol: "udp" }),
  ],
  ["mode=ingress,target=80", port(80)],
];

for (const [text, expected] of PUBLISHED) {
  Deno.test(`parsePublishFlags() reads ${text}`, () => {
    deepStrictEqual(parsePublishFlags([text]), [expected]);
  });
}

const NOT_PUBLISHED: [text: string, message: string][] = [
  ["", "no port specified: <empty>"],
  [":", "no port specified: :<empty>"],
  ["80:", "no port specified: 80:<empty>"],
  ["/tcp", "no port specified: /tcp<empty>"],
  ["0", "invalid containerPort: 0"],
  ["8080:0", "invalid containerPort: 0"],
  ["0-5:80", "invalid hostPort: 0-5"],
  ["70000", "invalid containerPort: 70000"],
  ["80:70000", "invalid containerPort: 70000"],
  ["70000:80", "invalid hostPort: 70000"],
  ["99999999999:80", "invalid hostPort: 99999999999"],
  ["x:y", "invalid containerPort: y"],
  ["x:80", "invalid hostPort: x"],
  ["-80", "invalid containerPort: -80"],
  ["80-", "invalid containerPort: 80-"],
  ["-1:80", "invalid hostPort: -1"],
  ["+80", "invalid containerPort: +80"],
  ["80.5", "invalid containerPort: 80.5"],
  [" 80", "invalid containerPort:  80"],
  ["1-2-3", "invalid containerPort: 1-2-3"],
  ["90-80", "invalid containerPort: 90-80"],
  ["8010-8000:80", "invalid hostPort: 8010-8000"],
  [
    "8000-8002:80-81",
    "invalid ranges specified for container and host Ports: 80-81 and 8000-8002",
  ],
  ["8000:80-81", "invalid ranges specified for container and host Ports: 80-81 and 8000"],
  ["80/foo", "invalid proto: foo"],
  ["80/tcp/udp", "invalid proto: tcp/udp"],
  ["127.0.0.1:80", "invalid hostPort: 127.0.0.1"],
  ["1.2.3:80:80", "invalid IP address: 1.2.3"],
  ["999.1.1.1:80:80", "invalid IP address: 999.1.1.1"],
  ["localhost:80:80", "invalid IP address: localhost"],
  ["8080:80:", "invalid IP address: 8080"],
  ["[::1:80:80", "invalid IP address: [::1"],
  ["[fe80::1%eth0]:80:80", "invalid IP address: [fe80::1%eth0]"],
  ["published=8080", "no port specified: 8080:/tcp<empty>"],
  ["published=8080,target=x", "invalid containerPort: x"],
  ["published=70000,target=80", "invalid hostPort: 70000"],
  ["target=80,protocol=foo", "invalid proto: foo"],
  ["target=80,foo", "invalid publish opts format (should be name=value but got 'foo')"],
  ["=5", "invalid publish opts format (should be name=value but got '=5')"],
  ["target=80,name=web", "invalid field key: name"],
  [
    "target=80,mode=swarm",
    "invalid publish mode value (swarm): must be either 'ingress' or 'host'",
  ],
];

for (const [text, message] of NOT_PUBLISHED) {
  Deno.test(`parsePublishFlags() refuses "${text}"`, () => {
    const expected = { kind: "invalid_argument", exitCode: 125, message };
    throws(() => parsePublishFlags([text]), expected);
  });
}

Deno.test("parseExposeFlags() makes a name of each port", () => {
  deepStrictEqual(parseExposeFlags(["80", "53/UDP", "90-92", "5000-5001/sctp", "0080"]), [
    "80/tcp",
    "53/udp",
    ...["90/tcp", "91/tcp", "92/tcp"],
    ...["5000/sctp", "5001/sctp"],
    "80/tcp",
  ]);
});

const NOT_EXPOSED: [text: string, message: string][] = [
  ["80:80", "invalid port format for --expose: 80:80"],
  ["", "invalid range format for --expose: "],
  ["0", "invalid range format for --expose: 0"],
  ["x", "invalid range format for --expose: x"],
  ["80-x", "invalid range format for --expose: 80-x"],
  ["90-80", "invalid range format for --expose: 90-80"],
  ["70000", "invalid range format for --expose: 70000"],
  ["80/foo", "invalid proto: foo"],
];

for (const [text, message] of NOT_EXPOSED) {
  Deno.test(`parseExposeFlags() refuses "${text}"`, () => {
    const expected = { kind: "invalid_argument", exitCode: 125, message };
    throws(() => parseExposeFlags([text]), expected);
  });
}
