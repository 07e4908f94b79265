import { strictEqual } from "node:assert/strict";
import { limited, ok } from "../../engine/doctor/doctor_finding.ts";
import { formatExamination } from "./doctor_text.ts";

const EXAMINATION = {
  canRun: true,
  parts: [
    { title: "Kernel", findings: [ok("version", "6.1"), ok("a longer one", "fine")] },
    {
      title: "Store",
      findings: [limited("names", { detail: "a\x1b[2J", consequence: "So", remedy: "Do" })],
    },
  ],
};

Deno.test("formatExamination() aligns features, and puts consequence and remedy below", () => {
  strictEqual(
    formatExamination(EXAMINATION, { mayColour: false }),
    `Kernel
  ok       version       6.1
  ok       a longer one  fine

Store
  limited  names         a\\x1b[2J
                         So
                         -> Do

Containers can run here: 2 ok, 1 limited, 0 missing
`,
  );
});

Deno.test("formatExamination() gives states colours on request", () => {
  const text = formatExamination(EXAMINATION, { mayColour: true });

  strictEqual(text.includes("\x1b[33mlimited\x1b[0m  names"), true);
});
