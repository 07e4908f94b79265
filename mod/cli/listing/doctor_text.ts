/** The findings of `doctor` as text. @module */

import type { Examination, ExaminationPart } from "../../engine/doctor/doctor.ts";
import type { Finding, FindingState } from "../../engine/doctor/doctor_finding.ts";
import { displayWidth, escapeControls } from "../base/terminal_text.ts";

const COLOURS: Readonly<Record<FindingState, string>> = {
  ok: "\x1b[32m",
  limited: "\x1b[33m",
  missing: "\x1b[31m",
};
const END_OF_COLOUR = "\x1b[0m";
const STATE_WIDTH = "limited".length;
const GAP = "  ";

/**
 * Formats findings as aligned lines, below a line for each part; what is not all there has its consequence and its
 * remedy below it. The last line says whether containers can run.
 *
 * @param mayColour Whether states may have colours.
 */
export function formatExamination(
  { canRun, parts }: Examination,
  { mayColour }: { mayColour: boolean },
): string {
  const findings = parts.flatMap(({ findings }) => findings);
  const width = Math.max(0, ...findings.map(({ feature }) => displayWidth(feature)));
  const format = (finding: Finding): string => formatFinding(finding, { width, mayColour });
  const text = parts.map(({ title, findings }) => `${title}\n${findings.map(format).join("")}\n`);
  return `${text.join("")}${formatVerdict(canRun, parts)}\n`;
}

function formatFinding(
  { state, feature, detail, consequence, remedy }: Finding,
  { width, mayColour }: { width: number; mayColour: boolean },
): string {
  const word = state.padEnd(STATE_WIDTH);
  const coloured = mayColour ? `${COLOURS[state]}${word}${END_OF_COLOUR}` : word;
  const padded = feature + " ".repeat(width - displayWidth(feature));
  const indentation = " ".repeat(GAP.length + STATE_WIDTH + GAP.length + width + GAP.length);
  const lines = [
    `${GAP}${coloured}${GAP}${padded}${GAP}${escapeControls(detail)}`,
    ...[consequence, remedy].filter((text) => text !== "")
      .map((text, index) => `${indentation}${index === 0 ? "" : "-> "}${escapeControls(text)}`),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function formatVerdict(canRun: boolean, parts: readonly ExaminationPart[]): string {
  const findings = parts.flatMap(({ findings }) => findings);
  const countOf = (state: FindingState): number =>
    findings.filter((finding) => finding.state === state).length;
  const counts = `${countOf("ok")} ok, ${countOf("limited")} limited, ${
    countOf("missing")
  } missing`;
  return `${canRun ? "Containers can run here" : "Containers cannot run here"}: ${counts}`;
}
