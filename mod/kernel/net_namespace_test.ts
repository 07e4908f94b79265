import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { createNetNamespace, inNetNamespace, openNetNamespace } from "./net_namespace.ts";
import { openForReading } from "./open.ts";

const THIS_NAMESPACE = "/proc/thread-self/ns/net";

/** The network namespaces that the threads of this process are in. */
function namespacesOfThreads(): string[] {
  const threads = Array.from(Deno.readDirSync("/proc/self/task"), ({ name }) => name);
  return [...new Set(threads.map((id) => Deno.readLinkSync(`/proc/self/task/${id}/ns/net`)))];
}

function ownNamespace(): string {
  return Deno.readLinkSync(THIS_NAMESPACE);
}

function openPidfd(pid: number): Descriptor {
  return new Descriptor(checked(core.nnn(SYSCALL.pidfd_open, pid, 0, 0), "pidfd_open", ""));
}

Deno.test("createNetNamespace() makes one with nothing but lo, and leaves every thread where it was", () => {
  const before = ownNamespace();

  using namespace = createNetNamespace();

  const links = inNetNamespace(namespace, () => Deno.readTextFileSync("/proc/thread-self/net/dev"));
  deepStrictEqual(Array.from(links.matchAll(/^ *([^\s:]+):/gm), ([, name]) => name), ["lo"]);
  deepStrictEqual(namespacesOfThreads(), [before]);
});

Deno.test("inNetNamespace() acts in the namespace, and all threads are in their own afterwards", () => {
  const before = ownNamespace();
  using namespace = createNetNamespace();

  const within = inNetNamespace(namespace, ownNamespace);

  notStrictEqual(within, before);
  strictEqual(within, Deno.readLinkSync(`/proc/self/fd/${namespace.number}`));
  deepStrictEqual(namespacesOfThreads(), [before]);
});

Deno.test("inNetNamespace() comes back when the act fails", () => {
  const before = ownNamespace();
  using namespace = createNetNamespace();

  throws(() =>
    inNetNamespace(namespace, () => {
      throw new RangeError("Cannot act: it is a test");
    }), { message: "Cannot act: it is a test" });

  strictEqual(ownNamespace(), before);
});

Deno.test("inNetNamespace() finds its way back through several", () => {
  const before = ownNamespace();
  using outer = createNetNamespace();
  using inner = createNetNamespace();

  const seen = inNetNamespace(outer, () => {
    const first = ownNamespace();
    const second = inNetNamespace(inner, ownNamespace);
    return [first, second, ownNamespace()];
  });

  strictEqual(seen[0], seen[2]);
  strictEqual(new Set([before, ...seen]).size, 3);
  deepStrictEqual(namespacesOfThreads(), [before]);
});

Deno.test("inNetNamespace() refuses what is no network namespace", () => {
  using other = openForReading("/proc/self/ns/uts");

  throws(() => inNetNamespace(other, () => {}), {
    message: 'Cannot setns "CLONE_NEWNET": invalid argument (EINVAL)',
  });
});

Deno.test("openNetNamespace() opens the namespace of a process", async () => {
  using namespace = createNetNamespace();
  const child = inNetNamespace(
    namespace,
    () => new Deno.Command("sleep", { args: ["100"] }).spawn(),
  );
  using pidfd = openPidfd(child.pid);

  using opened = openNetNamespace(pidfd);

  child.kill("SIGKILL");
  await child.status;
  strictEqual(
    Deno.readLinkSync(`/proc/self/fd/${opened.number}`),
    Deno.readLinkSync(`/proc/self/fd/${namespace.number}`),
  );
});

Deno.test("openNetNamespace() refuses a process that has ended", async () => {
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  using pidfd = openPidfd(child.pid);
  child.kill("SIGKILL");
  await child.status;

  throws(() => openNetNamespace(pidfd), {
    message: 'Cannot setns "CLONE_NEWNET": no such process (ESRCH)',
  });
});
