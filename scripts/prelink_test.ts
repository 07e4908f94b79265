import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { ElfProgram } from "./prelink.ts";

/** An address far from what the kernel chooses. */
const BASE = 0x5a12_3456_0000n;

async function compile(source: string, ...flags: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/a.c`, source);
    const args = [`${directory}/a.c`, "-o", `${directory}/a`, ...flags];
    const { success } = await new Deno.Command("gcc", { args }).output();
    ok(success, "gcc");
    return await Deno.readFile(`${directory}/a`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const WITH_POINTERS = `
int a, b;
int *const pointers[] = { &a, &b, &a };
int main(void) { return *pointers[0]; }
`;

/** Values of 64 bits in `bytes`. */
function words(bytes: Uint8Array<ArrayBuffer>): BigUint64Array {
  return new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
}

Deno.test("ElfProgram.interpreter names the dynamic linker", async () => {
  const program = new ElfProgram(await compile(WITH_POINTERS, "-pie"));
  match(program.interpreter, /^\/lib.*\/ld-.*\.so/);
});

Deno.test("ElfProgram.neededLibraries lists the libraries in their order", async () => {
  const program = new ElfProgram(
    await compile(WITH_POINTERS, "-pie", "-Wl,--no-as-needed", "-lm"),
  );
  deepStrictEqual(program.neededLibraries, ["libm.so.6", "libc.so.6"]);
});

Deno.test("ElfProgram.prelink() writes the addresses that the pointers have at the base", async () => {
  const program = new ElfProgram(await compile(WITH_POINTERS, "-pie"));
  const before = words(program.bytes).filter((word) => word >> 16n === BASE >> 16n).length;
  const { count } = program.prelink(BASE);
  const after = words(program.bytes).filter((word) => word >> 16n === BASE >> 16n).length;
  ok(count >= 3n);
  strictEqual(BigInt(after - before), count);
});

Deno.test("ElfProgram.prelink() leaves nothing to do for a second call", async () => {
  const program = new ElfProgram(await compile(WITH_POINTERS, "-pie"));
  program.prelink(BASE);
  strictEqual(new ElfProgram(program.bytes).prelink(BASE).count, 0n);
});

Deno.test("ElfProgram() refuses what is no ELF program", () => {
  throws(() => new ElfProgram(new TextEncoder().encode("#!/bin/sh\n".repeat(20))), SyntaxError);
});

Deno.test("ElfProgram() refuses a program that is linked statically", async () => {
  const program = await compile("void _start(void) {}", "-static", "-nostdlib");
  throws(() => new ElfProgram(program), SyntaxError);
});
