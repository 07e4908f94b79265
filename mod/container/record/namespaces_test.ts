import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { joinedContainer, type Namespaces, ownsIpc } from "./namespaces.ts";

Deno.test("joinedContainer() is the id behind container: and nothing else", () => {
  const modes: Namespaces["pid" | "ipc"][] = ["private", "host", "none", "container:0123"];

  deepStrictEqual(modes.map(joinedContainer), [undefined, undefined, undefined, "0123"]);
});

Deno.test("ownsIpc() is false for what is somebody else's", () => {
  for (const ipc of ["private", "shareable", "none"] as const) strictEqual(ownsIpc({ ipc }), true);
  for (const ipc of ["host", "container:0123"] as const) strictEqual(ownsIpc({ ipc }), false);
});
