/** How long processes wait for what is short: PSI. @see Linux' Documentation/accounting/psi.rst @module */

/** Shares of the last ten seconds in percent, 0 to 100; `undefined` where the kernel does not say. */
export interface Pressure {
  /** In which at least one process waited. */
  some: number | undefined;
  /** In which all that could have run waited. */
  full: number | undefined;
}

/** Resources that the kernel tells the pressure of. */
export type PressureResource = "cpu" | "memory" | "io";

/**
 * Reads what a pressure file says.
 *
 * @param text Content of `cpu.pressure` of a cgroup for example.
 */
export function parsePressure(text: string): Pressure {
  return { some: averageOf(text, "some"), full: averageOf(text, "full") };
}

function averageOf(text: string, kind: "some" | "full"): number | undefined {
  const [, digits] = new RegExp(`^${kind} avg10=(\\d+(?:\\.\\d+)?) `, "m").exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
