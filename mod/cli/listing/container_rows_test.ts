import { strictEqual } from "node:assert/strict";
import { fakeContainerConfig, fakeContainerState } from "../../../tests/fakes/container_config.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import type { ContainerState } from "../../container/record/state.ts";
import type { Container } from "../../engine/record/find.ts";
import { Paths } from "../../store/paths.ts";
import { CONTAINER_LAYOUT, containerRow } from "./container_rows.ts";
import { formatRows } from "./rows.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const ID = "0123456789abcdef".repeat(4);

const CONFIG = fakeContainerConfig({
  id: ID,
  entrypoint: ["/entry.sh"],
  command: ["serve", "two words"],
});

const CREATED = fakeContainerState();
const RUNNING = fakeContainerState({
  status: "running",
  isRunning: true,
  pid: 42,
  startedAt: "2026-11-20T11:57:00.5Z",
});
const EXITED: ContainerState = {
  ...RUNNING,
  status: "exited",
  isRunning: false,
  pid: 0,
  finishedAt: "2026-11-20T10:00:00Z",
  exitCode: 3,
};

interface Change {
  config?: Partial<ContainerConfig>;
  state?: ContainerState;
}

function container({ config = {}, state = RUNNING }: Change): Container {
  return {
    config: { ...CONFIG, ...config },
    state,
    paths: new Paths("/root", "/run").container(ID),
  };
}

/** What `ps --format` prints of one container. */
function print(format: string, change: Change = {}, { isWhole = false } = {}): Promise<string> {
  const row = containerRow(container(change), { isWhole, nowMs: NOW });
  return formatRows([row], format, CONTAINER_LAYOUT);
}

Deno.test("containerRow() makes docker's table", async () => {
  strictEqual(
    await print("table"),
    `CONTAINER ID   IMAGE        COMMAND                  CREATED       STATUS         PORTS     NAMES
0123456789ab   nginx:1.22   "/entry.sh serve 'tw…"   3 hours ago   Up 2 minutes             web
`,
  );
});

const STATUSES: [state: ContainerState, expected: string][] = [
  [CREATED, "Created created 0\n"],
  [RUNNING, "Up 2 minutes running 42\n"],
  [EXITED, "Exited (3) 2 hours ago exited 0\n"],
];

for (const [state, expected] of STATUSES) {
  Deno.test(`containerRow() tells the state of a container that is ${state.status}`, async () => {
    strictEqual(await print("{{.Status}} {{.State}} {{.Pid}}", { state }), expected);
  });
}

Deno.test("containerRow() gives id and command in full when asked to", async () => {
  strictEqual(
    await print("{{.ID}} {{.Command}}", {}, { isWhole: true }),
    `${ID} "/entry.sh serve 'two words'"\n`,
  );
});

Deno.test("containerRow() escapes what a command contains", async () => {
  const config = { entrypoint: [], command: ["\x1b[2J", 'a"b\n'] };

  strictEqual(await print("{{.Command}}", { config }), '"\\x1b[2J a\\"b\\n"\n');
});

Deno.test("containerRow() cuts a command by columns and not within a character", async () => {
  const config = { entrypoint: [], command: ["漢字漢字漢字漢字漢字漢字"] };

  strictEqual(await print("{{.Command}}", { config }), '"漢字漢字漢字漢字漢…"\n');
});

Deno.test("containerRow() names a directory that stands for an image by its path", async () => {
  strictEqual(
    await print("{{.Image}}", { config: { root: { type: "directory", path: "/srv/root" } } }),
    "/srv/root\n",
  );
});

Deno.test("containerRow() gives labels together and one by one", async () => {
  const config = { labels: { a: "1", "b.c": "2" } };

  strictEqual(
    await print('{{.Labels}} {{.Label "b.c"}} {{.Label "toString"}}|', { config }),
    "a=1,b.c=2 2 |\n",
  );
});

Deno.test("containerRow() lists what is mounted, volumes by name, and counts volumes", async () => {
  const bind = {
    type: "bind",
    target: "/x",
    isReadOnly: true,
    createsSource: false,
    propagation: "rprivate",
  } as const;
  const mounts: ContainerConfig["mounts"] = [
    { ...bind, source: "/srv" },
    { type: "tmpfs", target: "/tmp", options: "" },
    { ...bind, source: "/a/very/long/path/of/the/host" },
    {
      type: "volume",
      name: "data",
      target: "/data",
      isReadOnly: false,
      isAnonymous: false,
      copiesContent: true,
      subpath: "",
    },
    {
      type: "image",
      imageId: `sha256:${"ab".repeat(32)}`,
      reference: "tools:1",
      layers: [],
      target: "/tools",
      subpath: "",
    },
  ];

  strictEqual(
    await print("{{.Mounts}} {{.LocalVolumes}}", { config: { mounts } }),
    "/srv,/a/very/long/p…,data,tools:1 1\n",
  );
});

Deno.test("containerRow() gives the time of creation as docker does", async () => {
  strictEqual(await print("{{.CreatedAt}}"), "2026-11-20 09:00:00 +0000 UTC\n");
});
