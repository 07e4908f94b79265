import { match, strictEqual } from "node:assert/strict";
import { securityFailure } from "./security_failure.ts";

for (
  const [step, errno, message] of [
    [["mask", "/proc/keys"], 2, `Cannot hide "/proc/keys": the container's /dev/null is missing`],
    [
      ["mask", "/proc/keys"],
      19,
      `Cannot hide "/proc/keys": the container's /dev/null is another device`,
    ],
    [["mask", "/proc/keys"], 40, 'Cannot hide "/proc/keys": there is a symbolic link on the way'],
    [
      ["readonly", "/proc/sys"],
      40,
      'Cannot protect "/proc/sys": there is a symbolic link on the way',
    ],
    [["readonly", "/proc/sys"], 2, undefined],
    [["chdir", "/"], 2, undefined],
  ] as const
) {
  Deno.test(`securityFailure() has words for ${step[0]} and errno ${errno}`, () => {
    strictEqual(securityFailure(step, errno)?.message, message);
  });
}

Deno.test("securityFailure() says what is to be on /dev", () => {
  match(securityFailure(["mask", "/proc/keys"], 2)?.hint ?? "", /has to have the usual devices/);
});
