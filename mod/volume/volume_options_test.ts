import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../errors.ts";
import { checkVolumeOptions } from "./volume_options.ts";

/** What is said of options that are refused. */
function refusal(options: Record<string, string>): [kind: string, text: string] {
  try {
    checkVolumeOptions("data", options);
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    return [error.kind, error.message.replace('Cannot make volume "data": ', "")];
  }
  return ["", ""];
}

const TMPFS = { type: "tmpfs", device: "tmpfs" };
const BIND = { type: "none", device: "/srv/data" };

Deno.test("checkVolumeOptions() takes what docker's documentation shows", () => {
  const good: Record<string, string>[] = [
    {},
    TMPFS,
    { ...TMPFS, o: "size=100m,uid=1000" },
    { type: "btrfs", device: "/dev/sda2" },
    { type: "nfs", o: "addr=192.168.1.1,rw", device: ":/path/to/dir" },
    { type: "cifs", o: "addr=host,username=u,password=p", device: "//host/share" },
    { ...BIND, o: "bind" },
    { type: "", device: "/srv/data", o: "rbind,ro,nosuid" },
    { ...BIND, o: "defaults,bind" },
    { size: "0" },
  ];

  for (const options of good) deepStrictEqual(refusal(options), ["", ""]);
});

Deno.test("checkVolumeOptions() names what is missing or unknown in docker's words", () => {
  const wrong = "invalid_argument";
  const cases: [Record<string, string>, string][] = [
    [{ colour: "red" }, 'invalid option: "colour"'],
    [{ Type: "tmpfs" }, 'invalid option: "Type"'],
    [{ type: "tmpfs" }, 'missing required option: "device"'],
    [{ device: "tmpfs" }, 'missing required option: "type"'],
    [{ o: "size=1m" }, 'missing required option: "device"'],
    [{ type: "tmpfs", device: "" }, 'missing required option: "device"'],
    [{ type: "", device: "tmpfs" }, 'missing required option: "type"'],
    [{ size: "big" }, 'invalid size: "big"'],
  ];

  for (const [options, text] of cases) deepStrictEqual(refusal(options), [wrong, text]);
});

Deno.test("checkVolumeOptions() refuses a size, with the reason", () => {
  const expected = ["unsupported", "quota size requested but no quota support"];

  deepStrictEqual(refusal({ size: "10m" }), expected);
  deepStrictEqual(refusal({ ...TMPFS, size: "1.5 GiB" }), expected);
});

Deno.test("checkVolumeOptions() refuses mount options that would have no effect", () => {
  const cases: [Record<string, string>, string][] = [
    [{ ...TMPFS, o: "remount" }, "invalid_argument"],
    [{ type: "ext4", device: "/a.img", o: "loop" }, "invalid_argument"],
    [{ type: "ext4", device: "/a.img", o: "loop=/dev/loop1" }, "invalid_argument"],
    [{ ...BIND, o: "bind,rslave" }, "unsupported"],
    [{ ...TMPFS, o: "shared" }, "unsupported"],
    [{ ...BIND, o: "bind,size=1m" }, "invalid_argument"],
    [{ ...BIND, device: "srv/data", o: "bind" }, "invalid_argument"],
    [{ ...TMPFS, device: "a\0b" }, "invalid_argument"],
    [{ ...TMPFS, o: `mpol=${"x".repeat(4091)}` }, "invalid_argument"],
  ];

  for (const [options, kind] of cases) deepStrictEqual(refusal(options)[0], kind, options["o"]);
  deepStrictEqual(refusal({ ...TMPFS, o: `mpol=${"x".repeat(4090)}` }), ["", ""]);
});

Deno.test("checkVolumeOptions() tells which volume it was, and a way out", () => {
  throws(
    () => checkVolumeOptions("data", { size: "1g" }),
    (error) =>
      error instanceof WherryError && error.message.startsWith('Cannot make volume "data": ') &&
      error.hint?.includes("-o type=tmpfs -o device=tmpfs -o o=size=64m") === true,
  );
});
