import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ALL_CAPABILITIES, capabilityMask, DEFAULT_CAPABILITIES } from "../../kernel/capability.ts";
import { completeCapabilities, grantCapabilities } from "./capabilities.ts";

/** All but one. */
const AVAILABLE = ALL_CAPABILITIES & ~capabilityMask(["CAP_SYS_RESOURCE"]);

function grant(
  added: string[],
  dropped: string[],
  isPrivileged = false,
): ReturnType<typeof grantCapabilities> {
  return grantCapabilities(
    { isPrivileged, addedCapabilities: added, droppedCapabilities: dropped },
    () => AVAILABLE,
  );
}

Deno.test("completeCapabilities() takes names with and without CAP_ in any case", () => {
  deepStrictEqual(
    completeCapabilities(["net_admin", "CAP_SYS_TIME", "cap_Chown", "all"], "CapAdd"),
    ["CAP_NET_ADMIN", "CAP_SYS_TIME", "CAP_CHOWN", "ALL"],
  );
});

for (const [text, shown] of [["foo", "CAP_FOO"], ["", "CAP_"], ["CAP_ALL", "CAP_ALL"]] as const) {
  Deno.test(`completeCapabilities() refuses "${text}" in docker's words`, () => {
    throws(() => completeCapabilities([text], "CapDrop"), {
      kind: "invalid_argument",
      message: `invalid CapDrop: unknown capability: "${shown}"`,
    });
  });
}

Deno.test("completeCapabilities() tells how to name several", () => {
  throws(() => completeCapabilities(["CHOWN,KILL"], "CapAdd"), {
    hint: "Write the flag once for each capability",
  });
});

Deno.test("grantCapabilities() reads nothing for a container of which nobody said anything", () => {
  const granted = grantCapabilities(
    { isPrivileged: false, addedCapabilities: [], droppedCapabilities: [] },
    () => {
      throw new Error("Cannot happen: nothing has to be read");
    },
  );

  deepStrictEqual(granted, { capabilities: DEFAULT_CAPABILITIES, ambient: 0n });
});

Deno.test("grantCapabilities() adds to the default ones, and for other users, too", () => {
  const mask = capabilityMask(["CAP_NET_ADMIN"]);

  deepStrictEqual(grant(["CAP_NET_ADMIN"], []), {
    capabilities: DEFAULT_CAPABILITIES | mask,
    ambient: mask,
  });
});

Deno.test("grantCapabilities() takes away from the default ones", () => {
  deepStrictEqual(grant([], ["CAP_CHOWN", "CAP_SYS_ADMIN"]), {
    capabilities: DEFAULT_CAPABILITIES & ~capabilityMask(["CAP_CHOWN"]),
    ambient: 0n,
  });
});

Deno.test("grantCapabilities() leaves nothing but what is added when all are dropped", () => {
  const mask = capabilityMask(["CAP_CHOWN", "CAP_SYS_ADMIN"]);

  deepStrictEqual(grant(["CAP_CHOWN", "CAP_SYS_ADMIN"], ["ALL"]), {
    capabilities: mask,
    ambient: mask,
  });
});

Deno.test("grantCapabilities() gives all there is but what is dropped", () => {
  const mask = AVAILABLE & ~capabilityMask(["CAP_SYS_ADMIN"]);

  deepStrictEqual(grant(["ALL"], ["CAP_SYS_ADMIN"]), { capabilities: mask, ambient: mask });
});

Deno.test("grantCapabilities() prefers what is added to what is dropped", () => {
  strictEqual(grant(["CAP_CHOWN"], ["CAP_CHOWN"]).capabilities, DEFAULT_CAPABILITIES);
});

Deno.test("grantCapabilities() gives a privileged container all, and its other users nothing", () => {
  deepStrictEqual(grant([], [], true), { capabilities: AVAILABLE, ambient: 0n });
});

Deno.test("grantCapabilities() takes what is dropped away from a privileged container", () => {
  strictEqual(
    grant([], ["CAP_SYS_MODULE"], true).capabilities,
    AVAILABLE & ~capabilityMask(["CAP_SYS_MODULE"]),
  );
  strictEqual(grant([], ["ALL"], true).capabilities, 0n);
});

Deno.test("grantCapabilities() refuses by name what is not there", () => {
  throws(() => grant(["CAP_SYS_RESOURCE"], []), {
    kind: "unsupported",
    message: "invalid CapAdd: capability not supported by your kernel or not available in the " +
      'current environment: "CAP_SYS_RESOURCE"',
  });
});

Deno.test("grantCapabilities() refuses to add and drop all", () => {
  throws(() => grant(["ALL"], ["ALL"]), {
    message: "adding all caps and removing all caps not allowed",
  });
});
