import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig, fakeContainerState } from "../../../tests/fakes/container_config.ts";
import { newEndpointRequest } from "../../container/record/config.ts";
import type { ContainerMount } from "../../container/record/mounts.ts";
import type { ContainerStatus, HealthStatus } from "../../container/record/state.ts";
import { WherryError } from "../../errors.ts";
import { Paths } from "../../store/paths.ts";
import { type FilterLookups, parseContainerFilter } from "./container_filter.ts";
import type { ContainerPort } from "../network/container_ports.ts";
import type { Container } from "../record/find.ts";

interface Shape {
  id?: string;
  labels?: Record<string, string>;
  status?: ContainerStatus;
  exitCode?: number;
  reference?: string;
  second?: number;
  health?: HealthStatus;
  mounts?: ContainerMount[];
  networks?: string[];
  networkMode?: string;
}

function container(name: string, shape: Shape = {}): Container {
  const { id = "a".repeat(64), labels = {}, status = "exited", exitCode = 0 } = shape;
  const config = fakeContainerConfig({
    id,
    name,
    root: {
      type: "image",
      imageId: `sha256:${"bc".repeat(32)}`,
      reference: shape.reference ?? "debian:12",
      layers: [],
    },
    labels,
    createdAt: `2026-11-20T09:00:0${shape.second ?? 0}.000Z`,
    mounts: shape.mounts ?? [],
    endpoints: (shape.networks ?? []).map(newEndpointRequest),
    networkMode: shape.networkMode ?? "none",
  });
  const state = fakeContainerState({ status, exitCode, health: shape.health ?? "none" });
  return { config, state, paths: new Paths("/root", "/run").container(id) };
}

const ALL = [
  container("web", {
    id: "1".repeat(64),
    status: "running",
    labels: { app: "x", tier: "a" },
    second: 3,
    health: "healthy",
    networks: ["bridge", "lan"],
    networkMode: "bridge",
  }),
  container("web2", {
    id: "2".repeat(64),
    exitCode: 3,
    labels: { app: "y" },
    second: 2,
    mounts: [
      { type: "tmpfs", target: "/cache", options: "" },
      { type: "tmpfs", target: "/listed", options: "", isListed: true },
      {
        type: "volume",
        name: "data",
        target: "/var/lib/data",
        isReadOnly: false,
        isAnonymous: false,
        copiesContent: true,
        subpath: "",
      },
      {
        type: "bind",
        source: "/srv",
        target: "/www",
        isReadOnly: false,
        createsSource: true,
        propagation: "rprivate",
      },
    ],
  }),
  container("db", {
    id: "3".repeat(64),
    status: "created",
    reference: "redis:latest",
    second: 1,
    networkMode: "container:web",
  }),
];

const PORTS: Readonly<Record<string, ContainerPort[]>> = {
  web: [
    { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 },
    { containerPort: 443, protocol: "udp", hostAddress: "", hostPort: 0 },
  ],
  db: [{ containerPort: 6379, protocol: "tcp", hostAddress: "", hostPort: 0 }],
};

function find(wanted: string): Container {
  const found = ALL.find(({ config }) => config.name === wanted);
  if (found === undefined) throw new WherryError("not_found", `No such container: ${wanted}`);
  return found;
}

const LOOKUPS: FilterLookups = {
  findContainer: find,
  findNetworks: (wanted) => "a1b2c3".startsWith(wanted) ? ["lan"] : [wanted],
  listPorts: ({ config }) => PORTS[config.name] ?? [],
};

function namesOf(...filters: string[]): string[] {
  const filter = parseContainerFilter(filters, LOOKUPS);
  return ALL.filter((one) => filter.matches(one)).map(({ config }) => config.name);
}

const CASES: [filters: string[], expected: string[]][] = [
  [[], ["web", "web2", "db"]],
  [["name=web"], ["web", "web2"]],
  [["name=^/web$"], ["web"]],
  [["name=^web$", "name=db"], ["web", "db"]],
  [["id=^2"], ["web2"]],
  [["status=running"], ["web"]],
  [["status=exited", "status=created"], ["web2", "db"]],
  [["exited=3"], ["web2"]],
  [["exited=0"], []],
  [["label=app"], ["web", "web2"]],
  [["label=app=x"], ["web"]],
  [["label=app", "label=tier"], ["web"]],
  [["label=toString"], []],
  [["name=web", "status=exited"], ["web2"]],
  [["ancestor=debian:12"], ["web", "web2"]],
  [["ancestor=redis"], ["db"]],
  [["ancestor=sha256:bcbcbc"], ["web", "web2", "db"]],
  [["ancestor=bcbcbcbcbcbc"], ["web", "web2", "db"]],
  [["before=web"], ["web2", "db"]],
  [["before=db"], []],
  [["since=db"], ["web", "web2"]],
  [["before=web", "since=db"], ["web2"]],
  [["health=healthy"], ["web"]],
  [["health=none"], ["web2", "db"]],
  [["network=lan"], ["web"]],
  [["network=bridge"], ["web"]],
  [["network=a1b2"], ["web"]],
  [["network=lan", "network=none"], ["web", "web2"]],
  [["network=host"], []],
  [["network=container:web"], []],
  [["volume=/listed"], ["web2"]],
  // As with docker, what --tmpfs makes is no mount
  [["volume=/cache"], []],
  [["volume=data"], ["web2"]],
  [["volume=/var/lib/data"], ["web2"]],
  [["volume=/srv"], ["web2"]],
  [["volume=/www"], ["web2"]],
  [["volume=dat"], []],
  [["publish=80"], []],
  [["publish=8080"], ["web"]],
  [["publish=8000-9000/tcp"], ["web"]],
  [["publish=8080/udp"], []],
  [["expose=80-90/tcp"], ["web"]],
  [["expose=443"], []],
  [["expose=443/udp"], ["web"]],
  [["publish=8080", "expose=6379"], ["web", "db"]],
  [["is-task=true"], []],
  [["is-task=0"], ["web", "web2", "db"]],
];

for (const [filters, expected] of CASES) {
  Deno.test(`matches() finds ${expected.join(", ") || "nothing"} by ${filters.join(" ")}`, () => {
    deepStrictEqual(namesOf(...filters), expected);
  });
}

Deno.test("parseContainerFilter() tells whether stopped containers are wanted", () => {
  strictEqual(parseContainerFilter(["status=exited"], LOOKUPS).hasStatus, true);
  strictEqual(parseContainerFilter(["exited=1"], LOOKUPS).hasStatus, false);
});

const REFUSED: [filter: string, message: string][] = [
  ["name", 'Cannot filter by "name": it is not name=value'],
  ["colour=red", 'Cannot filter by "colour": no such filter'],
  ["toString=x", 'Cannot filter by "tostring": no such filter'],
  ["status=asleep", 'Cannot filter by "status=asleep": invalid value'],
  ["health=fine", 'Cannot filter by "health=fine": invalid value'],
  ["is-task=x", 'Cannot filter by "is-task=x": invalid value'],
  ["exited=x", 'Cannot filter by "exited=x": invalid value'],
  ["exited=256", 'Cannot filter by "exited=256": invalid value'],
  ["name=(", 'Cannot filter by "name=(": invalid value'],
  ["publish=x", 'Cannot filter by "publish=x": invalid value'],
  ["publish=90-80", 'Cannot filter by "publish=90-80": invalid value'],
  ["expose=65536", 'Cannot filter by "expose=65536": invalid value'],
];

Deno.test("parseContainerFilter() refuses a time that a missing container was to give", () => {
  for (const filter of ["before=nobody", "since=nobody"]) {
    throws(() => parseContainerFilter([filter], LOOKUPS), { kind: "not_found", message: /nobody/ });
  }
});

for (const [filter, message] of REFUSED) {
  Deno.test(`parseContainerFilter() refuses ${filter}`, () => {
    throws(() => parseContainerFilter([filter], LOOKUPS), { kind: "invalid_argument", message });
  });
}
