import { deepStrictEqual, throws } from "node:assert/strict";
import { fakeVolumeMount, recordContainer } from "../../../tests/fakes/recorded_container.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import type { BindMount, ContainerMount } from "../../container/record/mounts.ts";
import { Engine } from "../base/engine.ts";
import { createVolume } from "./volumes.ts";
import { findBorrowedMounts, type VolumesFromRequest } from "./volumes_from.ts";

const BIND: BindMount = {
  type: "bind",
  source: "/srv",
  target: "/bound",
  isReadOnly: false,
  createsSource: true,
  propagation: "rprivate",
};

/** An engine of its own with the volumes `data` and `logs`. */
class Host implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly engine = new Engine({
    root: this.#directory.join("a"),
    runRoot: this.#directory.join("b"),
  });

  constructor() {
    for (const name of ["data", "logs"]) createVolume(this.engine, { name });
  }

  borrow(
    requests: readonly (string | VolumesFromRequest)[],
    { hasOwnIds = false }: { hasOwnIds?: boolean } = {},
  ): ContainerMount[] {
    const wanted = requests.map((one) => typeof one === "string" ? { container: one } : one);
    return findBorrowedMounts(this.engine, wanted, { hasOwnIds });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

Deno.test("findBorrowedMounts() takes binds and volumes, and leaves tmpfs and images", () => {
  using host = new Host();
  const mounts: ContainerMount[] = [
    BIND,
    fakeVolumeMount(),
    { type: "tmpfs", target: "/memory", options: "" },
    { type: "image", imageId: "x", reference: "x", layers: [], target: "/image", subpath: "" },
  ];
  recordContainer(host.engine, { name: "web", mounts });

  deepStrictEqual(host.borrow(["web"]), [BIND, fakeVolumeMount({ copiesContent: false })]);
});

Deno.test("findBorrowedMounts() can make mounts read-only, but never writable", () => {
  using host = new Host();
  recordContainer(host.engine, { name: "one", mounts: [BIND] });
  recordContainer(host.engine, { name: "two", mounts: [{ ...BIND, isReadOnly: true }] });

  deepStrictEqual(host.borrow([{ container: "one", isReadOnly: true }]), [
    { ...BIND, isReadOnly: true },
  ]);
  deepStrictEqual(host.borrow([{ container: "one", isReadOnly: false }]), [BIND]);
  deepStrictEqual(host.borrow([{ container: "two", isReadOnly: false }]), [
    { ...BIND, isReadOnly: true },
  ]);
});

Deno.test("findBorrowedMounts() has the last container win at one target", () => {
  using host = new Host();
  recordContainer(host.engine, { name: "one", mounts: [fakeVolumeMount()] });
  recordContainer(host.engine, { name: "two", mounts: [fakeVolumeMount({ name: "logs" })] });

  deepStrictEqual(
    host.borrow(["one", "two"]),
    [fakeVolumeMount({ name: "logs", copiesContent: false })],
  );
});

Deno.test("findBorrowedMounts() maps ids only for who has some of its own", () => {
  using host = new Host();
  recordContainer(host.engine, { name: "web", mounts: [{ ...BIND, isIdMapped: true }] });

  deepStrictEqual(host.borrow(["web"]), [BIND]);
  deepStrictEqual(host.borrow(["web"], { hasOwnIds: true }), [{ ...BIND, isIdMapped: true }]);
});

Deno.test("findBorrowedMounts() refuses a container or a volume that is gone", () => {
  using host = new Host();
  recordContainer(host.engine, { name: "web", mounts: [fakeVolumeMount({ name: "lost" })] });

  throws(() => host.borrow(["nobody"]), {
    kind: "not_found",
    message: "No such container: nobody",
    exitCode: undefined,
  });
  throws(() => host.borrow(["web"]), {
    kind: "not_found",
    message: 'Cannot use the volumes of container "web": its volume "lost" does not exist any more',
  });
});
