import { strictEqual, throws } from "node:assert/strict";
import { runFilter } from "../../tests/fakes/filter_machine.ts";
import { FilterProgram, MAX_INSTRUCTIONS, SECCOMP_DATA, type Target } from "./seccomp.ts";

const ARCHITECTURE = 1;
const FAR = 2000;

/** A search through so many numbers, one after the other, each of which returns itself. */
function addSteps(program: FilterProgram, count: number): Target {
  let next: Target = { returns: 0 };
  for (let number = count; number > 0; number--) {
    next = program.jump("equal", number, { onTrue: { returns: number }, onFalse: next });
  }
  return next;
}

Deno.test("FilterProgram reaches what is further away than a conditional jump", () => {
  const program = new FilterProgram();
  const far = program.load(
    SECCOMP_DATA.ARGUMENTS,
    program.jump("equal", 7, {
      onTrue: { returns: 1 },
      onFalse: { returns: 2 },
    }),
  );
  const steps = addSteps(program, FAR / 2);
  const text = program.finish(
    program.load(
      SECCOMP_DATA.NUMBER,
      program.jump("equal", FAR, { onTrue: far, onFalse: steps }),
    ),
  );

  strictEqual(runFilter(text, { architecture: ARCHITECTURE, number: FAR, args: [7n] }), 1);
  strictEqual(runFilter(text, { architecture: ARCHITECTURE, number: FAR, args: [8n] }), 2);
  strictEqual(runFilter(text, { architecture: ARCHITECTURE, number: 999 }), 999);
});

Deno.test("FilterProgram.finish() takes a value for a whole program", () => {
  strictEqual(new FilterProgram().finish({ returns: 0x7fff0000 }), "060000000000ff7f");
});

Deno.test("FilterProgram.finish() refuses what is too long for the kernel", () => {
  const program = new FilterProgram();
  const entry = addSteps(program, MAX_INSTRUCTIONS / 2);

  throws(
    () => program.finish(program.load(SECCOMP_DATA.NUMBER, entry)),
    new RangeError(
      `Cannot make a filter of ${
        MAX_INSTRUCTIONS + 2
      } instructions: the kernel takes ${MAX_INSTRUCTIONS}`,
    ),
  );
});
