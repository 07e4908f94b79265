/** Hardware addresses of Ethernet links. @module */

/**
 * Reads a hardware address.
 *
 * @param text Six pairs of hexadecimal digits, with `:` or `-` between them.
 * @returns `undefined` if it is something else.
 */
export function parseMacAddress(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[0-9a-f]{2}([:-])([0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (pair) => parseInt(pair, 16));
}

/** Whether a hardware address stands for several links, as that for broadcasts does. */
export function isGroupAddress([first = 0]: Uint8Array): boolean {
  return (first & 1) !== 0;
}

/** Writes a hardware address in lower case, for example `02:42:0a:d3:00:02`; empty for no bytes. */
export function formatMacAddress(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
