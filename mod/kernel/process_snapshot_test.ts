import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { openForReading } from "./open.ts";
import { describeOpenFiles, type OpenFile } from "./process_snapshot.ts";

const F_DUPFD_CLOEXEC = 1030;
const O_CLOEXEC = 0o2000000;
/** Where nothing of deno's is. */
const FREE = 5000;

/** Another number, from `FREE` on, for an open file. */
function copyOf({ number }: Descriptor): Descriptor {
  const result = core.nnn(SYSCALL.fcntl, number, F_DUPFD_CLOEXEC, FREE);
  return new Descriptor(checked(result, "fcntl", `descriptor ${number}`));
}

/** What is open from `FREE` on. */
function describeHigh(): OpenFile[] {
  return describeOpenFiles().filter(({ number }) => number >= FREE);
}

Deno.test("describeOpenFiles() tells a copy of a file from another file", () => {
  using file = openForReading("/dev/null");
  using other = openForReading("/dev/null");
  using one = copyOf(file);
  using copy = copyOf(file);
  using two = copyOf(other);

  const described = describeHigh();

  deepStrictEqual(
    described.map(({ kind, number, other }) => [kind, number, other]),
    [[4, one.number, undefined], [4, two.number, undefined], [1, copy.number, one.number]],
  );
  for (const { flags = 0 } of described) strictEqual(flags & O_CLOEXEC, O_CLOEXEC);
});

Deno.test("describeOpenFiles() refuses what it could not open again", () => {
  using file = openForReading("/dev/zero");
  using _copy = copyOf(file);

  throws(describeOpenFiles, /nobody knows how to open "\/dev\/zero" again$/);
});

Deno.test("describeOpenFiles() leaves out what callers may have", () => {
  using _file = openForReading("/dev/zero");

  deepStrictEqual(describeHigh(), []);
});
