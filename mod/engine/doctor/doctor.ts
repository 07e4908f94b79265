/** What this host offers to containers, and what it lacks. @module */

import { cgroupChecks } from "./doctor_cgroup.ts";
import { HOST_FILES, type HostFiles } from "../base/host_files.ts";
import { type Check, type Finding, runChecks } from "./doctor_finding.ts";
import { kernelChecks } from "./doctor_kernel.ts";
import { limitChecks } from "./doctor_limits.ts";
import { networkChecks } from "./doctor_network.ts";
import { processChecks } from "./doctor_process.ts";
import { storageChecks } from "./doctor_storage.ts";
import { storeChecks } from "./doctor_store.ts";
import type { Engine } from "../base/engine.ts";

/** What belongs together. */
export interface ExaminationPart {
  /** One word or two. */
  title: string;
  /** In the order in which they were made. */
  findings: Finding[];
}

/** What {@linkcode examineHost} found. */
export interface Examination {
  /** Whether containers can run here. */
  canRun: boolean;
  /** From the program itself outwards. */
  parts: ExaminationPart[];
}

/**
 * Looks at everything that containers need of this host. Changes nothing and leaves nothing: what has to be tried is
 * tried in a network namespace of its own, or with arguments that the kernel refuses.
 *
 * @param files What is read of the host. @default {the host's own}
 */
export async function examineHost(
  engine: Engine,
  files: HostFiles = HOST_FILES,
): Promise<Examination> {
  const plans: [title: string, plan: () => Check[]][] = [
    ["Program", () => processChecks(files)],
    ["Kernel", () => kernelChecks(files)],
    ["Cgroups", () => cgroupChecks(files)],
    ["Storage", () => storageChecks(files, engine)],
    ["Network", () => networkChecks(files, engine.paths)],
    ["Limits", () => limitChecks(files)],
    ["Store", () => storeChecks(engine)],
  ];
  const parts: ExaminationPart[] = [];
  for (const [title, plan] of plans) parts.push({ title, findings: await examine(title, plan) });
  const canRun = !parts.some(({ findings }) => findings.some(({ isFatal }) => isFatal));
  return { canRun, parts };
}

/** A part whose facts cannot be had is a finding itself. */
async function examine(title: string, plan: () => Check[]): Promise<Finding[]> {
  let checks: Check[] = [];
  const prepared = await runChecks([[title.toLowerCase(), () => {
    checks = plan();
    return [];
  }]]);
  return [...prepared, ...await runChecks(checks)];
}
