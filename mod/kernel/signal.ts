/** Signals by name. @see signal(7) @module */

const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};

const MAX_SIGNAL = 64;
const RTMIN = 34;

/**
 * Takes a signal as people write it.
 *
 * @param text A number from 1 to 64, or a name with or without `SIG` in any case, `RTMIN+3` included.
 * @returns `undefined` if it is none.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= MAX_SIGNAL ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime === null) return NUMBERS[name];
  const [, end, sign = "+", offset = "0"] = realtime;
  const number = (end === "MIN" ? RTMIN : MAX_SIGNAL) + (sign === "-" ? -1 : 1) * Number(offset);
  return number >= RTMIN && number <= MAX_SIGNAL ? number : undefined;
}
