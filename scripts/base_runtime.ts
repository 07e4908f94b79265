/**
 * Finds out whether `deno compile` can work here.
 *
 * @module
 */

/** Longest time to wait for the network, in milliseconds. */
const NETWORK_TIMEOUT_MS = 1500;

/** Directory in which deno keeps what it has downloaded. */
function denoDirectory(): string | undefined {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? (home === undefined ? home : `${home}/.cache`);
  return Deno.env.get("DENO_DIR") ?? (caches === undefined ? caches : `${caches}/deno`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(NETWORK_TIMEOUT_MS);
    const response = await fetch(url, { method: "HEAD", signal });
    return response.ok;
  } catch {
    // No network, no route, no name, too slow: all mean that it cannot be had from there.
    return false;
  }
}

/**
 * Whether the base runtime of `deno compile` (`denort`) can be had: named by
 * `DENORT_BIN`, in deno's cache, or over the network.
 *
 * Takes 1.5 s at most, and prints nothing.
 *
 * @see https://docs.deno.com/runtime/reference/cli/compile/
 */
export async function hasBaseRuntime(): Promise<boolean> {
  const named = Deno.env.get("DENORT_BIN");
  if (named !== undefined) return await exists(named);
  const file = `release/v${Deno.version.deno}/denort-${Deno.build.target}.zip`;
  const directory = denoDirectory();
  if (directory !== undefined && await exists(`${directory}/dl/${file}`)) return true;
  return await answers(`https://dl.deno.land/${file}`);
}
