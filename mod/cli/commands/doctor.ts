/** `wherry doctor`. @module */

import { type Examination, examineHost } from "../../engine/doctor/doctor.ts";
import type { DOCTOR_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { formatExamination } from "../listing/doctor_text.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import { formatObject } from "../listing/facts.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Says what this host offers and lacks. @returns 0 if containers can run. */
export async function run(
  { engine, output }: Context,
  { flags: { format = "" } }: ParsedFlags<typeof DOCTOR_FLAGS>,
): Promise<number> {
  const examination = await examineHost(engine);
  output.write(
    format === ""
      ? formatExamination(examination, { mayColour: output.mayColour })
      : formatObject(documentOf(examination), format),
  );
  return examination.canRun ? 0 : EXIT_FAILURE;
}

/** Keys in capital letters, as in what docker prints. */
function documentOf({ canRun, parts }: Examination): object {
  return {
    CanRun: canRun,
    Parts: parts.map(({ title, findings }) => ({
      Title: title,
      Findings: findings.map((finding) => ({
        Feature: finding.feature,
        State: finding.state,
        Detail: finding.detail,
        Consequence: finding.consequence,
        Remedy: finding.remedy,
        IsFatal: finding.isFatal,
      })),
    })),
  };
}
