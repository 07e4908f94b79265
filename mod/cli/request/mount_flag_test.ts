import { deepStrictEqual, throws } from "node:assert/strict";
import type { MountSpec } from "../../container/record/mounts.ts";
import { parseMountFlag } from "./mount_flag.ts";

const specs: [text: string, spec: MountSpec][] = [
  ["type=bind,source=/a,target=/b", { Type: "bind", Source: "/a", Target: "/b" }],
  ["type=bind,src=/a,dst=/b", { Type: "bind", Source: "/a", Target: "/b" }],
  ["TYPE=BIND,SRC=/A,Destination=/B", { Type: "bind", Source: "/A", Target: "/B" }],
  ["type=bind,src=.,dst=/b", { Type: "bind", Source: "/here", Target: "/b" }],
  ["type=bind,src=../x,dst=/b", { Type: "bind", Source: "/x", Target: "/b" }],
  ["type=bind,src=.x,dst=/b", { Type: "bind", Source: "/here/.x", Target: "/b" }],
  ['type=bind,"src=/a:1,2 ""3""",dst=/b', { Type: "bind", Source: '/a:1,2 "3"', Target: "/b" }],
  ["type=bind,src=/a=b,dst=/b", { Type: "bind", Source: "/a=b", Target: "/b" }],
  ["type=bind,src=/x,src=/a,dst=/b", { Type: "bind", Source: "/a", Target: "/b" }],
  ...["readonly", "ro", "readonly=true", "ro=1", "readonly=T"].map((word): [string, MountSpec] => [
    `type=bind,src=/a,dst=/b,${word}`,
    { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true },
  ]),
  ...["readonly=false", "ro=0", "ro,ro=F"].map((word): [string, MountSpec] => [
    `type=bind,src=/a,dst=/b,${word}`,
    { Type: "bind", Source: "/a", Target: "/b" },
  ]),
  ["type=bind,src=/a,dst=/b,consistency=Cached", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    Consistency: "cached",
  }],
  ["type=bind,src=/a,dst=/b,bind-propagation=RSlave", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { Propagation: "rslave" },
  }],
  ["type=bind,src=/a,dst=/b,bind-recursive=enabled", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
  }],
  ["type=bind,src=/a,dst=/b,bind-recursive=disabled", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { NonRecursive: true },
  }],
  ["type=bind,src=/a,dst=/b,bind-recursive=writable,readonly", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { ReadOnlyNonRecursive: true },
    ReadOnly: true,
  }],
  ["type=bind,src=/a,dst=/b,bind-recursive=readonly,ro,bind-propagation=rprivate", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { ReadOnlyForceRecursive: true, Propagation: "rprivate" },
    ReadOnly: true,
  }],
  ["type=bind,src=/a,dst=/b,bind-create-src,idmap", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { CreateMountpoint: true, IdMapped: true },
  }],
  ["target=/b", { Type: "volume", Target: "/b" }],
  ["source=data,target=/b,ro", {
    Type: "volume",
    Source: "data",
    Target: "/b",
    ReadOnly: true,
  }],
  ["type=volume,src=data,dst=/b,volume-nocopy", {
    Type: "volume",
    Source: "data",
    Target: "/b",
    VolumeOptions: { DriverConfig: {}, NoCopy: true },
  }],
  ["type=volume,src=data,dst=/b,volume-nocopy=false,volume-subpath=x/y", {
    Type: "volume",
    Source: "data",
    Target: "/b",
    VolumeOptions: { DriverConfig: {}, Subpath: "x/y" },
  }],
  [
    "src=data,dst=/b,volume-label=a=1,volume-label=b,volume-driver=local,volume-opt=type=nfs," +
    '"volume-opt=o=addr=10.0.0.1,rw",volume-opt=device=:/srv',
    {
      Type: "volume",
      Source: "data",
      Target: "/b",
      VolumeOptions: {
        Labels: { a: "1", b: "" },
        DriverConfig: {
          Name: "local",
          Options: { type: "nfs", o: "addr=10.0.0.1,rw", device: ":/srv" },
        },
      },
    },
  ],
  ["type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=0700", {
    Type: "tmpfs",
    Target: "/b",
    TmpfsOptions: { SizeBytes: 1024 ** 2, Mode: 0o700 },
  }],
  ["type=image,src=debian:12,dst=/b,image-subpath=etc", {
    Type: "image",
    Source: "debian:12",
    Target: "/b",
    ImageOptions: { Subpath: "etc" },
  }],
];
for (const [text, spec] of specs) {
  Deno.test(`parseMountFlag() takes "${text}"`, () => {
    deepStrictEqual(parseMountFlag(text, "/here").spec, spec);
  });
}

Deno.test("parseMountFlag() gives the mount, too", () => {
  const { mount, warnings } = parseMountFlag("type=tmpfs,dst=/b/,tmpfs-size=64m,ro", "/here");

  deepStrictEqual(mount, {
    type: "tmpfs",
    target: "/b",
    options: "ro,size=64m",
    isListed: true,
  });
  deepStrictEqual(warnings, []);
});

Deno.test("parseMountFlag() warns of bind-nonrecursive, and does it", () => {
  const { spec, warnings } = parseMountFlag("type=bind,src=/,dst=/b,bind-nonrecursive", "/here");

  deepStrictEqual(spec.BindOptions, { NonRecursive: true });
  deepStrictEqual(warnings, [
    "bind-nonrecursive is deprecated, use bind-recursive=disabled instead",
  ]);
});

const bind = "type=bind,src=/a,dst=/b";
const malformed: [text: string, message: string][] = [
  ["", "value is empty"],
  ["type=volume,bogus=foo", "unexpected key 'bogus' in 'bogus=foo'"],
  ["type=volume,bogus", "invalid field 'bogus' must be a key=value pair"],
  ["toString=1", "unexpected key 'tostring' in 'toString=1'"],
  ["type=bind, src=/a,dst=/b", "unexpected key ' src' in ' src=/a'"],
  [`${bind},`, "invalid field '' must be a key=value pair"],
  [`${bind},source`, "invalid field 'source' must be a key=value pair"],
  ["type=,target=/b", "type is required"],
  ["type=bind,source=/a", "target is required"],
  ["type=bind,source=/a,target=", "target is required"],
  ["type=tmpfs", "target is required"],
  [`${bind},readonly=no`, "invalid value for readonly: no"],
  [`${bind},ro=`, "invalid value for ro: "],
  [`${bind},consistency=eventual`, "invalid value for consistency: eventual"],
  [`${bind},bind-nonrecursive=x`, "invalid value for bind-nonrecursive: x"],
  [`${bind},bind-create-src=x`, "invalid value for bind-create-src: x"],
  [`${bind},idmap=x`, "invalid value for idmap: x"],
  [
    `${bind},bind-recursive=true`,
    "invalid value for bind-recursive: true " +
    '(must be "enabled", "disabled", "writable", or "readonly")',
  ],
  [
    `${bind},bind-recursive=writable`,
    "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
  ],
  [
    `${bind},bind-recursive=readonly`,
    "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
  ],
  [
    `${bind},bind-recursive=readonly,ro`,
    "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' " +
    "to be specified in conjunction",
  ],
  [`${bind},volume-nocopy`, "cannot mix 'volume-*' options with mount type 'bind'"],
  [`${bind},volume-nocopy=false`, "cannot mix 'volume-*' options with mount type 'bind'"],
  [`${bind},tmpfs-size=1m`, "cannot mix 'tmpfs-*' options with mount type 'bind'"],
  [`${bind},image-subpath=x`, "cannot mix 'image-*' options with mount type 'bind'"],
  ["dst=/b,bind-propagation=rslave", "cannot mix 'bind-*' options with mount type 'volume'"],
  ["dst=/b,idmap", "cannot mix 'idmap' with mount type 'volume'"],
  ["type=tmpfs,dst=/b,tmpfs-size=foo", "invalid value for tmpfs-size: foo"],
  ["type=tmpfs,dst=/b,tmpfs-size=-1", "invalid value for tmpfs-size: -1"],
  ["type=tmpfs,dst=/b,tmpfs-mode=999", "invalid value for tmpfs-mode: 999"],
  ["type=tmpfs,dst=/b,tmpfs-mode=10000", "invalid value for tmpfs-mode: 10000"],
];
for (const [text, message] of malformed) {
  Deno.test(`parseMountFlag() refuses "${text}"`, () => {
    throws(() => parseMountFlag(text, "/here"), {
      kind: "invalid_argument",
      exitCode: 125,
      message: `invalid argument "${text}" for "--mount" flag: ${message}`,
    });
  });
}

Deno.test("parseMountFlag() shows quotes and line breaks as Go does", () => {
  throws(() => parseMountFlag('type="bind"\n', "/here"), {
    message: 'invalid argument "type=\\"bind\\"\\n" for "--mount" flag: ' +
      'parse error on line 1, column 6: bare " in non-quoted-field',
  });
});
