import { deepStrictEqual, throws } from "node:assert/strict";
import { parseTmpfsFlag } from "./tmpfs_flag.ts";

Deno.test("parseTmpfsFlag() takes a path with options", () => {
  deepStrictEqual(parseTmpfsFlag("/run:size=1m,exec"), {
    type: "tmpfs",
    target: "/run",
    options: "size=1m,exec",
  });
});

Deno.test("parseTmpfsFlag() takes a path alone", () => {
  deepStrictEqual(parseTmpfsFlag("/run/x/"), { type: "tmpfs", target: "/run/x", options: "" });
});

const malformed: [text: string, why: string][] = [
  ["", "invalid mount path: '' mount path must be absolute"],
  ["run", "invalid mount path: 'run' mount path must be absolute"],
  ["/", "invalid specification: destination can't be '/'"],
  ["/proc", '"/proc" cannot be mounted because it is not of type proc'],
  ["/proc/sys:ro", '"/proc/sys" cannot be mounted because it is inside /proc'],
  ["/run:ro,size=much", 'tmpfs takes no option "size=much"'],
  ["/run:size=9223372036854775808", 'tmpfs takes no option "size=9223372036854775808"'],
  ["/run:size=8589934592g", 'tmpfs takes no option "size=8589934592g"'],
  ["/run:ro,mode=9", 'tmpfs takes no option "mode=9"'],
  ["/run:ro,nonsense", 'tmpfs takes no option "nonsense"'],
  ["/run:ro,uid=root", 'tmpfs takes no option "uid=root"'],
];
for (const [text, why] of malformed) {
  Deno.test(`parseTmpfsFlag() refuses "${text}"`, () => {
    throws(() => parseTmpfsFlag(text), {
      kind: "invalid_argument",
      message: `Cannot mount "${text}": ${why}`,
    });
  });
}
