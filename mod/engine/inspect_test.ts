import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeContainerConfig, fakeContainerState } from "../../tests/fakes/container_config.ts";
import type { ContainerConfig } from "../container/config.ts";
import { Paths } from "../store/paths.ts";
import type { Container } from "./find.ts";
import { describeContainer } from "./inspect.ts";

const GOLDEN = new URL("testdata/inspect_container.json", import.meta.url);
const ID = "0123456789abcdef".repeat(4);

const CONFIG = fakeContainerConfig({
  id: ID,
  name: "web",
  createdAt: "2026-11-20T09:00:00.123Z",
  root: {
    type: "image",
    imageId: `sha256:${"ab".repeat(32)}`,
    reference: "nginx:1.22",
    layers: ["base", "top"],
  },
  entrypoint: ["/entry.sh"],
  command: ["serve", "-v"],
  env: ["PATH=/bin", "A=1"],
  workingDirectory: "/srv",
  user: "www",
  hostname: "web.example",
  hasTerminal: true,
  hasStdin: true,
  closesStdin: true,
  hasInit: true,
  isReadOnly: true,
  isAutoRemoved: true,
  networkMode: "host",
  mounts: [
    {
      type: "bind",
      source: "/host/www",
      target: "/www",
      isReadOnly: true,
      createsSource: true,
      propagation: "rslave",
    },
    { type: "tmpfs", target: "/tmp", options: "size=64m,mode=1777" },
  ],
  labels: { app: "x" },
  stopSignal: "SIGQUIT",
  stopTimeoutSeconds: 5,
  attachedStreams: ["stdin", "stdout"],
});

const CONTAINER: Container = {
  config: CONFIG,
  state: fakeContainerState({
    status: "running",
    isRunning: true,
    pid: 42,
    monitorPid: 41,
    startedAt: "2026-11-20T09:00:01.5Z",
  }),
  paths: new Paths("/var/lib/wherry", "/run/wherry").container(ID),
};

Deno.test("describeContainer() gives docker's shape", () => {
  const described = describeContainer(CONTAINER, ["/layers/base", "/layers/top"]);

  strictEqual(`${JSON.stringify(described, undefined, 2)}\n`, Deno.readTextFileSync(GOLDEN));
});

Deno.test("describeContainer() gives null for an empty command or entrypoint", () => {
  const config = { ...CONFIG, entrypoint: [], command: [] };

  const { Config } = describeContainer({ ...CONTAINER, config }, []);

  const { Cmd, Entrypoint } = Config as Record<string, unknown>;
  deepStrictEqual({ Cmd, Entrypoint }, { Cmd: null, Entrypoint: null });
});

Deno.test("describeContainer() names a directory that stands for an image", () => {
  const config: ContainerConfig = { ...CONFIG, root: { type: "directory", path: "/srv/root" } };

  const { Image, Config } = describeContainer({ ...CONTAINER, config }, ["/srv/root"]);

  deepStrictEqual([Image, (Config as Record<string, unknown>)["Image"]], ["", "/srv/root"]);
});

Deno.test("describeContainer() tells sizes that are known", () => {
  const described = describeContainer(CONTAINER, [], { writtenBytes: 5, totalBytes: 12 });

  deepStrictEqual([described.SizeRw, described.SizeRootFs], [5, 12]);
  strictEqual("SizeRw" in describeContainer(CONTAINER, []), false);
});
