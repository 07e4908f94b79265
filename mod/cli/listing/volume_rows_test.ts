import { strictEqual } from "node:assert/strict";
import { fakeVolume } from "../../../tests/fakes/volume.ts";
import { formatRows } from "./rows.ts";
import { VOLUME_LAYOUT, VOLUME_USAGE_LAYOUT, volumeRow } from "./volume_rows.ts";

const VOLUME = fakeVolume({ labels: { tier: "db", safe: "" } });
const DETAILS = { mountpoint: "/var/lib/wherry/volumes/data/_data" };

Deno.test("volumeRow() has docker's two columns", async () => {
  strictEqual(
    await formatRows([volumeRow(VOLUME, DETAILS)], undefined, VOLUME_LAYOUT),
    "DRIVER    VOLUME NAME\nlocal     data\n",
  );
});

Deno.test("volumeRow() has all of docker's fields", async () => {
  strictEqual(
    await formatRows([volumeRow(VOLUME, DETAILS)], "json", VOLUME_LAYOUT),
    '{"Availability":"N/A","Driver":"local","Group":"N/A","Labels":"tier=db,safe=","Links":"N/A",' +
      '"Mountpoint":"/var/lib/wherry/volumes/data/_data","Name":"data","Scope":"local","Size":"N/A",' +
      '"Status":"N/A"}\n',
  );
  strictEqual(
    await formatRows(
      [volumeRow(VOLUME, { ...DETAILS, linkCount: 2, bytes: 1500 })],
      'table {{.Name}}\t{{.Label "tier"}}\t{{.Links}}\t{{.Size}}',
      VOLUME_LAYOUT,
    ),
    "VOLUME NAME   tier      LINKS     SIZE\ndata          db        2         1.5kB\n",
  );
});

Deno.test("volumeRow() says of what cannot be measured that nobody knows", async () => {
  strictEqual(
    await formatRows([volumeRow(VOLUME, { ...DETAILS, linkCount: 0 })], "", VOLUME_USAGE_LAYOUT),
    "VOLUME NAME   LINKS     SIZE\ndata          0         N/A\n",
  );
});
