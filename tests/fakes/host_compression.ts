/** Makes streams to test with by the compressors of the host. @module */

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Compresses with `xz`.
 *
 * @param options On top of one thread.
 */
export async function xz(bytes: Bytes, ...options: string[]): Promise<Bytes> {
  return await pipe("xz", ["-c", "-T1", ...options], bytes);
}

/** Compresses with `bzip2`. */
export async function bzip2(bytes: Bytes, ...options: string[]): Promise<Bytes> {
  return await pipe("bzip2", ["-c", ...options], bytes);
}

async function pipe(program: string, args: string[], bytes: Bytes): Promise<Bytes> {
  const command = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" });
  await using child = command.spawn();
  const [output] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Blob([bytes]).stream().pipeTo(child.stdin),
  ]);
  return output;
}
