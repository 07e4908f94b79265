import { strictEqual, throws } from "node:assert/strict";
import { checkUserNamespace, parseUserNamespace } from "./user_namespace_flags.ts";

for (
  const [text, size] of [
    [undefined, undefined],
    ["", undefined],
    ["host", undefined],
    ["auto", 65_536],
    ["auto:size=1000", 1000],
    ["auto:size=2147483648", 2_147_483_648],
  ] as const
) {
  Deno.test(`parseUserNamespace() takes ${JSON.stringify(text)} for ${size} ids`, () => {
    strictEqual(parseUserNamespace(text), size);
  });
}

for (
  const [text, message] of [
    ["auto:size=999", /1000 to 2147483648 ids/],
    ["auto:size=2147483649", /1000 to 2147483648 ids/],
    ["auto:", /auto takes size=N/],
    ["auto:size=", /auto takes size=N/],
    ["auto:size=-1", /auto takes size=N/],
    ["auto:uidmapping=0:1:2", /auto takes size=N/],
    ["automatic", /^WherryError: invalid USER mode: "automatic"$/],
    ["keep-id", /invalid USER mode: "keep-id": wherry runs as root/],
    ["keep-id:uid=1", /wherry runs as root/],
    ["nomap", /wherry runs as root/],
    ["container:abc", /each container has ids that no other one has/],
    ["ns:/proc/1/ns/user", /wherry makes the namespace itself/],
    ["private", /invalid USER mode: "private"/],
  ] as const
) {
  Deno.test(`parseUserNamespace() refuses "${text}"`, () => {
    throws(() => parseUserNamespace(text), message);
  });
}

const BIND = {
  type: "bind",
  source: "/data",
  target: "/data",
  isReadOnly: false,
  createsSource: false,
  propagation: "rprivate",
} as const;

Deno.test("checkUserNamespace() refuses idmap without ids of the container's own", () => {
  throws(
    () => checkUserNamespace(undefined, [BIND, { ...BIND, isIdMapped: true }]),
    /Cannot mount "\/data" with idmap: the container has no ids of its own/,
  );
});

Deno.test("checkUserNamespace() has nothing against idmap with them", () => {
  checkUserNamespace(65_536, [{ ...BIND, isIdMapped: true }]);
});
