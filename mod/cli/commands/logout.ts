/** `wherry logout`. @module */

import { logOut } from "../../engine/login.ts";
import { keyOf, registryOf } from "../../image/registry/credential_store.ts";
import type { Context } from "../context.ts";
import type { LOGOUT_FLAGS } from "../definitions/image_flags.ts";
import { callerVariable } from "../environment.ts";
import type { ParsedFlags } from "../flags.ts";

/** Forgets who the user is at a registry. */
export async function run(
  { output }: Context,
  { positionals: [server = ""] }: ParsedFlags<typeof LOGOUT_FLAGS>,
): Promise<number> {
  output.writeLine(`Removing login credentials for ${keyOf(registryOf(server))}`);
  await logOut({ server, environment: callerVariable });
  return 0;
}
