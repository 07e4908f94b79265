import { deepStrictEqual } from "node:assert/strict";
import { describeHistory } from "./image_history.ts";

const STEP = { created: "2026-11-20T09:00:00Z", author: "", comment: "" };

Deno.test("describeHistory() gives layers to the steps that made them, the last step first", () => {
  const history = [
    { ...STEP, createdBy: "ADD", isEmptyLayer: false, comment: "base" },
    { ...STEP, createdBy: "ENV", isEmptyLayer: true },
    { ...STEP, createdBy: "RUN", isEmptyLayer: false },
  ];

  deepStrictEqual(describeHistory({ history }, [10, 20]), [
    { created: STEP.created, createdBy: "RUN", comment: "", sizeBytes: 20 },
    { created: STEP.created, createdBy: "ENV", comment: "", sizeBytes: 0 },
    { created: STEP.created, createdBy: "ADD", comment: "base", sizeBytes: 10 },
  ]);
});

Deno.test("describeHistory() takes 0 for layers that a history makes up", () => {
  const history = [1, 2].map(() => ({ ...STEP, createdBy: "RUN", isEmptyLayer: false }));

  deepStrictEqual(describeHistory({ history }, [10]).map(({ sizeBytes }) => sizeBytes), [0, 10]);
});

Deno.test("describeHistory() is empty where an image tells nothing", () => {
  deepStrictEqual(describeHistory({ history: [] }, [10]), []);
});
