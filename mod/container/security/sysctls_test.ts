import { strictEqual, throws } from "node:assert/strict";
import { checkSysctls, sysctlNamespace, sysctlPath } from "./sysctls.ts";

const KINDS: readonly (readonly [name: string, kind: string | undefined])[] = [
  ["net.core.somaxconn", "net"],
  ["net.ipv4.conf.eth0/7.rp_filter", "net"],
  ["kernel.shm_rmid_forced", "ipc"],
  ["kernel.sem", "ipc"],
  ["fs.mqueue.msg_max", "ipc"],
  ["kernel.domainname", "uts"],
  ["kernel.hostname", undefined],
  ["kernel.core_pattern", undefined],
  ["vm.swappiness", undefined],
  ["kernel.msgmax.x", undefined],
  ["net", undefined],
  ["net.", undefined],
  ["net..core", undefined],
  ["net.//.kernel.core_pattern", undefined],
  ["net.ipv4.//.//.kernel.core_pattern", undefined],
  ["fs.mqueue.//.//.kernel.core_pattern", undefined],
  ["net/core/somaxconn", undefined],
  ["", undefined],
];
for (const [name, kind] of KINDS) {
  Deno.test(`sysctlNamespace() of "${name}" is ${kind}`, () => {
    strictEqual(sysctlNamespace(name), kind);
  });
}

Deno.test("sysctlPath() takes a slash for a dot in a name", () => {
  strictEqual(sysctlPath("net.ipv4.conf.eth0/7.rp_filter"), "net/ipv4/conf/eth0.7/rp_filter");
});

Deno.test("checkSysctls() refuses what is the host's", () => {
  throws(() => checkSysctls({ "net.core.somaxconn": "1", "vm.swappiness": "1" }), {
    kind: "invalid_argument",
    message: "Cannot set the sysctl \"vm.swappiness\": it is not a container's own but the host's",
  });
});

Deno.test("checkSysctls() refuses an empty value, which would change nothing", () => {
  throws(() => checkSysctls({ "net.core.somaxconn": "" }), {
    message: 'Cannot set the sysctl "net.core.somaxconn" to ""',
  });
});
