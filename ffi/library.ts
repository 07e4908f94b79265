/**
 * The only place that opens native code.
 *
 * `libwherry.so` is loaded on first use, so that everything can be imported
 * without it. Symbols are opened in groups because each one costs 0.1 ms:
 * a group is opened when its first symbol is used.
 *
 * @module
 */

/** Number that `wherry_abi()` must return; `WHERRY_ABI` of `native/wherry.h`. */
export const ABI = 1;

/** Environment variable in which the launcher passes the descriptor of `libwherry.so`. */
const LIBRARY_FD = "WHERRY_LIBRARY_FD";
/** Environment variable in which the launcher passes the sealed descriptor of `wherry-monitor`. */
const MONITOR_FD = "WHERRY_MONITOR_FD";

/** Where `deno task native` leaves `name` when wherry runs from its sources. */
function buildPath(name: string): string {
  return new URL(`../native/build/${name}`, import.meta.url).pathname;
}

/** Path from which `libwherry.so` can be opened by this process. */
function libraryPath(): string {
  const fd = Deno.env.get(LIBRARY_FD);
  return fd === undefined ? buildPath("libwherry.so") : `/proc/self/fd/${fd}`;
}

/**
 * The `wherry-monitor` program: an inherited sealed descriptor in the compiled
 * executable, a path when wherry runs from its sources.
 */
export function monitorSource(): { fd: number } | { path: string } {
  const fd = Deno.env.get(MONITOR_FD);
  return fd === undefined ? { path: buildPath("wherry-monitor") } : { fd: Number(fd) };
}

/** Environment variable in which the launcher passes the caller's soft limit of open files. */
const OPEN_FILES = "WHERRY_OPEN_FILES";

/**
 * The soft limit of open files that this process was started with, which deno raises to the hard one;
 * `undefined` when wherry runs from its sources and nobody knows it any more.
 */
export function callerOpenFilesLimit(): number | undefined {
  const limit = Deno.env.get(OPEN_FILES);
  return limit === undefined ? undefined : Number(limit);
}

/** As an address, because opening a function costs half a millisecond. */
const ABI_SYMBOL = { wherry_abi: { type: "pointer" } } as const;

let isAbiChecked = false;

/**
 * Opens a group of symbols of `libwherry.so`.
 *
 * @param symbols What to open; keep it small.
 * @returns The callable symbols. They stay open until the process ends.
 * @throws {Error} If the library is missing or of another version than this code.
 */
export function openSymbols<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.StaticForeignLibraryInterface<S> {
  const path = libraryPath();
  if (isAbiChecked) return open(path, symbols);
  // In one go with the first group: opening the library once more would cost a millisecond
  const opened = open(path, { ...symbols, ...ABI_SYMBOL });
  const address = (opened as Deno.StaticForeignLibraryInterface<typeof ABI_SYMBOL>).wherry_abi;
  const found = callAbi(address);
  if (found !== ABI) {
    throw new Error(`Cannot use "${path}": its ABI is ${found}, this wherry needs ${ABI}`);
  }
  isAbiChecked = true;
  return opened;
}

function callAbi(address: Deno.PointerValue): number | undefined {
  const definition = { parameters: [], result: "i32" } as const;
  if (address === null) return undefined;
  return new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<typeof definition>,
    definition,
  ).call();
}

function open<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.StaticForeignLibraryInterface<S> {
  try {
    return Deno.dlopen(path, symbols).symbols;
  } catch (cause) {
    throw new Error(`Cannot load "${path}": run "deno task native" first`, { cause });
  }
}

/**
 * Makes a function that opens its group on the first call and returns the same symbols ever after.
 *
 * @param symbols What to open.
 */
export function lazySymbols<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): () => Deno.StaticForeignLibraryInterface<S> {
  let opened: Deno.StaticForeignLibraryInterface<S> | undefined;
  return () => opened ??= openSymbols(symbols);
}
