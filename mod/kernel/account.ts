/** Users and groups of this host. @see passwd(5), group(5) @module */

/**
 * Names by number, as one of the host's account files has them; of several names the first.
 *
 * @param path `/etc/passwd` or `/etc/group`: in both the name comes first and the number third.
 * @returns Empty if there is no such file.
 */
export function readAccountNames(path: string): ReadonlyMap<number, string> {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
  return parseAccountNames(text);
}

/** Names by number; lines without a number are passed over. */
export function parseAccountNames(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (name !== "" && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

/**
 * Home directory of a user.
 *
 * @param path `/etc/passwd`.
 * @returns `undefined` if the file is missing, or does not know the user.
 */
export function readHomeDirectory(path: string, uid: number): string | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const lines = text.split("\n").map((line) => line.split(":"));
  return lines.find(([, , id]) => id === String(uid))?.[5];
}
