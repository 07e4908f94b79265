/** `wherry doctor` and `wherry info`: what the host offers. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type TestEngine, testWhole } from "./harness.ts";

/** A finding of `doctor --format json`. */
interface SeenFinding {
  Feature: string;
  State: string;
  Detail: string;
  Consequence: string;
  Remedy: string;
  IsFatal: boolean;
}

/** What `doctor --format json` prints. */
interface SeenExamination {
  CanRun: boolean;
  Parts: { Title: string; Findings: SeenFinding[] }[];
}

async function examine(wherry: TestEngine): Promise<SeenExamination> {
  const { code, stdout, stderr } = await wherry.run(["doctor", "--format", "json"]);
  deepStrictEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

function findingsOf({ Parts }: SeenExamination): SeenFinding[] {
  return Parts.flatMap(({ Findings }) => Findings);
}

testWhole("doctor says that containers can run where they do", async (wherry) => {
  const { code, stdout, stderr } = await wherry.run(["doctor"]);

  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, /^Program\n {2}ok +user +root\n/);
  match(stdout, /\nContainers can run here: \d+ ok, \d+ limited, \d+ missing\n$/);
});

testWhole(
  "doctor looks into every part, and has a remedy for whatever is not ok",
  async (wherry) => {
    const examination = await examine(wherry);

    deepStrictEqual(examination.Parts.map(({ Title }) => Title), [
      "Program",
      "Kernel",
      "Cgroups",
      "Storage",
      "Network",
      "Limits",
      "Store",
    ]);
    for (const { State, Detail, Consequence, Remedy } of findingsOf(examination)) {
      ok(Detail !== "");
      deepStrictEqual([Consequence !== "", Remedy !== ""], Array(2).fill(State !== "ok"));
    }
  },
);

testWhole("doctor makes nothing on disk, and nothing in the network", async (wherry) => {
  const linksBefore = wherry.network.listLinks();

  await wherry.run(["doctor"]);

  deepStrictEqual(
    Array.from(Deno.readDirSync(wherry.directory), ({ name }) => name).toSorted(),
    ["scratch", "tmp"],
  );
  deepStrictEqual(wherry.network.listLinks(), linksBefore);
});

testWhole("doctor without root says that this is what is missing", async (wherry) => {
  const [program = "", ...args] = wherry.commandLine(["doctor"]);
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

  const { code, stdout, stderr } = await wherry.runCommand([...user, program, ...args], {
    env: { HOME: "/nonexistent" },
  });

  deepStrictEqual([code, stderr], [1, ""]);
  match(
    stdout,
    /^ {2}missing +user +uid 65534\n +No container can run.*\n +-> Run wherry as root\n/m,
  );
  match(stdout, /\nContainers cannot run here: /);
});

testWhole("doctor finds damaged records and leftovers, and leaves them alone", async (wherry) => {
  const id = "0".repeat(64);
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "true"]);
  Deno.mkdirSync(`${wherry.root}/containers/${id}`);
  Deno.writeTextFileSync(`${wherry.root}/containers/${id}/config.json`, "{");
  Deno.mkdirSync(`${wherry.runRoot}/containers/${"1".repeat(64)}`);

  const findings = findingsOf(await examine(wherry)).filter(({ State }) => State === "limited");
  const kept = Deno.readTextFileSync(`${wherry.root}/containers/${id}/config.json`);
  await wherry.run(["rm", "-f", "000000000000"]);
  await wherry.run(["system", "recover"]);
  await wherry.run(["rm", "box"]);

  const detailOf = (feature: string): string | undefined =>
    findings.find(({ Feature }) => Feature === feature)?.Detail;
  strictEqual(detailOf("containers"), "the record of 000000000000 is damaged");
  strictEqual(detailOf("leftovers"), "1 run directories without a container");
  strictEqual(kept, "{");
});

testWhole("doctor answers templates", async (wherry) => {
  const { stdout } = await wherry.run([
    "doctor",
    "--format",
    '{{.CanRun}}{{range .Parts}}{{range .Findings}}{{if eq .Feature "user"}} {{.Detail}}{{end}}{{end}}{{end}}',
  ]);

  strictEqual(stdout, "true root\n");
});

testWhole("info tells in docker's words what there is", async (wherry) => {
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);

  const { code, stdout } = await wherry.run(["info"]);
  const format = "{{.Containers}} {{.ContainersStopped}} {{.CgroupDriver}} {{.LoggingDriver}} " +
    "{{.Swarm.LocalNodeState}} {{.OSType}} {{.NCPU}}";
  const asked = await wherry.run(["system", "info", "-f", format]);
  await wherry.run(["rm", "ended"]);

  strictEqual(code, 0);
  match(
    stdout,
    /^ Containers: +1\n {2}Running: +0\n {2}Paused: +0\n {2}Stopped: +1\n Images: +0\n/,
  );
  match(stdout, /\n Storage Driver: +(overlay|copy)\n {2}Backing Filesystem: +\S+\n/);
  match(stdout, /\n Cgroup Driver: +cgroupfs\n Cgroup Version: +[12]\n/);
  strictEqual(
    asked.stdout,
    `1 1 cgroupfs local inactive linux ${navigator.hardwareConcurrency}\n`,
  );
});
