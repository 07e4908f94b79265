import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { NO_GIVEN_MOUNTS } from "../../container/record/mounts.ts";
import {
  describeGivenMounts,
  describeMounts,
  describeSpecs,
  describeTmpfs,
  describeVolumes,
} from "./inspect_mounts.ts";

const find = (name: string): string => `/volumes/${name}/_data`;

Deno.test("describeMounts() gives docker's shape of each kind, and leaves --tmpfs out", () => {
  const bind = {
    type: "bind",
    source: "/srv",
    target: "/a",
    isReadOnly: true,
    createsSource: true,
    propagation: "rslave",
  } as const;
  const volume = {
    type: "volume",
    name: "data",
    target: "/b",
    isReadOnly: false,
    isAnonymous: false,
    copiesContent: true,
    subpath: "x",
  } as const;

  const described = describeMounts([
    { ...bind, mode: "ro,rslave" },
    { ...bind, target: "/c" },
    { ...volume, mode: "z" },
    { type: "tmpfs", target: "/d", options: "size=1m" },
    { type: "tmpfs", target: "/e", options: "ro,size=1m", isListed: true },
    { type: "image", imageId: "", reference: "debian", layers: [], target: "/f", subpath: "" },
  ], find);

  strictEqual(
    described.map((mount) => JSON.stringify(mount)).join("\n"),
    [
      '{"Type":"bind","Source":"/srv","Destination":"/a","Mode":"ro,rslave","RW":false,' +
      '"Propagation":"rslave"}',
      '{"Type":"bind","Source":"/srv","Destination":"/c","Mode":"","RW":false,' +
      '"Propagation":"rslave"}',
      '{"Type":"volume","Name":"data","Source":"/volumes/data/_data","Destination":"/b",' +
      '"Driver":"local","Mode":"z","RW":true,"Propagation":""}',
      '{"Type":"tmpfs","Source":"","Destination":"/e","Mode":"","RW":false,"Propagation":""}',
      '{"Type":"image","Name":"debian","Source":"","Destination":"/f","Mode":"","RW":false,' +
      '"Propagation":"rprivate"}',
    ].join("\n"),
  );
});

Deno.test("describeTmpfs() leaves out what --mount made", () => {
  deepStrictEqual(
    describeTmpfs([
      { type: "tmpfs", target: "/b", options: "" },
      { type: "tmpfs", target: "/a", options: "size=1m" },
      { type: "tmpfs", target: "/c", options: "", isListed: true },
    ]),
    { Tmpfs: { "/a": "size=1m", "/b": "" } },
  );
  deepStrictEqual(describeTmpfs([]), {});
});

Deno.test("describeGivenMounts() gives what was said, and null for nothing", () => {
  deepStrictEqual(describeGivenMounts({ givenMounts: NO_GIVEN_MOUNTS }), {
    Binds: null,
    VolumeDriver: "",
    VolumesFrom: null,
  });
  deepStrictEqual(
    describeGivenMounts({
      givenMounts: {
        ...NO_GIVEN_MOUNTS,
        binds: ["data:/a"],
        volumeDriver: "local",
        volumesFrom: ["web:ro"],
      },
    }),
    { Binds: ["data:/a"], VolumeDriver: "local", VolumesFrom: ["web:ro"] },
  );
});

Deno.test("describeSpecs() has docker's fields in docker's order", () => {
  const specs = [
    {
      VolumeOptions: {
        DriverConfig: { Options: { type: "nfs", o: "rw" }, Name: "" },
        Subpath: "x",
        Labels: { b: "", a: "1" },
        NoCopy: true,
      },
      Target: "/a",
      Source: "data",
      Type: "volume",
    },
    {
      Type: "bind",
      Source: "/srv",
      Target: "/b",
      BindOptions: { NonRecursive: true, Propagation: "rslave" },
      Consistency: "cached",
      ReadOnly: true,
    },
    { Type: "tmpfs", Target: "/c", TmpfsOptions: { Mode: 1023, SizeBytes: 1024 } },
    { Type: "volume", Target: "/d", VolumeOptions: { Labels: {}, DriverConfig: { Options: {} } } },
  ];

  strictEqual(
    JSON.stringify(describeSpecs({ givenMounts: { ...NO_GIVEN_MOUNTS, specs } })),
    '{"Mounts":[{"Type":"volume","Source":"data","Target":"/a","VolumeOptions":{"NoCopy":true,' +
      '"Labels":{"a":"1","b":""},"Subpath":"x","DriverConfig":{"Options":{"o":"rw","type":"nfs"}' +
      '}}},{"Type":"bind","Source":"/srv","Target":"/b","ReadOnly":true,"Consistency":"cached",' +
      '"BindOptions":{"Propagation":"rslave","NonRecursive":true}},' +
      '{"Type":"tmpfs","Target":"/c","TmpfsOptions":{"SizeBytes":1024,"Mode":1023}},' +
      '{"Type":"volume","Target":"/d","VolumeOptions":{"DriverConfig":{}}}]}',
  );
  deepStrictEqual(describeSpecs({ givenMounts: NO_GIVEN_MOUNTS }), {});
});

Deno.test("describeVolumes() sorts the paths, and gives null for none", () => {
  const volumes = ["/var/lib", "/srv"];

  deepStrictEqual(describeVolumes({ givenMounts: { ...NO_GIVEN_MOUNTS, volumes } }), {
    "/srv": {},
    "/var/lib": {},
  });
  strictEqual(describeVolumes({ givenMounts: NO_GIVEN_MOUNTS }), null);
});
