import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { NetworkTrial } from "./doctor_network_trial.ts";

Deno.test("NetworkTrial leaves the namespace that it was made in alone", () => {
  const before = Deno.readTextFileSync("/proc/self/net/dev").match(/^ *\S+:/gm);
  const namespace = Deno.readLinkSync("/proc/self/ns/net");
  using trial = new NetworkTrial();

  const canMake = (["bridge", "veth"] as const).map((kind) => trial.canMakeLink(kind));

  deepStrictEqual(canMake, [true, true]);
  deepStrictEqual(Deno.readTextFileSync("/proc/self/net/dev").match(/^ *\S+:/gm), before);
  strictEqual(Deno.readLinkSync("/proc/self/ns/net"), namespace);
});

Deno.test("NetworkTrial finds out whether the kernel takes all of wherry's rules", () => {
  using trial = new NetworkTrial();

  strictEqual(trial.refusalOfTable(), undefined);
});

Deno.test("NetworkTrial tells why rules are refused", () => {
  using trial = new NetworkTrial();
  trial.refusalOfTable();

  strictEqual(
    trial.refusalOfTable(),
    'Cannot make nf_tables table "wherry-trial": file exists (EEXIST)',
  );
});
