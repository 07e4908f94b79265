import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { resolveIdentity } from "./identity.ts";

const FILES = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    "web:x:33:33::/var/www:/bin/false",
    "1000:x:77:77::/odd:/bin/sh",
    "broken:x:minus:one",
    "# comment:x:1:1::/:/",
  ].join("\n"),
  group: "root:x:0:\nwheel:x:10:root,web\nweb:x:33:\nlog:x:44:web\n",
};

const cases: [user: string, uid: number, gid: number, groups: number[], home: string][] = [
  ["", 0, 0, [0, 10], "/root"],
  ["root", 0, 0, [0, 10], "/root"],
  ["web", 33, 33, [33, 10, 44], "/var/www"],
  ["33", 33, 33, [33, 10, 44], "/var/www"],
  ["web:wheel", 33, 10, [10], "/var/www"],
  ["web:4711", 33, 4711, [4711], "/var/www"],
  ["4711", 4711, 0, [0], "/"],
  ["4711:4712", 4711, 4712, [4712], "/"],
  [":wheel", 0, 10, [10], "/root"],
  ["1000", 77, 77, [77], "/odd"],
];
for (const [user, uid, gid, groups, home] of cases) {
  Deno.test(`resolveIdentity() of "${user}" follows the image's files`, () => {
    deepStrictEqual(resolveIdentity(user, FILES), { uid, gid, groups, home });
  });
}

Deno.test("resolveIdentity() is root with a home when the image has no passwd", () => {
  deepStrictEqual(resolveIdentity("", { passwd: "", group: "" }), {
    uid: 0,
    gid: 0,
    groups: [0],
    home: "/root",
  });
});

for (const user of ["nobody", "web:nogroup", "4294967295", "a:b:c"]) {
  Deno.test(`resolveIdentity() refuses "${user}" and names it`, () => {
    throws(
      () => resolveIdentity(user, FILES),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message.startsWith(`Cannot run as user "${user}": `),
    );
  });
}

Deno.test("resolveIdentity() adds groups by name and number, each once", () => {
  const { groups } = resolveIdentity("web", FILES, ["log", "4711", "33", "root"]);

  deepStrictEqual(groups, [33, 10, 44, 4711, 0]);
});

Deno.test("resolveIdentity() adds groups to an explicit one", () => {
  deepStrictEqual(resolveIdentity("7:8", FILES, ["wheel"]).groups, [8, 10]);
});

Deno.test("resolveIdentity() refuses to add a group that the image does not have", () => {
  throws(() => resolveIdentity("web", FILES, ["strangers"]), {
    kind: "invalid_argument",
    message: 'Cannot add the group "strangers": the image\'s /etc/group has no group "strangers"',
  });
});

Deno.test("resolveIdentity() refuses to add a group whose number is too high", () => {
  throws(() => resolveIdentity("web", FILES, ["4294967295"]), {
    message: 'Cannot add the group "4294967295": ids are numbers from 0 to 4294967294',
  });
});
