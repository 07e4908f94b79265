/** The caller's terminal. @see termios(3), ioctl_tty(2) @module */

import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TIOCGPGRP = 0x540f;
const TIOCGWINSZ = 0x5413;

/** `struct termios` of the kernel: four flag words, a line discipline and the control characters. */
const TERMIOS_BYTES = 36;
const VTIME = 17 + 5;
const VMIN = 17 + 6;

/** Of the local flags: what is typed is shown. */
const ECHO = 0o10;
/** Where the local flags are: the fourth word. */
const LOCAL_FLAGS = 12;

/** Bits that cfmakeraw(3) clears, by flag word: input, output, control, local. */
const RAW_CLEARS = [0o2753, 0o1, 0o460, 0o100113] as const;
const CS8 = 0o60;

/**
 * Puts the terminal on `fd` into raw mode, as cfmakeraw(3) does.
 *
 * @returns Disposing of it gives the terminal its old mode back; once is enough.
 * @throws {SystemError} ENOTTY if it is none.
 */
export function makeTerminalRaw(fd: number): Disposable {
  return changeTerminal(fd, (raw) => {
    RAW_CLEARS.forEach((bits, index) => clearBits(raw, 4 * index, bits));
    const words = new DataView(raw.buffer);
    words.setUint32(8, words.getUint32(8, true) | CS8, true);
    raw[VTIME] = 0;
    raw[VMIN] = 1;
  });
}

/**
 * Makes the terminal on `fd` show nothing of what is typed.
 *
 * @returns Disposing of it gives the terminal its old mode back; once is enough.
 * @throws {SystemError} ENOTTY if it is none.
 */
export function hideInput(fd: number): Disposable {
  return changeTerminal(fd, (modes) => clearBits(modes, LOCAL_FLAGS, ECHO));
}

function clearBits(modes: Uint8Array<ArrayBuffer>, at: number, bits: number): void {
  const words = new DataView(modes.buffer);
  words.setUint32(at, words.getUint32(at, true) & ~bits, true);
}

function changeTerminal(
  fd: number,
  change: (modes: Uint8Array<ArrayBuffer>) => void,
): Disposable {
  const before = new Uint8Array(TERMIOS_BYTES);
  checked(core.nnb(SYSCALL.ioctl, fd, TCGETS, before), "ioctl", "TCGETS");
  const after = before.slice();
  change(after);
  checked(core.nnb(SYSCALL.ioctl, fd, TCSETSW, after), "ioctl", "TCSETSW");
  return {
    [Symbol.dispose]: () => {
      // The terminal may be gone by now; there is nothing left to restore then
      core.nnb(SYSCALL.ioctl, fd, TCSETSW, before);
    },
  };
}

/** Size of the terminal on `fd`, in character cells; zeros if it is no terminal. */
export function terminalSize(fd: number): { rows: number; columns: number } {
  const size = new Uint16Array(4);
  const result = core.nnb(SYSCALL.ioctl, fd, TIOCGWINSZ, new Uint8Array(size.buffer));
  return result < 0 ? { rows: 0, columns: 0 } : { rows: size[0] ?? 0, columns: size[1] ?? 0 };
}

/**
 * Whether the terminal on `fd` is this process's controlling one and belongs to another job, so that reading it
 * would stop this process. False if it is no terminal.
 *
 * @see tcgetpgrp(3), getpgrp(2)
 */
export function isInBackground(fd: number): boolean {
  const foreground = new Int32Array(1);
  const result = core.nnb(SYSCALL.ioctl, fd, TIOCGPGRP, new Uint8Array(foreground.buffer));
  return result >= 0 && foreground[0] !== core.nnn(SYSCALL.getpgid, 0, 0, 0);
}
