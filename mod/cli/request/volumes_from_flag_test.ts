import { deepStrictEqual, throws } from "node:assert/strict";
import { parseVolumesFromFlag } from "./volumes_from_flag.ts";

const good: [text: string, expected: Record<string, unknown>][] = [
  ["web", { container: "web" }],
  ["web:", { container: "web" }],
  ["web:rw", { container: "web" }],
  ["web:ro", { container: "web", isReadOnly: true }],
  ["web:ro,z", { container: "web", isReadOnly: true }],
];
for (const [text, expected] of good) {
  Deno.test(`parseVolumesFromFlag() takes "${text}"`, () => {
    deepStrictEqual(parseVolumesFromFlag(text), expected);
  });
}

const bad: [text: string, message: string][] = [
  ["", "volumes-from specification cannot be an empty string"],
  [":ro", "volumes-from specification cannot be an empty string"],
  ["web:ro,rw", "invalid mode: ro,rw"],
  ["web:nocopy", "invalid mode: nocopy"],
  ["web:rslave", "invalid mode: rslave"],
  ["web:ro:x", "invalid mode: ro:x"],
];
for (const [text, message] of bad) {
  Deno.test(`parseVolumesFromFlag() refuses "${text}"`, () => {
    throws(() => parseVolumesFromFlag(text), { kind: "invalid_argument", message });
  });
}
