import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { checkRelabelling, checkVolumeDriver, parseVolumeFlag } from "./volume_flag.ts";

const BIND = {
  type: "bind",
  source: "/a",
  target: "/b",
  createsSource: true,
  isReadOnly: false,
  propagation: "rprivate",
  mode: "",
};
const VOLUME = {
  type: "volume",
  name: "data",
  target: "/b",
  isReadOnly: false,
  copiesContent: true,
  subpath: "",
  mode: "z",
};

const mounts: [text: string, expected: Record<string, unknown>][] = [
  ["/a:/b", BIND],
  ["/a:/b:rw", { ...BIND, mode: "rw" }],
  ["/a:/b:ro", { ...BIND, isReadOnly: true, mode: "ro" }],
  ["/a:/b:z", { ...BIND, mode: "z" }],
  ["/a:/b:cached", { ...BIND, mode: "cached" }],
  ["/a:/b:private", { ...BIND, propagation: "private", mode: "private" }],
  ["/a:/b:rprivate", { ...BIND, propagation: "rprivate", mode: "rprivate" }],
  ["/a:/b:slave", { ...BIND, propagation: "slave", mode: "slave" }],
  ["/a:/b:shared", { ...BIND, propagation: "shared", mode: "shared" }],
  ["/a:/b:rshared", { ...BIND, propagation: "rshared", mode: "rshared" }],
  ["/a:/b:ro,Z,rslave,delegated", {
    ...BIND,
    isReadOnly: true,
    propagation: "rslave",
    mode: "ro,Z,rslave,delegated",
  }],
  ["/a:/b:idmap,ro", {
    ...BIND,
    isReadOnly: true,
    isIdMapped: true,
    createsSource: false,
    mode: "idmap,ro",
  }],
  [".:/b", { ...BIND, source: "/here" }],
  ["./x:/b", { ...BIND, source: "/here/x" }],
  ["../x:/b", { ...BIND, source: "/x" }],
  [".hidden:/b", { ...BIND, source: "/here/.hidden" }],
  ["/a//c/:/b/../d/", { ...BIND, source: "/a/c", target: "/d" }],
  ["/proc:/proc", { ...BIND, source: "/proc", target: "/proc" }],
  ["data:/b", VOLUME],
  ["d2:/b", { ...VOLUME, name: "d2" }],
  ["data:/b:ro", { ...VOLUME, isReadOnly: true, mode: "ro" }],
  ["data:/b:nocopy", { ...VOLUME, copiesContent: false, mode: "nocopy" }],
  ["data:/b:rw,nocopy,consistent", {
    ...VOLUME,
    copiesContent: false,
    mode: "rw,nocopy,consistent",
  }],
];
for (const [text, expected] of mounts) {
  Deno.test(`parseVolumeFlag() takes "${text}"`, () => {
    const parsed = parseVolumeFlag(text, "/here");

    deepStrictEqual(parsed.type === "mount" && parsed.mount, expected);
  });
}

const binds: [text: string, bind: string][] = [
  ["/a//c/:/b", "/a//c/:/b"],
  ["./x:/b:ro", "/here/x:/b:ro"],
  ["data:/b:nocopy", "data:/b:nocopy"],
];
for (const [text, bind] of binds) {
  Deno.test(`parseVolumeFlag() makes "${bind}" of "${text}" for docker's API`, () => {
    const parsed = parseVolumeFlag(text, "/here");

    strictEqual(parsed.type === "mount" && parsed.bind, bind);
  });
}

Deno.test("parseVolumeFlag() takes a path alone for a volume without a name", () => {
  deepStrictEqual(parseVolumeFlag("/a//b/", "/here"), { type: "anonymous", target: "/a/b" });
});

Deno.test("parseVolumeFlag() tells of z and Z", () => {
  const isRelabelled = (text: string): unknown => {
    const parsed = parseVolumeFlag(text, "/here");
    return parsed.type === "mount" && parsed.isRelabelled;
  };

  deepStrictEqual(
    ["/a:/b:z", "/a:/b:ro,Z", "data:/b:z", "data:/b"].map(isRelabelled),
    [true, true, true, false],
  );
});

const invalid = (text: string, type: string, why: string): string =>
  `invalid volume specification: '${text}': invalid mount config for type "${type}": ${why}`;

const malformed: [text: string, message: string][] = [
  ["", "invalid empty volume spec"],
  [":", "invalid spec: :: empty section between colons"],
  [":/b", "invalid spec: :/b: empty section between colons"],
  ["/a:", "invalid spec: /a:: empty section between colons"],
  ["/a::ro", "invalid spec: /a::ro: empty section between colons"],
  ["/a:/b:", "invalid spec: /a:/b:: empty section between colons"],
  ["/a:/b:ro:x", "invalid spec: /a:/b:ro:x: too many colons"],
  ["/a:/b:ro:", "invalid spec: /a:/b:ro:: too many colons"],
  ["/b:ro", "invalid volume specification: '/b:ro'"],
  ["/b:nocopy,z", "invalid volume specification: '/b:nocopy,z'"],
  [
    "b",
    invalid("b", "volume", "invalid mount path: 'b' mount path must be absolute"),
  ],
  ["/", invalid("/", "volume", "invalid specification: destination can't be '/'")],
  [
    "/a:b",
    invalid("/a:b", "bind", "invalid mount path: 'b' mount path must be absolute"),
  ],
  ["/a:/", invalid("/a:/", "bind", "invalid specification: destination can't be '/'")],
  [
    "data:/b/..",
    invalid("data:/b/..", "volume", "invalid specification: destination can't be '/'"),
  ],
  [
    "/a:/proc",
    invalid("/a:/proc", "bind", '"/proc" cannot be mounted because it is not of type proc'),
  ],
  [
    "/a:/proc/1",
    invalid("/a:/proc/1", "bind", '"/proc/1" cannot be mounted because it is inside /proc'),
  ],
  ["/a:/b:fast", "invalid mode: fast"],
  ["/a:/b:ro,", "invalid mode: ro,"],
  ["/a:/b:RO", "invalid mode: RO"],
  ["/a:/b:volume-nocopy", "invalid mode: volume-nocopy"],
  ["/a:/b:ro,rw", "invalid mode: ro,rw"],
  ["/a:/b:ro,ro", "invalid mode: ro,ro"],
  ["/a:/b:z,Z", "invalid mode: z,Z"],
  ["/a:/b:rslave,shared", "invalid mode: rslave,shared"],
  ["/a:/b:cached,delegated", "invalid mode: cached,delegated"],
  ["/a:/b:nocopy", invalid("/a:/b:nocopy", "bind", "field VolumeOptions must not be specified")],
  [
    "data:/b:rslave",
    invalid("data:/b:rslave", "volume", "field BindOptions must not be specified"),
  ],
  ["data:/b:idmap", invalid("data:/b:idmap", "volume", "idmap is for directories of the host")],
];
for (const [text, message] of malformed) {
  Deno.test(`parseVolumeFlag() refuses "${text}"`, () => {
    throws(() => parseVolumeFlag(text, "/here"), { kind: "invalid_argument", message });
  });
}

for (const name of ["x", "-data", "a/b", "~/a", "dä", "a b", "_a"]) {
  Deno.test(`parseVolumeFlag() refuses the name "${name}"`, () => {
    throws(() => parseVolumeFlag(`${name}:/b`, "/here"), { kind: "invalid_argument" });
  });
}

Deno.test("checkVolumeDriver() takes the only one there is, and refuses others", () => {
  checkVolumeDriver("");
  checkVolumeDriver("local");
  throws(() => checkVolumeDriver("rexray"), {
    kind: "unsupported",
    message: 'error looking up volume plugin rexray: plugin "rexray" not found',
  });
});

Deno.test("checkRelabelling() refuses only where SELinux is enforcing", () => {
  const file = Deno.makeTempFileSync();
  try {
    checkRelabelling("/a:/b:z", "/nonexistent");
    Deno.writeTextFileSync(file, "0");
    checkRelabelling("/a:/b:z", file);
    Deno.writeTextFileSync(file, "1");

    throws(() => checkRelabelling("/a:/b:z", file), {
      kind: "unsupported",
      message: 'Cannot relabel "/a:/b:z": SELinux is enforcing, and wherry sets no labels',
    });
  } finally {
    Deno.removeSync(file);
  }
});
