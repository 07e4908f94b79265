import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { listDevices, readDevice, splitDeviceNumber } from "./device.ts";

Deno.test("readDevice() tells number, mode and owner of a device", () => {
  const device = readDevice("/dev/null");

  deepStrictEqual(device, {
    path: "/dev/null",
    type: "c",
    major: 1,
    minor: 3,
    mode: 0o666,
    uid: 0,
    gid: 0,
  });
});

Deno.test("readDevice() finds no device in a directory, a file or a link to one", () => {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${directory}/file`, "");
    Deno.symlinkSync("/dev/null", `${directory}/link`);

    for (const path of [directory, `${directory}/file`, `${directory}/link`]) {
      strictEqual(readDevice(path), undefined);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("readDevice() throws when there is nothing", () => {
  throws(() => readDevice("/dev/no such device"), Deno.errors.NotFound);
});

for (
  const { rdev, major, minor } of [
    { rdev: 0x103, major: 1, minor: 3 },
    { rdev: 0x8800 | 17, major: 136, minor: 17 },
    { rdev: 0x12300000 | 0x45 | 0xfff00, major: 0xfff, minor: 0x12345 },
    { rdev: 0xffffffff, major: 0xfff, minor: 0xfffff },
  ]
) {
  Deno.test(`splitDeviceNumber() makes ${major} and ${minor} of ${rdev}`, () => {
    deepStrictEqual(splitDeviceNumber(rdev), { major, minor });
  });
}

Deno.test("listDevices() finds devices and looks only where it is wanted to", () => {
  const paths = listDevices("/dev", ({ name }) => ["null", "zero", "shm", "fd"].includes(name))
    .map(({ path }) => path);

  deepStrictEqual(paths, ["/dev/null", "/dev/zero"]);
});
