import { strictEqual, throws } from "node:assert/strict";
import { TestNetwork } from "../../tests/test_network.ts";
import { readSysctl, writeSysctl } from "./sysctl.ts";

const FORWARDING = "net/ipv4/ip_forward";

Deno.test("writeSysctl() changes a setting of the thread's network namespace alone", () => {
  using network = new TestNetwork();
  using other = new TestNetwork();
  network.within(() => writeSysctl(FORWARDING, "0"));
  other.within(() => writeSysctl(FORWARDING, "0"));

  network.within(() => writeSysctl(FORWARDING, "1"));

  strictEqual(network.within(() => readSysctl(FORWARDING)), "1");
  strictEqual(other.within(() => readSysctl(FORWARDING)), "0");
});

Deno.test("readSysctl() gives nothing when the kernel does not have the setting", () => {
  strictEqual(readSysctl("net/ipv4/conf/missing0/forwarding"), undefined);
});

Deno.test("writeSysctl() names a setting that the kernel does not have", () => {
  throws(() => writeSysctl("net/ipv4/conf/missing0/forwarding", "1"), {
    name: "SystemError",
    code: "ENOENT",
    message: 'Cannot open "/proc/sys/net/ipv4/conf/missing0/forwarding": ' +
      "no such file or directory (ENOENT)",
  });
});

Deno.test("writeSysctl() names a setting that cannot have the value", () => {
  using network = new TestNetwork();

  throws(() => network.within(() => writeSysctl(FORWARDING, "yes")), {
    name: "SystemError",
    code: "EINVAL",
    message: 'Cannot write "/proc/sys/net/ipv4/ip_forward": invalid argument (EINVAL)',
  });
});
