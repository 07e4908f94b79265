/** `wherry logout`. @module */

import { logOut } from "../../engine/image/login.ts";
import { keyOf, registryOf } from "../../image/registry/credential_store.ts";
import type { Context } from "../base/context.ts";
import type { LOGOUT_FLAGS } from "../definitions/image_flags.ts";
import { callerVariable } from "../base/environment.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** Forgets who the user is at a registry. */
export async function run(
  { output }: Context,
  { positionals: [server = ""] }: ParsedFlags<typeof LOGOUT_FLAGS>,
): Promise<number> {
  output.writeLine(`Removing login credentials for ${keyOf(registryOf(server))}`);
  await logOut({ server, environment: callerVariable });
  return 0;
}
