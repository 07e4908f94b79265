/** Makes xz streams to test with. @module */

/**
 * Compresses with the `xz` of the host.
 *
 * @param options On top of one thread.
 */
export async function xz(
  bytes: Uint8Array<ArrayBuffer>,
  ...options: string[]
): Promise<Uint8Array<ArrayBuffer>> {
  const command = new Deno.Command("xz", {
    args: ["-c", "-T1", ...options],
    stdin: "piped",
    stdout: "piped",
  });
  await using child = command.spawn();
  const [output] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Blob([bytes]).stream().pipeTo(child.stdin),
  ]);
  return output;
}
