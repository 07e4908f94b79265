import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../errors.ts";
import { parseTmpfsFlag, parseVolumeFlag } from "./mounts.ts";

const bind = { type: "bind", createsSource: true, isReadOnly: false, propagation: "rprivate" };

const cases: [text: string, expected: Record<string, unknown>][] = [
  ["/a:/b", { source: "/a", target: "/b" }],
  ["/a:/b:ro", { source: "/a", target: "/b", isReadOnly: true }],
  ["/a:/b:ro,z,rslave", {
    source: "/a",
    target: "/b",
    isReadOnly: true,
    propagation: "rslave",
  }],
  ["/a:/b:idmap,ro", {
    source: "/a",
    target: "/b",
    isReadOnly: true,
    isIdMapped: true,
    createsSource: false,
  }],
  ["/a:/b:rw", { source: "/a", target: "/b" }],
  [".:/b", { source: "/here", target: "/b" }],
  ["./x:/b", { source: "/here/x", target: "/b" }],
  ["../x:/b", { source: "/x", target: "/b" }],
  ["/a//c/:/b/../d/", { source: "/a/c", target: "/d" }],
];
for (const [text, expected] of cases) {
  Deno.test(`parseVolumeFlag() takes "${text}"`, () => {
    deepStrictEqual(parseVolumeFlag(text, "/here"), { ...bind, ...expected });
  });
}

const malformed: [text: string, why: string][] = [
  ["", "it is not SOURCE:TARGET[:OPTIONS]"],
  ["/a", "it is not SOURCE:TARGET[:OPTIONS]"],
  [":/b", "it is not SOURCE:TARGET[:OPTIONS]"],
  ["/a:", "it is not SOURCE:TARGET[:OPTIONS]"],
  ["/a:/b:ro:x", "it is not SOURCE:TARGET[:OPTIONS]"],
  ["/a:b", "the target is not an absolute path"],
  ["/a:/", "the target cannot be /"],
  ["/a:/b/..", "the target cannot be /"],
  ["/a:/b:fast", 'unknown option "fast"'],
  ["/a:/b:ro,rw", '"ro" and "rw" exclude each other'],
];
for (const [text, why] of malformed) {
  Deno.test(`parseVolumeFlag() refuses "${text}": ${why}`, () => {
    throws(
      () => parseVolumeFlag(text, "/here"),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message === `Cannot mount "${text}": ${why}`,
    );
  });
}

Deno.test("parseVolumeFlag() says that named volumes are not there yet", () => {
  throws(
    () => parseVolumeFlag("data:/b", "/here"),
    (error: unknown) => error instanceof WherryError && error.kind === "unsupported",
  );
});

Deno.test("parseTmpfsFlag() takes a path with options", () => {
  deepStrictEqual(parseTmpfsFlag("/run:size=1m,exec"), {
    type: "tmpfs",
    target: "/run",
    options: "size=1m,exec",
  });
});

Deno.test("parseTmpfsFlag() refuses the root", () => {
  throws(() => parseTmpfsFlag("/"), WherryError);
});

Deno.test("parseTmpfsFlag() names an option that tmpfs does not take", () => {
  for (const option of ["size=much", "mode=9", "nonsense", "uid=root"]) {
    throws(() => parseTmpfsFlag(`/run:ro,${option}`), {
      message: `Cannot mount "/run:ro,${option}": tmpfs takes no option "${option}"`,
    });
  }
});
