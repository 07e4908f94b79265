/** `wherry login`. @module */

import { findLogin, logIn } from "../../engine/image/login.ts";
import { WherryError } from "../../errors.ts";
import { registryOf } from "../../image/registry/credential_store.ts";
import type { Credentials } from "../../image/registry/credentials.ts";
import { argumentError } from "../base/argument_error.ts";
import type { Context } from "../base/context.ts";
import type { LOGIN_FLAGS } from "../definitions/image_flags.ts";
import { callerVariable } from "../base/environment.ts";
import type { ParsedFlags } from "../base/flags.ts";
import type { Output } from "../base/output.ts";
import { promptLine, promptSecret } from "../terminal/prompt.ts";

type LoginFlags = ParsedFlags<typeof LOGIN_FLAGS>["flags"];
type Password = Credentials & { type: "password" };

/** Signs in to a registry, and keeps what proves it for pulls and pushes. */
export async function run(
  { output }: Context,
  { flags, positionals: [server = ""] }: ParsedFlags<typeof LOGIN_FLAGS>,
): Promise<number> {
  checkFlags(flags);
  if (flags.password !== undefined) {
    output.warn("Using --password via the CLI is insecure. Use --password-stdin.");
  }
  const isSame = flags.username === undefined && flags.password === undefined &&
    await logInAsBefore(server, output);
  if (!isSame) {
    const credentials = await askForCredentials(server, flags, output);
    await logInAs({ server, credentials, output });
  }
  output.writeLine("Login Succeeded");
  return 0;
}

/** In docker's words, all with exit status 1. */
function checkFlags(flags: LoginFlags): void {
  const refuse = (dockerWords: string): never => {
    throw argumentError(dockerWords);
  };
  if (flags["password-stdin"]) {
    if (flags.password !== undefined) {
      refuse("Conflicting options: cannot specify both --password and --password-stdin");
    }
    if (flags.username === undefined) {
      refuse("The --password-stdin option requires --username to be set");
    }
  }
  if (flags.username === "") refuse("Username is empty");
  if (flags.password === "") refuse("Password is empty");
}

/** @returns Whether that did. */
async function logInAsBefore(server: string, output: Output): Promise<boolean> {
  const credentials = await findLogin({ server, environment: callerVariable });
  if (credentials === undefined) return false;
  const name = credentials.type === "password" ? ` [Username: ${credentials.username}]` : "";
  output.note(`Authenticating with existing credentials...${name}`);
  output.note("To login with a different account, run 'wherry logout' followed by 'wherry login'");
  try {
    await logInAs({ server, credentials, output });
    return true;
  } catch (error) {
    if (!(error instanceof WherryError) || error.kind !== "unauthorized") throw error;
    output.note(`Login did not succeed: ${error.message}`);
    return false;
  }
}

async function logInAs(
  { server, credentials, output }: { server: string; credentials: Credentials; output: Output },
): Promise<void> {
  const login = await logIn({ server, credentials, environment: callerVariable });
  if (login.unencryptedFile === undefined) return;
  output.warn(
    `Your credentials are stored unencrypted in '${login.unencryptedFile}'. ` +
      "A credential helper keeps them safe: https://docs.docker.com/go/credential-store/",
  );
}

async function askForCredentials(
  server: string,
  flags: LoginFlags,
  output: Output,
): Promise<Password> {
  const given = flags["password-stdin"] ? await readPassword() : flags.password?.trim() ?? "";
  if ((flags.username === undefined || given === "") && !Deno.stdin.isTerminal()) {
    throw argumentError("Cannot perform an interactive login from a non TTY device", {
      hint: "Give the name with --username, and pipe the password in with --password-stdin",
    });
  }
  const username = flags.username?.trim() || await askForName(server, output);
  if (username === "") throw argumentError("Non-null Username Required");
  const password = given || (await promptSecret(output, "Password: ")).trim();
  if (password === "") throw argumentError("Password Required");
  return { type: "password", username, password };
}

/** As docker, the end of the last line is not part of it. */
async function readPassword(): Promise<string> {
  const text = await new Response(Deno.stdin.readable).text();
  return text.replace(/\r?\n$/, "").trim();
}

async function askForName(server: string, output: Output): Promise<string> {
  const known = await findLogin({ server, environment: callerVariable });
  const usual = known?.type === "password" ? known.username : "";
  if (usual === "" && registryOf(server) === "docker.io") {
    output.writeLine(
      "Log in with your Docker ID or email address to push and pull images from Docker Hub.",
    );
  }
  const question = usual === "" ? "Username: " : `Username (${usual}): `;
  return (await promptLine(output, question)).trim() || usual;
}
