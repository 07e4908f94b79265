import { strictEqual, throws } from "node:assert/strict";
import type { EngineEvent } from "../../engine/system/event_log.ts";
import { formatLocalTime, planEventFormat } from "./event_text.ts";

const DIE: EngineEvent = {
  type: "container",
  action: "die",
  actorId: "ab12",
  attributes: { name: "web", exitCode: "3", image: "debian" },
  image: "debian",
  timeNs: 1763681025123456789n,
};

/** Runs `body` as if the host were in another time zone. */
function inZone(zone: string, body: () => void): void {
  const before = Deno.env.get("TZ");
  Deno.env.set("TZ", zone);
  try {
    body();
  } finally {
    if (before === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", before);
  }
}

const ZONES: [zone: string, text: string][] = [
  ["UTC", "2025-11-20T23:23:45.123456789Z"],
  ["Asia/Kolkata", "2025-11-21T04:53:45.123456789+05:30"],
  ["America/New_York", "2025-11-20T18:23:45.123456789-05:00"],
];

for (const [zone, text] of ZONES) {
  Deno.test(`formatLocalTime() gives the time and offset of ${zone}`, () => {
    inZone(zone, () => strictEqual(formatLocalTime(DIE.timeNs), text));
  });
}

Deno.test("planEventFormat() gives docker's line without a format", () => {
  inZone("UTC", () => {
    strictEqual(
      planEventFormat()(DIE),
      "2025-11-20T23:23:45.123456789Z container die ab12 (exitCode=3, image=debian, name=web)",
    );
  });
});

Deno.test("planEventFormat() leaves out the parentheses of an event without attributes", () => {
  inZone("UTC", () => {
    strictEqual(
      planEventFormat()({ ...DIE, attributes: {} }),
      "2025-11-20T23:23:45.123456789Z container die ab12",
    );
  });
});

Deno.test("planEventFormat() lets no label move the cursor", () => {
  const line = planEventFormat()({ ...DIE, attributes: { evil: "\x1b[2J\nfake" } });

  strictEqual(line.endsWith("(evil=\\x1b[2J\\nfake)"), true);
});

const JSON_OF_DIE = '{"status":"die","id":"ab12","from":"debian","Type":"container",' +
  '"Action":"die","Actor":{"ID":"ab12","Attributes":{"exitCode":"3","image":"debian",' +
  '"name":"web"}},"scope":"local","time":1763681025,"timeNano":1763681025123456789}';

for (const format of ["json", "{{json .}}"]) {
  Deno.test(`planEventFormat() gives docker's JSON with every digit for ${format}`, () => {
    strictEqual(planEventFormat(format)(DIE), JSON_OF_DIE);
  });
}

const TEMPLATES: [template: string, text: string][] = [
  ["{{.Status}} {{.ID}} {{.From}} {{.Scope}}", "die ab12 debian local"],
  ["{{.Type}} {{.Action}} {{.Actor.ID}}", "container die ab12"],
  ["{{.Actor.Attributes.exitCode}}", "3"],
  ['{{index .Actor.Attributes "nothing"}}.', "."],
  ["{{.Time}} {{.TimeNano}}", "1763681025 1763681025123456789"],
];

for (const [template, text] of TEMPLATES) {
  Deno.test(`planEventFormat() fills in ${template}`, () => {
    strictEqual(planEventFormat(template)(DIE), text);
  });
}

for (const template of ["{{.Foo}}", "{{"]) {
  Deno.test(`planEventFormat() refuses ${template} before there is an event`, () => {
    throws(() => planEventFormat(template), { kind: "invalid_argument", exitCode: 64 });
  });
}
