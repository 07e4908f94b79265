import { throws } from "node:assert/strict";
import { checkRoom, UnpackBudget } from "./room.ts";

Deno.test("spend() refuses the first byte over the limit, whoever spent the others", () => {
  const budget = new UnpackBudget(1000);
  budget.spend(600);
  budget.spend(400);

  throws(() => budget.spend(1), {
    kind: "unsupported",
    detail: "it unpacks to more than the limit of 1000 bytes",
    hint: "Allow more with --max-unpacked",
  });
});

Deno.test("spend() refuses nothing without a limit", () => {
  new UnpackBudget(undefined).spend(Number.MAX_SAFE_INTEGER);
});

Deno.test("checkRoom() says how much is needed and how much there is", () => {
  checkRoom("/tmp", 1);

  throws(() => checkRoom("/tmp", 2 ** 60), {
    kind: "unavailable",
    message:
      /^Cannot unpack: no space left on device: it needs 1152921504606.8 MB, \d+\.\d MB are free$/,
  });
});
