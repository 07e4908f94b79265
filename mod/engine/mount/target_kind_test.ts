import { doesNotThrow, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import type { BindMount, ContainerMount, TmpfsMount } from "../../container/record/mounts.ts";
import { checkTargetKinds } from "./target_kind.ts";

/** A root file system of one layer with a directory, a file and links, and two sources of the host. */
class Root implements Disposable {
  readonly #directory = new TemporaryDirectory();

  constructor() {
    for (const path of ["layer/etc/app", "layer/dev", "source"]) {
      Deno.mkdirSync(this.path(path), { recursive: true });
    }
    for (const path of ["layer/file", "layer/dev/null", "source/file"]) {
      Deno.writeTextFileSync(this.path(path), "");
    }
    Deno.symlinkSync("file", this.path("layer/link"));
    Deno.symlinkSync("etc", this.path("layer/configuration"));
  }

  path(path: string): string {
    return this.#directory.join(path);
  }

  bind(source: string, target: string, createsSource = false): BindMount {
    const [isReadOnly, propagation] = [false, "rprivate"] as const;
    return {
      type: "bind",
      source: this.path(source),
      target,
      isReadOnly,
      createsSource,
      propagation,
    };
  }

  check(...mounts: readonly ContainerMount[]): void {
    checkTargetKinds({ directories: [this.path("layer")], mayHoldMarkers: false }, mounts);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function tmpfs(target: string): TmpfsMount {
  return { type: "tmpfs", target, options: "" };
}

Deno.test("checkTargetKinds() refuses a directory on a file and a file on a directory", () => {
  using root = new Root();
  const cases: readonly [mount: ContainerMount, message: string][] = [
    [root.bind("source", "/file"), "it is a directory, and the target a file"],
    [root.bind("source/made", "/file", true), "it is a directory, and the target a file"],
    [root.bind("source/file", "/etc/app"), "it is a file, and the target a directory"],
    [tmpfs("/file"), "it is a directory, and the target a file"],
  ];

  for (const [mount, message] of cases) {
    const what = mount.type === "bind" ? `"${mount.source}"` : "a tmpfs";
    throws(() => root.check(mount), {
      kind: "invalid_argument",
      message: `Cannot mount ${what} on "${mount.target}": ${message}`,
    });
  }
});

Deno.test("checkTargetKinds() takes what is of one kind, and targets that are missing", () => {
  using root = new Root();

  doesNotThrow(() =>
    root.check(
      root.bind("source", "/etc/app"),
      root.bind("source/file", "/file"),
      root.bind("source/file", "/missing"),
      tmpfs("/etc"),
    )
  );
});

Deno.test("checkTargetKinds() leaves to the start what the image alone does not tell", () => {
  using root = new Root();

  doesNotThrow(() => {
    // Another mount is above it, perhaps by a link
    root.check(tmpfs("/etc"), root.bind("source/file", "/etc/app"));
    root.check(root.bind("source", "/etc"), root.bind("source/file", "/configuration/app"));
    root.check(root.bind("source", "/link"));
    // The container has its own
    root.check(root.bind("source", "/dev/null"));
    // There is no telling what it is
    root.check(root.bind("source/file/below", "/file", true), root.bind("source/none", "/file"));
  });
});
