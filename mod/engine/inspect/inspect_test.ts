import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeContainerConfig, fakeContainerState } from "../../../tests/fakes/container_config.ts";
import { type ContainerConfig, DEFAULT_LOG } from "../../container/record/config.ts";
import { NO_GIVEN_MOUNTS } from "../../container/record/mounts.ts";
import { systemPathsOf } from "../../container/launch/system_paths.ts";
import { Paths } from "../../store/paths.ts";
import type { Container } from "../record/find.ts";
import { planHealthCheck } from "../image/health_check.ts";
import { NO_DEFAULTS } from "../image/image_source.ts";
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
      mode: "ro,rslave",
    },
    { type: "tmpfs", target: "/tmp", options: "size=64m,mode=1777" },
  ],
  givenMounts: { ...NO_GIVEN_MOUNTS, binds: ["/host/www:/www:ro,rslave"] },
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

/** What every container has on a host that tells nothing of its heat. */
const SYSTEM_PATHS = systemPathsOf(CONFIG.security, "/nonexistent");

const NOTHING_ELSE = { lowerDirectories: [], healthChecks: [], systemPaths: SYSTEM_PATHS };

Deno.test("describeContainer() gives docker's shape", () => {
  const described = describeContainer(CONTAINER, {
    lowerDirectories: ["/layers/base", "/layers/top"],
    healthChecks: [],
    systemPaths: SYSTEM_PATHS,
  });

  strictEqual(`${JSON.stringify(described, undefined, 2)}\n`, Deno.readTextFileSync(GOLDEN));
});

Deno.test("describeContainer() gives null for an empty command or entrypoint", () => {
  const config = { ...CONFIG, entrypoint: [], command: [] };

  const { Config } = describeContainer({ ...CONTAINER, config }, NOTHING_ELSE);

  const { Cmd, Entrypoint } = Config as Record<string, unknown>;
  deepStrictEqual({ Cmd, Entrypoint }, { Cmd: null, Entrypoint: null });
});

Deno.test("describeContainer() names a directory that stands for an image", () => {
  const config: ContainerConfig = { ...CONFIG, root: { type: "directory", path: "/srv/root" } };

  const { Image, Config } = describeContainer({ ...CONTAINER, config }, NOTHING_ELSE);

  deepStrictEqual([Image, (Config as Record<string, unknown>)["Image"]], ["", "/srv/root"]);
});

Deno.test("describeContainer() tells sizes that are known", () => {
  const size = { writtenBytes: 5, totalBytes: 12 };

  const described = describeContainer(CONTAINER, { ...NOTHING_ELSE, size });

  deepStrictEqual([described.SizeRw, described.SizeRootFs], [5, 12]);
  strictEqual("SizeRw" in describeContainer(CONTAINER, NOTHING_ELSE), false);
});

Deno.test("describeContainer() tells the health of a container that is checked", () => {
  const config: ContainerConfig = {
    ...CONFIG,
    healthCheck: {
      test: ["CMD", "true"],
      shell: ["/bin/sh", "-c"],
      intervalMs: 1500,
      timeoutMs: 2000,
      startPeriodMs: 0,
      startIntervalMs: 5000,
      retries: 0,
      onFailure: "none",
    },
  };
  const state = { ...CONTAINER.state, health: "unhealthy", failingStreak: 4 } as const;
  const check = { startedAt: "start", endedAt: "end", exitCode: 1, output: "ill" };

  const { State, Config } = describeContainer({ ...CONTAINER, config, state }, {
    ...NOTHING_ELSE,
    healthChecks: [check],
    systemPaths: SYSTEM_PATHS,
  }) as Record<string, Record<string, unknown>>;

  deepStrictEqual(State?.["Health"], {
    Status: "unhealthy",
    FailingStreak: 4,
    Log: [{ Start: "start", End: "end", ExitCode: 1, Output: "ill" }],
  });
  deepStrictEqual(Config?.["Healthcheck"], {
    Test: ["CMD", "true"],
    Interval: 1_500_000_000,
    Timeout: 2_000_000_000,
    StartInterval: 5_000_000_000,
  });
});

Deno.test("describeContainer() tells that health checks are forbidden, and no health", () => {
  const config: ContainerConfig = { ...CONFIG, healthCheck: planHealthCheck(null, NO_DEFAULTS) };

  const { State, Config } = describeContainer(
    { ...CONTAINER, config },
    NOTHING_ELSE,
  ) as Record<string, Record<string, unknown>>;

  deepStrictEqual([State?.["Health"], Config?.["Healthcheck"]], [undefined, { Test: ["NONE"] }]);
});

Deno.test("describeContainer() shows the log options as they were typed", () => {
  const log = { ...DEFAULT_LOG, maxBytes: 1000, options: { "max-size": "1k" } };

  const { HostConfig } = describeContainer(
    { ...CONTAINER, config: { ...CONFIG, log } },
    NOTHING_ELSE,
  ) as Record<string, Record<string, unknown>>;

  deepStrictEqual(HostConfig?.["LogConfig"], { Type: "local", Config: { "max-size": "1k" } });
});

Deno.test("describeContainer() tells why a container could not be started", () => {
  const state = { ...CONTAINER.state, exitCode: 127, error: "not found" };

  const { State } = describeContainer({ ...CONTAINER, state }, NOTHING_ELSE) as Record<
    string,
    Record<string, unknown>
  >;

  deepStrictEqual([State?.["ExitCode"], State?.["Error"]], [127, "not found"]);
});
