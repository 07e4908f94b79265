import { deepStrictEqual } from "node:assert/strict";
import { describeUserNamespace } from "./inspect_ids.ts";

Deno.test("describeUserNamespace() has docker's field alone for the host's ids", () => {
  deepStrictEqual(describeUserNamespace({ idRange: null }), { UsernsMode: "" });
});

Deno.test("describeUserNamespace() tells which ids of the host are the container's", () => {
  deepStrictEqual(describeUserNamespace({ idRange: { first: 100000, count: 65536 } }), {
    UsernsMode: "auto",
    IDMappings: { UidMap: ["0:100000:65536"], GidMap: ["0:100000:65536"] },
  });
});
