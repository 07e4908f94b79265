import { deepStrictEqual, throws } from "node:assert/strict";
import { PRIVATE_NAMESPACES } from "../../container/record/namespaces.ts";
import { type NamespaceFlags, planNamespaces } from "./namespace_flags.ts";

function flags(changes: Partial<NamespaceFlags>): NamespaceFlags {
  return {
    cgroupns: undefined,
    ipc: undefined,
    pid: undefined,
    uts: undefined,
    hostname: undefined,
    domainname: undefined,
    ...changes,
  };
}

Deno.test("planNamespaces() has all private when nobody says anything, or nothing", () => {
  deepStrictEqual(planNamespaces(flags({})), PRIVATE_NAMESPACES);
  deepStrictEqual(
    planNamespaces(flags({ cgroupns: "", ipc: "", pid: "", uts: "" })),
    PRIVATE_NAMESPACES,
  );
});

Deno.test("planNamespaces() reads every mode", () => {
  for (const pid of ["private", "host", "container:web"] as const) {
    deepStrictEqual(planNamespaces(flags({ pid })), { ...PRIVATE_NAMESPACES, pid });
  }
  for (const ipc of ["private", "shareable", "none", "host", "container:web"] as const) {
    deepStrictEqual(planNamespaces(flags({ ipc })), { ...PRIVATE_NAMESPACES, ipc });
  }
  for (const mode of ["private", "host"] as const) {
    deepStrictEqual(planNamespaces(flags({ uts: mode })), { ...PRIVATE_NAMESPACES, uts: mode });
    deepStrictEqual(planNamespaces(flags({ cgroupns: mode })), {
      ...PRIVATE_NAMESPACES,
      cgroup: mode,
    });
  }
});

for (const pid of ["shareable", "container:", "container", "Host", "ns:/proc/1/ns/pid", " "]) {
  Deno.test(`planNamespaces() refuses --pid "${pid}" as docker's client does`, () => {
    throws(() => planNamespaces(flags({ pid })), {
      message: "--pid: invalid PID mode",
      exitCode: 125,
    });
  });
}

for (const text of ["container:web", "none", "shareable", "x"]) {
  Deno.test(`planNamespaces() refuses --uts and --cgroupns "${text}"`, () => {
    throws(() => planNamespaces(flags({ uts: text })), {
      message: "--uts: invalid UTS mode",
      exitCode: 125,
    });
    throws(() => planNamespaces(flags({ cgroupns: text })), {
      message: "--cgroupns: invalid CGROUP mode",
      exitCode: 125,
    });
  });
}

for (const ipc of ["container:", "shared", "HOST"]) {
  Deno.test(`planNamespaces() refuses --ipc "${ipc}" as docker's daemon does`, () => {
    throws(() => planNamespaces(flags({ ipc })), {
      message: `invalid IPC mode: ${ipc}`,
      exitCode: undefined,
    });
  });
}

Deno.test("planNamespaces() refuses a name for a container that has the host's", () => {
  throws(() => planNamespaces(flags({ uts: "host", hostname: "box" })), {
    message: "conflicting options: hostname and the UTS mode",
  });
  throws(() => planNamespaces(flags({ uts: "host", domainname: "example.org" })), {
    message: "conflicting options: domainname and the UTS mode",
  });
});

Deno.test("planNamespaces() lets a container of its own have any name", () => {
  deepStrictEqual(planNamespaces(flags({ hostname: "box", domainname: "d" })), PRIVATE_NAMESPACES);
});
