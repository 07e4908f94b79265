import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { inputWith } from "../../../tests/fakes/launch_input.ts";
import { MS } from "../../kernel/mount.ts";
import type { ContainerConfig } from "../record/config.ts";
import type { BindMount } from "../record/mounts.ts";
import type { Step } from "./plan.ts";
import { planView } from "./view.ts";

const BIND: BindMount = {
  type: "bind",
  source: "/srv/data",
  target: "/data",
  isReadOnly: false,
  createsSource: false,
  propagation: "rshared",
};

function planWith(changes: Partial<ContainerConfig>, etcFiles: readonly string[] = []): Step[] {
  return planView({ ...inputWith(changes), etcFiles });
}

Deno.test("planView() runs nothing, and mounts nothing of the kernel's", () => {
  const words = planWith({}, ["hosts"]).map(([word]) => word);

  deepStrictEqual(words, [
    ...["clone", "mount", "mount", "root", "attach-tree", "pivot-root", "parent-death", "show"],
  ]);
});

Deno.test("planView() makes a mount namespace and no other", () => {
  deepStrictEqual(planWith({})[0], ["clone", String(0x20000)]);
});

Deno.test("planView() leaves out what is empty before a start", () => {
  const steps = planWith({
    mounts: [{ type: "tmpfs", target: "/cache", options: "" }, { ...BIND, target: "/cache/data" }],
  });

  strictEqual(steps.some((step) => step.includes("/cache")), false);
  strictEqual(steps.some((step) => step.includes("/cache/data")), true);
});

Deno.test("planView() has nothing propagate to the host", () => {
  const step = planWith({ mounts: [BIND] }).find((step) => step.includes("/data"));

  strictEqual(step?.at(-1), String(MS.PRIVATE | MS.REC));
});

Deno.test("planView() makes a read-only root read-only once all is mounted", () => {
  const words = planWith({ isReadOnly: true, mounts: [BIND] }).map(([word]) => word);

  strictEqual(words.indexOf("remount-root-readonly"), words.indexOf("pivot-root") + 1);
});

Deno.test("planView() of a container with ids of its own maps its files as a start does", () => {
  const idRange = { first: 0x7000_0000, count: 65_536 };
  const { namespaces } = inputWith({}).config;

  const steps = planWith({ namespaces: { ...namespaces, idRange } });

  deepStrictEqual(steps[1], ["owner", "1879048192", "1879048192"]);
  strictEqual(steps.filter(([word]) => word === "attach-tree").length, 2);
  strictEqual(steps.some(([word]) => word === "join-user"), false);
});
