import { deepStrictEqual, doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import { PRIVATE_NAMESPACES } from "../../container/record/namespaces.ts";
import { DEFAULT_PROCESS_SECURITY } from "../../container/security/process_security.ts";
import { DEFAULT_SECURITY, type Security } from "../../container/security/security.ts";
import { ALL_CAPABILITIES, capabilityBit } from "../../kernel/capability.ts";
import { isPresent } from "../../kernel/entry.ts";
import { readHardLimits } from "../../kernel/resource_limit.ts";
import { containerSecurity, execSecurity } from "./security.ts";

function configWith(
  security: Partial<Security>,
  changes: Partial<ContainerConfig> = {},
): ContainerConfig {
  return fakeContainerConfig({ security: { ...DEFAULT_SECURITY, ...security }, ...changes });
}

const NET_BIND = { addedCapabilities: ["CAP_NET_BIND_SERVICE"] };

Deno.test("containerSecurity() of nothing asked for is the default", () => {
  deepStrictEqual(containerSecurity(configWith({})), DEFAULT_PROCESS_SECURITY);
});

Deno.test("containerSecurity() has limits by number, the last of each name", () => {
  const ulimits = [
    { name: "nofile", soft: 1, hard: 2 },
    { name: "core", soft: 0, hard: 0 },
    { name: "nofile", soft: 3, hard: 4 },
  ];

  deepStrictEqual(containerSecurity(configWith({ ulimits })).limits, [
    { resource: 7, soft: 3n, hard: 4n },
    { resource: 4, soft: 0n, hard: 0n },
  ]);
});

Deno.test("containerSecurity() refuses to raise a limit in a user namespace", () => {
  const nofile = readHardLimits()[7] ?? -1n;
  const namespaces = { ...PRIVATE_NAMESPACES, idRange: { first: 100_000, count: 65_536 } };
  const ulimits = [{ name: "nofile", soft: -1, hard: -1 }];

  throws(() => containerSecurity(configWith({ ulimits }, { namespaces })), {
    kind: "unsupported",
    message: `Cannot raise the limit nofile to unlimited: it is ${nofile} here, and raising it ` +
      "takes CAP_SYS_RESOURCE, which wherry lacks",
    hint: `Ask for at most ${nofile}`,
  });
});

Deno.test("containerSecurity() gives a privileged container with ids of its own everything", () => {
  const namespaces = { ...PRIVATE_NAMESPACES, idRange: { first: 100_000, count: 65_536 } };

  const { capabilities } = containerSecurity(configWith({ isPrivileged: true }, { namespaces }));

  strictEqual(capabilities, ALL_CAPABILITIES);
});

Deno.test("containerSecurity() refuses an AppArmor profile where there is no AppArmor", {
  ignore: isPresent("/sys/module/apparmor"),
}, () => {
  throws(() => containerSecurity(configWith({ apparmorProfile: "strict" })), {
    kind: "unsupported",
    message:
      'Cannot confine the container by the AppArmor profile "strict": this host has no AppArmor',
  });
});

Deno.test("containerSecurity() has no profile when unconfined", () => {
  strictEqual(
    containerSecurity(configWith({ apparmorProfile: "unconfined" })).apparmorProfile,
    undefined,
  );
});

const OF_HOST = { ...PRIVATE_NAMESPACES, ipc: "host", uts: "host" } as const;
const refused: readonly (readonly [
  name: string,
  changes: Partial<ContainerConfig>,
  message: string,
])[] = [
  [
    "net.core.somaxconn",
    { networkMode: "host" },
    'sysctl "net.core.somaxconn" not allowed in host network namespace',
  ],
  [
    "kernel.sem",
    { namespaces: OF_HOST },
    'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
  ],
  [
    "kernel.domainname",
    { namespaces: OF_HOST },
    'sysctl "kernel.domainname" is not in a separate kernel namespace',
  ],
  [
    "net.core.somaxconn",
    { networkMode: `container:${"a".repeat(64)}` },
    'Cannot set the sysctl "net.core.somaxconn": its namespace is another container\'s',
  ],
];
for (const [name, changes, message] of refused) {
  Deno.test(`containerSecurity() refuses: ${message}`, () => {
    throws(() => containerSecurity(configWith({ sysctls: { [name]: "1" } }, changes)), {
      kind: "invalid_argument",
      message,
    });
  });
}

for (const ipc of ["host", "none"] as const) {
  Deno.test(`containerSecurity() refuses a size of /dev/shm with --ipc ${ipc}`, () => {
    const namespaces = { ...PRIVATE_NAMESPACES, ipc };

    throws(() => containerSecurity(configWith({ shmSize: 4096 }, { namespaces })), {
      kind: "invalid_argument",
      message: `Cannot make /dev/shm of 4096 bytes: with --ipc ${ipc} the container has none of ` +
        "its own",
    });
  });
}

Deno.test("execSecurity() has what was added for the container's user", () => {
  const config = configWith(NET_BIND, { user: "web" });

  strictEqual(execSecurity(config, {}).ambient, capabilityBit("CAP_NET_BIND_SERVICE"));
  strictEqual(
    execSecurity(config, { user: "web" }).ambient,
    capabilityBit("CAP_NET_BIND_SERVICE"),
  );
});

Deno.test("execSecurity() has not what was added for another user", () => {
  strictEqual(execSecurity(configWith(NET_BIND, { user: "web" }), { user: "log" }).ambient, 0n);
});

Deno.test("containerSecurity() refuses writable cgroups of the whole host", () => {
  const namespaces = { ...PRIVATE_NAMESPACES, cgroup: "host" as const };

  throws(() => containerSecurity(configWith({ hasWritableCgroups: true }, { namespaces })), {
    kind: "invalid_argument",
    message:
      "Cannot make the cgroups writable: with --cgroupns host they are those of the whole host",
    hint: "Leave out --cgroupns host or --security-opt writable-cgroups",
  });
});

Deno.test("containerSecurity() lets a privileged container write to the host's cgroups", () => {
  const namespaces = { ...PRIVATE_NAMESPACES, cgroup: "host" as const };
  const config = configWith({ hasWritableCgroups: true, isPrivileged: true }, { namespaces });

  doesNotThrow(() => containerSecurity(config));
});
