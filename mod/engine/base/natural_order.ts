/** The order of names with numbers in them: pure. @module */

/**
 * Compares numbers by their value, as docker's client sorts: `web2` before `web10`.
 *
 * @returns Less than 0 if `a` comes first, more if `b` does.
 */
export function compareNaturally(a: string, b: string): number {
  const [aParts, bParts] = [splitAtNumbers(a), splitAtNumbers(b)];
  for (const [index, part] of aParts.entries()) {
    const other = bParts[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const difference = /^\d/.test(part) && /^\d/.test(other) ? Number(part) - Number(other) : 0;
    return difference !== 0 ? difference : part < other ? -1 : 1;
  }
  return aParts.length - bParts.length;
}

function splitAtNumbers(text: string): string[] {
  return text.match(/\d+|\D+/g) ?? [];
}
