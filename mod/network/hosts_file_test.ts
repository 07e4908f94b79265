import { strictEqual } from "node:assert/strict";
import { renameHostsLines } from "./hosts_file.ts";

Deno.test("renameHostsLines() gives new names to one container's lines when they have its addresses", () => {
  const id = "0123456789ab";
  const text = [
    "127.0.0.1\tlocalhost",
    `10.0.0.2\told ${id}\t# ${id}`,
    `10.9.0.2\told ${id}\t# ${id}`,
    "10.0.0.2\told",
    "10.0.0.3\told other\t# ba9876543210",
    "",
  ];

  const renamed = renameHostsLines(text.join("\n"), {
    id,
    names: ["new", id],
    addresses: ["10.0.0.2"],
  });

  strictEqual(renamed, text.with(1, `10.0.0.2\tnew ${id}\t# ${id}`).join("\n"));
});
